// What programs are timed with.
#pragma once

#include <cstdint>
#include <vector>

#include "generator/run/host.h"

namespace mambac {

// `count` tokens below the vocabulary's padding, or values in [-1, 1), as the artifact takes them; the other is empty.
struct RandomInputs {
  std::vector<int32_t> tokens;
  std::vector<float> values;

  // From the one of that number on.
  const void* from(size_t first) const {
    return tokens.empty() ? static_cast<const void*>(&values[first]) : &tokens[first];
  }
};

// The same for the same seed.
RandomInputs random_inputs(const Artifact& artifact, size_t count, uint64_t seed);

}  // namespace mambac
