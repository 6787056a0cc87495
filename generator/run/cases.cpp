#include "generator/run/cases.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "generator/error.h"
#include "generator/run/blocks.h"
#include "generator/shape.h"

namespace mambac {
namespace {

// Shape of a state tensor in case files.
std::vector<int64_t> golden_shape(const StateTensor& tensor) {
  std::vector<int64_t> shape;
  for (int64_t dimension : tensor.golden_order) shape.push_back(tensor.shape.at(dimension));
  return shape;
}

// For every element of a state tensor in the order of case files: where it lies in a sequence's part of the state.
std::vector<int64_t> golden_offsets(const StateTensor& tensor) {
  const size_t dimensions = tensor.shape.size();
  std::vector<int64_t> strides(dimensions, 1);
  for (size_t i = dimensions - 1; i-- > 0;) {
    strides[i] = strides[i + 1] * (i + 2 == dimensions ? tensor.padded_last : tensor.shape[i + 1]);
  }
  std::vector<int64_t> offsets{tensor.offset};
  for (int64_t dimension : tensor.golden_order) {
    std::vector<int64_t> longer;
    for (int64_t offset : offsets) {
      for (int64_t i = 0; i < tensor.shape.at(dimension); ++i) longer.push_back(offset + i * strides.at(dimension));
    }
    offsets = std::move(longer);
  }
  return offsets;
}

// The input tensor, checked for its shape; the case's `batched` and `count` follow from it.
const TensorView& read_input_shape(const SafetensorsFile& file, const mambac_artifact& artifact, Case& given) {
  const bool continuous = artifact.vocabulary == 0;
  const std::string name = continuous ? "inputs" : "input_ids", other = continuous ? "input_ids" : "inputs";
  if (!file.has(name)) {
    fail(ExitCode::input, "{}: the tensor `{}` is missing{}: {} takes {}", file.path().string(), name,
         file.has(other) ? fmt::format(" (there is `{}`)", other) : "", artifact.name,
         continuous ? "continuous input" : "tokens");
  }
  const TensorView& input = file.at(name);
  std::vector<int64_t> shape = input.shape;
  const bool right_width = !continuous || (!shape.empty() && shape.back() == artifact.input_size);
  if (continuous && !shape.empty()) shape.pop_back();
  if (!right_width || shape.empty() || shape.size() > 2 || shape.back() < 1) {
    fail(ExitCode::input, "{}: `{}` has shape {}; expected {} or {}, at least one token", file.path().string(), name,
         shape_text(input.shape), continuous ? fmt::format("(T, {})", artifact.input_size) : "(T)",
         continuous ? fmt::format("(B, T, {})", artifact.input_size) : "(B, T)");
  }
  given.batched = shape.size() == 2;
  given.count = shape.back();
  if (given.batched && shape.front() != artifact.batch) {
    fail(ExitCode::input, "{}: `{}` holds {} sequences, {} is built for a batch of {}; build one with --batch {}",
         file.path().string(), name, shape.front(), artifact.name, artifact.batch, shape.front());
  }
  return input;
}

std::vector<int32_t> read_tokens(const SafetensorsFile& file, const TensorView& input,
                                 const mambac_artifact& artifact) {
  if (input.type != TensorType::i64 && input.type != TensorType::i32) {
    fail(ExitCode::input, "{}: `input_ids` has type {}; expected I64 or I32", file.path().string(),
         name_of(input.type));
  }
  std::vector<int32_t> tokens(input.count());
  for (int64_t i = 0; i < input.count(); ++i) {
    const double token = input.at(i);
    if (token < 0 || token >= artifact.vocabulary) {
      fail(ExitCode::input, "{}: `input_ids` holds token {:.0f} at position {}; the vocabulary has {} tokens",
           file.path().string(), token, i, artifact.vocabulary);
    }
    tokens[i] = static_cast<int32_t>(token);
  }
  return tokens;
}

template <typename Value>
void repeat(std::vector<Value>& values, int64_t times) {
  const auto size = static_cast<int64_t>(values.size());
  values.resize(size * times);
  for (int64_t i = size; i < size * times; ++i) values[i] = values[i - size];
}

void check_same_bits(const std::string& name, std::span<const float> values, int64_t sequences) {
  const size_t size = values.size() / sequences;
  for (int64_t sequence = 1; sequence < sequences; ++sequence) {
    if (std::memcmp(values.data(), values.data() + sequence * size, size * sizeof(float)) != 0) {
      fail(ExitCode::difference, "`{}`: sequence {} of the batch has other bits than sequence 0 on the same input",
           name, sequence);
    }
  }
}

// The floats of a state: what follows its header.
std::vector<float> state_floats(const Session& session, const mambac_artifact& artifact, const StateLayout& layout) {
  const std::vector<std::byte> state = session.state();
  std::vector<float> floats(artifact.batch * layout.sequence_floats);
  std::memcpy(floats.data(), state.data() + state.size() - floats.size() * sizeof(float),
              floats.size() * sizeof(float));
  return floats;
}

void set_state_floats(Session& session, std::span<const float> floats) {
  std::vector<std::byte> state = session.state();
  std::memcpy(state.data() + state.size() - floats.size_bytes(), floats.data(), floats.size_bytes());
  session.set_state(state);
}

}  // namespace

StateLayout read_state_layout(const nlohmann::ordered_json& plan) {
  try {
    StateLayout layout;
    layout.sequence_floats = plan.at("state_floats");
    for (const auto& from : plan.at("state")) {
      StateTensor tensor;
      from.at("name").get_to(tensor.name);
      from.at("golden_name").get_to(tensor.golden_name);
      from.at("layer").get_to(tensor.layer);
      from.at("shape").get_to(tensor.shape);
      from.at("golden_order").get_to(tensor.golden_order);
      from.at("padded_last").get_to(tensor.padded_last);
      from.at("offset").get_to(tensor.offset);
      layout.tensors.push_back(std::move(tensor));
    }
    return layout;
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::input, "plan.json does not describe the state ({}): build the artifact again", error.what());
  }
}

