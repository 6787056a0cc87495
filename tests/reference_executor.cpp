#include "tests/reference_executor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr double unwritten = std::numeric_limits<double>::quiet_NaN();

int64_t product(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// A finite value rounded to bfloat16, ties to even.
double round_to_bf16(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
  return std::bit_cast<float>(rounded);
}

int64_t padded_size(const StateTensor& tensor) {
  return product(tensor.shape) / std::max<int64_t>(tensor.shape.back(), 1) * tensor.padded_last;
}

}  // namespace

Executor::Executor(const Plan& plan, const SafetensorsFile& checkpoint) : plan_(plan) {
  for (const PackedTensor& tensor : plan.weights) weights_[tensor.name] = load(tensor, checkpoint);
  reset();
}

// (padded rows, columns) for panels, (columns, padded rows) for transposed, (rows, columns) for rows.
std::vector<double> Executor::load(const PackedTensor& tensor, const SafetensorsFile& checkpoint) const {
  // mamba_ssm's name of the embedding differs from Hugging Face's, which plans use.
  const bool original = tensor.source == "backbone.embeddings.weight" && !checkpoint.has(tensor.source);
  const TensorView& view = checkpoint.at(original ? "backbone.embedding.weight" : tensor.source);
  std::vector<double> source(view.count());
  view.read(0, std::span(source));
  if (view.count() != tensor.rows * tensor.columns) {
    fail(ExitCode::internal, "`{}` is planned as {} x {}, the checkpoint's `{}` has {} values", tensor.name,
         tensor.rows, tensor.columns, tensor.source, view.count());
  }
  for (double& value : source) {
    if (tensor.transform == Transform::negative_exponential) value = -std::exp(value);
    if (tensor.type == WeightType::bf16) value = round_to_bf16(value);
  }
  if (tensor.packing == Packing::rows) return source;

  std::vector<double> packed(tensor.padded_rows * tensor.columns);
  int64_t packed_row = 0;
  for (const Segment& segment : tensor.segments) {
    for (int64_t row = 0; row < segment.rows; ++row) {
      for (int64_t column = 0; column < tensor.columns; ++column) {
        const int64_t to = tensor.packing == Packing::transposed ? column * tensor.padded_rows + packed_row + row
                                                                 : (packed_row + row) * tensor.columns + column;
        packed.at(to) = source.at((segment.first_row + row) * tensor.columns + column);
      }
    }
    packed_row += round_up(segment.rows, channel_padding);
  }
  return packed;
}

void Executor::reset() { state_.assign(plan_.deployment.batch * plan_.state_floats, 0); }

void Executor::set_state(int64_t sequence, const std::string& name, std::span<const double> values) {
  const StateTensor& tensor = plan_.state_tensor(name);
  if (static_cast<int64_t>(values.size()) != product(tensor.shape)) {
    fail(ExitCode::internal, "`{}` has {} values, not {}", name, product(tensor.shape), values.size());
  }
  const int64_t last = tensor.shape.back(), first = sequence * plan_.state_floats + tensor.offset;
  for (size_t i = 0; i < values.size(); ++i) state_.at(first + i / last * tensor.padded_last + i % last) = values[i];
}

std::vector<double> Executor::state(int64_t sequence, const std::string& name) const {
  const StateTensor& tensor = plan_.state_tensor(name);
  const int64_t last = tensor.shape.back(), first = sequence * plan_.state_floats + tensor.offset;
  std::vector<double> values(product(tensor.shape));
  for (size_t i = 0; i < values.size(); ++i) values[i] = state_.at(first + i / last * tensor.padded_last + i % last);
  return values;
}

