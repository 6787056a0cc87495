#include "generator/bench/random_inputs.h"

#include "generator/text/random.h"

namespace mambac {

RandomInputs random_inputs(const Artifact& artifact, size_t count, uint64_t seed) {
  RandomInputs inputs;
  if (artifact.table().vocabulary > 0) {
    const auto real = artifact.plan().at("model").at("vocabulary_used").get<uint64_t>();
    inputs.tokens.resize(count);
    for (size_t i = 0; i < count; ++i) inputs.tokens[i] = static_cast<int32_t>(random_bits(seed, i) % real);
  } else {
    inputs.values.resize(count);
    for (size_t i = 0; i < count; ++i) inputs.values[i] = static_cast<float>(2 * random_uniform(seed, i) - 1);
  }
  return inputs;
}

}  // namespace mambac