std::vector<float> read_state(const SafetensorsFile& file, const StateLayout& layout, const std::string& prefix,
                              const std::string& suffix, bool batched, int64_t sequences) {
  std::vector<float> state(sequences * layout.sequence_floats);
  std::string absent, present;
  for (const StateTensor& tensor : layout.tensors) {
    const std::string name = fmt::format("{}{}_{}.{}", prefix, tensor.golden_name, suffix, tensor.layer);
    (file.has(name) ? present : absent) = name;
    if (!file.has(name)) continue;
    std::vector<int64_t> shape = golden_shape(tensor);
    if (batched) shape.insert(shape.begin(), sequences);
    if (file.at(name).shape != shape) {
      fail(ExitCode::input, "{}: `{}` has shape {}; expected {}", file.path().string(), name,
           shape_text(file.at(name).shape), shape_text(shape));
    }
    std::vector<float> values(element_count(shape));
    file.at(name).read(0, std::span(values));
    const std::vector<int64_t> offsets = golden_offsets(tensor);
    for (size_t i = 0; i < values.size(); ++i) {
      state[i / offsets.size() * layout.sequence_floats + offsets[i % offsets.size()]] = values[i];
    }
  }
  if (!present.empty() && !absent.empty()) {
    fail(ExitCode::input, "{}: `{}` is missing, but `{}` is there; give the whole state or none of it",
         file.path().string(), absent, present);
  }
  return state;
}

Case read_case(const SafetensorsFile& file, const mambac_artifact& artifact, const StateLayout& layout) {
  Case given;
  const TensorView& input = read_input_shape(file, artifact, given);
  if (artifact.vocabulary > 0) {
    given.tokens = read_tokens(file, input, artifact);
  } else {
    given.values.resize(input.count());
    input.read(0, std::span(given.values));
  }
  given.state = read_state(file, layout, "", "in", given.batched, given.batched ? artifact.batch : 1);
  if (!given.batched) {
    repeat(given.tokens, artifact.batch);
    repeat(given.values, artifact.batch);
    repeat(given.state, artifact.batch);
  }
  return given;
}