std::vector<double> Executor::run(const std::string& name, std::span<const double> input, int64_t count,
                                  Outputs outputs, const Observer& observer) {
  const Program& program = plan_.program(name);
  const int64_t batch = plan_.deployment.batch, sequences = program.sequences;
  const int64_t input_size = plan_.model.continuous() ? plan_.model.input_size : 1, output_size = plan_.model.outputs();
  if (static_cast<int64_t>(input.size()) != batch * count * input_size) {
    fail(ExitCode::internal, "{} inputs given for {} sequences of {} tokens", input.size(), batch, count);
  }
  // A program without `outputs_last` works on one token at a time: all its outputs are the last ones so far.
  const bool last = outputs == Outputs::last, last_alone = last && !program.outputs_last.empty();
  if (last && !last_alone && program.block_tokens > 1) fail(ExitCode::internal, "`{}` lacks its last output", name);
  const int64_t output_rows = last ? 1 : count;
  std::vector<double> output(batch * output_rows * output_size, unwritten);
  next_index_ = 0;
  for (int64_t sequence = 0; sequence < batch; sequence += sequences) {
    for (int64_t token = 0; token < count; token += program.block_tokens) {
      block_ = {&program, sequence, token, std::min(program.block_tokens, count - token), {}, {}};
      for (int64_t other = sequence; other < sequence + sequences; ++other) {
        auto part = input.subspan((other * count + token) * input_size, block_.tokens * input_size);
        block_.input.insert(block_.input.end(), part.begin(), part.end());
      }
      const int64_t sequence_outputs = (last ? 1 : block_.tokens) * output_size;
      block_.output.assign(sequences * sequence_outputs, unwritten);
      workspace_.assign(plan_.workspace_floats, unwritten);

      bool goes_on = run_calls(program.calls, observer);
      if (goes_on && !last_alone) goes_on = run_calls(program.outputs_all, observer);
      if (goes_on && last_alone && token + block_.tokens == count) goes_on = run_calls(program.outputs_last, observer);

      for (int64_t other = 0; other < sequences; ++other) {
        const int64_t row = (sequence + other) * output_rows + (last ? 0 : token);
        std::copy_n(block_.output.begin() + other * sequence_outputs, sequence_outputs,
                    output.begin() + row * output_size);
      }
      if (!goes_on) return output;
    }
  }
  return output;
}

bool Executor::run_calls(const std::vector<Call>& calls, const Observer& observer) {
  for (const Call& call : calls) {
    arguments_ = resolve(call);
    run_reference_kernel(call.kernel, arguments_);
    const Position position{next_index_++, block_.first_sequence, block_.first_token, block_.tokens, &call};
    if (observer && !observer(position)) return false;
  }
  return true;
}

KernelArguments Executor::resolve(const Call& call) {
  KernelArguments arguments;
  arguments.shape = {call.shape.begin(), call.shape.end()};
  for (const auto& [name, argument] : call.arguments) {
    if (auto* operand = std::get_if<Operand>(&argument)) arguments.memories.emplace(name, resolve(*operand));
    if (auto* number = std::get_if<double>(&argument)) arguments.numbers[name] = *number;
    if (auto* count = std::get_if<int64_t>(&argument)) arguments.counts[name] = *count;
    if (auto* count = std::get_if<Count>(&argument)) {
      arguments.counts[name] = *count == Count::rows        ? block_.rows()
                               : *count == Count::sequences ? block_.program->sequences
                                                            : block_.tokens;
    }
  }
  return arguments;
}

Memory Executor::resolve(const Operand& operand) {
  if (operand.space == Space::weights) {
    std::vector<double>& values = weights_.at(operand.name);
    if (operand.offset != plan_.weight(operand.name).offset) {
      fail(ExitCode::internal, "an operand names `{}`, but byte {} is not where it begins", operand.name,
           operand.offset);
    }
    return {operand.name, values.data(), 1, 0, static_cast<int64_t>(values.size()), operand.written};
  }
  if (operand.space == Space::state) {
    const int64_t columns = padded_size(plan_.state_tensor(operand.name));
    const int64_t first = block_.first_sequence * plan_.state_floats + operand.offset;
    if (operand.offset < 0 || operand.offset + columns > plan_.state_floats) {
      fail(ExitCode::internal, "`{}` leaves its sequence's state", operand.name);
    }
    return {operand.name, state_.data() + first, block_.program->sequences, plan_.state_floats,
            columns,      operand.written};
  }
  std::vector<double>& space = operand.space == Space::workspace ? workspace_
                               : operand.space == Space::output  ? block_.output
                                                                 : block_.input;
  const auto size = static_cast<int64_t>(space.size());
  // Tokens, and whatever else has no rows, are one row of everything from the offset on.
  const bool has_rows = operand.row_stride > 0;
  const int64_t columns = operand.columns > 0 ? operand.columns : has_rows ? operand.row_stride : size - operand.offset;
  int64_t first = operand.offset, rows = has_rows ? block_.rows() : 1;
  if (operand.last_row_only) {
    first += (rows - 1) * operand.row_stride;
    rows = 1;
  }
  // One row of outputs alone was asked for.
  if (operand.space == Space::output && has_rows) rows = std::min(rows, size / operand.row_stride);
  if (first < 0 || rows < 1 || first + (rows - 1) * operand.row_stride + columns > size) {
    fail(ExitCode::internal, "`{}` leaves its space: {} rows of {} values, {} apart, from {} of {}", operand.name, rows,
         columns, operand.row_stride, first, size);
  }
  return {operand.name, space.data() + first, rows, operand.row_stride, columns, operand.written};
}

}  // namespace mambac
