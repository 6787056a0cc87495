#include "generator/run/training_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "generator/error.h"
#include "generator/run/blocks.h"
#include "generator/shape.h"

namespace mambac {
namespace {

// The cotangent of the outputs, (batch, T, output_size).
std::vector<float> read_d_outputs(const SafetensorsFile& file, const Case& given, const mambac_artifact& table) {
  std::vector<int64_t> shape{given.count, table.output_size};
  if (given.batched) shape.insert(shape.begin(), table.batch);
  if (!file.has("d_outputs") || file.at("d_outputs").shape != shape) {
    fail(ExitCode::input, "{}: `d_outputs` {}; program train needs it in shape {}", file.path().string(),
         file.has("d_outputs") ? "has shape " + shape_text(file.at("d_outputs").shape) : "is missing",
         shape_text(shape));
  }
  const TensorView& tensor = file.at("d_outputs");
  std::vector<float> values(int64_t{table.batch} * given.count * table.output_size);
  tensor.read(0, std::span(values).first(tensor.count()));
  return values;
}

// One block that has gone forward.
struct Block {
  int64_t first = 0, count = 0;
  std::unique_ptr<ArtifactMemory> tape;
};

}  // namespace

std::vector<Answer> run_training_case(const SafetensorsFile& file, const Case& given, int64_t block_tokens,
                                      const Artifact& artifact, const StateLayout& layout, Session& session) {
  const mambac_artifact& table = artifact.table();
  const int64_t batch = table.batch, outputs = table.output_size, total = given.count;
  const std::vector<float> d_outputs = read_d_outputs(file, given, table);
  std::vector<float> d_state_floats =
      read_state(file, layout, "d_", "out", given.batched, given.batched ? table.batch : 1);
  d_state_floats.resize(batch * layout.sequence_floats);

  session.reset();
  std::vector<std::byte> state = session.state();
  const std::span<float> state_floats = floats_of_state(state, table, layout);
  ArtifactMemory d_state(table, table.state_bytes);
  std::memcpy(d_state.data(), state.data(), state.size() - state_floats.size_bytes());  // the header
  const std::span<float> d_floats =
      floats_of_state({static_cast<std::byte*>(d_state.data()), table.state_bytes}, table, layout);
  std::ranges::copy(d_state_floats, d_floats.begin());
  std::ranges::copy(given.state, state_floats.begin());
  session.set_state(state);

  std::vector<Block> blocks;
  std::vector<float> all_outputs(batch * total * outputs);
  for (int64_t first = 0; first < total; first += block_tokens) {
    const int64_t count = std::min(block_tokens, total - first);
    blocks.push_back({first, count, std::make_unique<ArtifactMemory>(table, table.tape_bytes)});
    const std::vector<int32_t> tokens = block_of<int32_t>(given.tokens, batch, total, 1, first, count);
    const std::vector<float> values = block_of<float>(given.values, batch, total, table.input_size, first, count);
    std::vector<float> output(batch * count * outputs);
    const void* input = tokens.empty() ? static_cast<const void*>(values.data()) : tokens.data();
    session.train(*artifact.weights(), *blocks.back().tape, input, static_cast<int32_t>(count), output);
    put_block(output, all_outputs, batch, total, outputs, first, count);
  }
  std::vector<Answer> answers{make_answer("outputs", {total, outputs}, std::move(all_outputs), batch, given.batched)};
  state = session.state();
  std::ranges::move(state_answers(floats_of_state(state, table, layout), table, layout, given.batched),
                    std::back_inserter(answers));

  const int64_t width =
      table.vocabulary > 0 ? artifact.plan().at("model").at("model_size").get<int64_t>() : table.input_size;
  std::vector<float> gradients(table.parameters), d_inputs(batch * total * width);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    std::vector<float> d_block(batch * block->count * width);
    session.backward(*artifact.weights(), *block->tape,
                     block_of<float>(d_outputs, batch, total, outputs, block->first, block->count), &d_state, gradients,
                     &d_state, d_block);
    put_block(d_block, d_inputs, batch, total, width, block->first, block->count);
  }
  for (const mambac_parameter& parameter : std::span(table.parameter_table, table.parameter_count)) {
    const std::span<const int64_t> shape = shape_of(parameter);
    const auto first = gradients.begin() + parameter.offset;
    answers.push_back({fmt::format("grad.{}", parameter.name),
                       {shape.begin(), shape.end()},
                       std::vector<float>(first, first + element_count(shape))});
  }
  std::ranges::move(state_gradients(d_floats, table, layout, given.batched), std::back_inserter(answers));
  if (!given.batched) d_inputs.resize(total * width);
  answers.push_back(make_answer(table.vocabulary > 0 ? "grad.embedded" : "grad.inputs", {total, width},
                                std::move(d_inputs), given.batched ? batch : 1, given.batched));
  return answers;
}

}  // namespace mambac