Answer make_answer(std::string name, std::vector<int64_t> shape, std::vector<float> values, int64_t sequences,
                   bool batched) {
  if (batched) {
    shape.insert(shape.begin(), sequences);
  } else {
    check_same_bits(name, values, sequences);
    values.resize(values.size() / sequences);
  }
  return {std::move(name), std::move(shape), std::move(values)};
}

namespace {

// The tensors of `sequences` sequences; `names`: of golden name and layer.
std::vector<Answer> answers_of_state(std::span<const float> state, int64_t sequences, const StateLayout& layout,
                                     fmt::format_string<const std::string&, const int64_t&> names, bool batched) {
  std::vector<Answer> answers;
  for (const StateTensor& tensor : layout.tensors) {
    std::vector<float> values;
    for (int64_t sequence = 0; sequence < sequences; ++sequence) {
      for (int64_t offset : golden_offsets(tensor)) values.push_back(state[sequence * layout.sequence_floats + offset]);
    }
    answers.push_back(make_answer(fmt::format(names, tensor.golden_name, tensor.layer), golden_shape(tensor),
                                  std::move(values), sequences, batched));
  }
  return answers;
}

}  // namespace

std::vector<Answer> state_answers(std::span<const float> state, const mambac_artifact& artifact,
                                  const StateLayout& layout, bool batched) {
  return answers_of_state(state, artifact.batch, layout, "{}_out.{}", batched);
}

std::vector<Answer> state_gradients(std::span<const float> d_state, const mambac_artifact& artifact,
                                    const StateLayout& layout, bool batched) {
  return answers_of_state(d_state, batched ? artifact.batch : 1, layout, "grad.{}_in.{}", batched);
}

std::span<float> floats_of_state(std::span<std::byte> state, const mambac_artifact& artifact,
                                 const StateLayout& layout) {
  const size_t floats = artifact.batch * layout.sequence_floats;
  return {reinterpret_cast<float*>(state.last(floats * sizeof(float)).data()), floats};
}

std::vector<float> run_program(const std::string& program, const Artifact& artifact, Session& session,
                               std::span<const int32_t> tokens, std::span<const float> values, int64_t count) {
  const mambac_artifact& table = artifact.table();
  const int64_t batch = table.batch, most = program == "step" ? 1 : table.forward_tokens;
  std::vector<float> outputs(batch * count * table.output_size), block_outputs;
  for (int64_t first = 0; first < count; first += most) {
    const int64_t block = std::min(most, count - first);
    const std::vector<int32_t> block_tokens = block_of<int32_t>(tokens, batch, count, 1, first, block);
    const std::vector<float> block_values = block_of<float>(values, batch, count, table.input_size, first, block);
    const void* input = tokens.empty() ? static_cast<const void*>(block_values.data()) : block_tokens.data();
    block_outputs.resize(batch * block * table.output_size);
    if (program == "step") {
      session.step(input, block_outputs);
    } else {
      session.forward(input, static_cast<int32_t>(block), MAMBAC_ALL, block_outputs);
    }
    put_block(block_outputs, outputs, batch, count, table.output_size, first, block);
  }
  return outputs;
}

std::vector<Answer> run_case(const Case& given, const std::string& program, const Artifact& artifact,
                             const StateLayout& layout, Session& session) {
  const mambac_artifact& table = artifact.table();
  session.reset();
  set_state_floats(session, given.state);
  std::vector<float> outputs = run_program(program, artifact, session, given.tokens, given.values, given.count);
  std::vector<Answer> answers{
      make_answer("outputs", {given.count, table.output_size}, std::move(outputs), table.batch, given.batched)};
  std::ranges::move(state_answers(state_floats(session, table, layout), table, layout, given.batched),
                    std::back_inserter(answers));
  return answers;
}

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

double relative_error(std::span<const double> given, std::span<const double> right) {
  if (given.size() != right.size()) {
    fail(ExitCode::internal, "{} values compared with {}", given.size(), right.size());
  }
  double difference = 0, norm = 0;
  for (size_t i = 0; i < right.size(); ++i) {
    difference += (given[i] - right[i]) * (given[i] - right[i]);
    norm += right[i] * right[i];
  }
  if (difference == 0) return 0;
  return norm == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(difference / norm);
}

}  // namespace mambac
