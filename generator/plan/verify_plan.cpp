#include "generator/plan/verify_plan.h"

#include <algorithm>
#include <limits>
#include <map>

#include "generator/error.h"
#include "generator/shape.h"

namespace mambac {
namespace {

struct Range {
  std::string name;
  int64_t first = 0, end = 0;
};

void check_disjoint(std::vector<Range> ranges, int64_t end, const std::string& where) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::pair(a.first, a.end) < std::pair(b.first, b.end); });
  for (size_t index = 0; index < ranges.size(); ++index) {
    if (ranges[index].first < 0 || ranges[index].end > end) {
      fail(ExitCode::internal, "plan: {} of {} lies outside its {} elements", ranges[index].name, where, end);
    }
    if (index > 0 && ranges[index - 1].end > ranges[index].first) {
      fail(ExitCode::internal, "plan: {} and {} of {} overlap", ranges[index - 1].name, ranges[index].name, where);
    }
  }
}

void check_weights(const Plan& plan) {
  std::vector<Range> ranges;
  for (const PackedTensor& tensor : plan.weights) {
    ranges.push_back({tensor.name, tensor.offset, tensor.offset + tensor.bytes});
    if (tensor.offset % 64 != 0) fail(ExitCode::internal, "plan: weight {} is not aligned to 64 bytes", tensor.name);
    if (tensor.packing == Packing::stream) continue;
    int64_t rows = 0;
    for (const Segment& segment : tensor.segments) rows += segment.rows;
    if (rows != tensor.rows) fail(ExitCode::internal, "plan: the segments of weight {} are not its rows", tensor.name);
  }
  check_disjoint(ranges, plan.weight_bytes, "the weights");
}

void check_state(const Plan& plan) {
  std::vector<Range> ranges;
  for (const StateTensor& tensor : plan.state) {
    ranges.push_back({tensor.name, tensor.offset, tensor.offset + floats_of(tensor)});
  }
  check_disjoint(ranges, plan.state_floats, "the state");
}

// Rows of an activation that one run of the calls works on.
int64_t rows_of(const Program& program) { return program.sequences * program.block_tokens; }

// The calls that use a buffer, from the first to the last, as their operands tell: what lay the workspace out is not
// believed.
struct Use {
  int64_t first = -1, last = -1;
};

void add_uses(const std::vector<Call>& calls, int64_t first_index, std::map<std::string, Use>& uses) {
  for (size_t index = 0; index < calls.size(); ++index) {
    const int64_t call = first_index + static_cast<int64_t>(index);
    for (const auto& [name, argument] : calls[index].arguments) {
      const auto* operand = std::get_if<Operand>(&argument);
      if (!operand || operand->space != Space::workspace) continue;
      const auto [use, is_first] = uses.try_emplace(operand->name, Use{call, call});
      use->second.last = std::max(use->second.last, call);
    }
  }
}

void check_buffers(const Plan& plan, const Program& program) {
  std::map<std::string, Use> uses;
  const auto outputs = static_cast<int64_t>(program.calls.size());
  add_uses(program.calls, 0, uses);
  add_uses(program.outputs_all, outputs, uses);
  add_uses(program.outputs_last, outputs, uses);
  const auto calls = outputs + static_cast<int64_t>(std::max(program.outputs_all.size(), program.outputs_last.size()));
  for (int64_t call = 0; call < calls; ++call) {
    std::vector<Range> live;
    for (const WorkspaceBuffer& buffer : program.buffers) {
      const Use use = uses[buffer.name];
      if (use.first <= call && call <= use.last) {
        live.push_back({buffer.name, buffer.offset, buffer.offset + buffer.rows * buffer.row_stride});
      }
    }
    check_disjoint(live, plan.workspace_floats, "the workspace of " + program.name);
  }
}

int64_t shape_of(const Call& call, const std::string& name) {
  for (const auto& [argument, value] : call.shape) {
    if (argument == name) return std::get<int64_t>(value);
  }
  return 0;
}

// Multiples that a kernel states on its first lines.
void check_divisible(const Call& call, const std::string& where) {
  const int64_t lanes = shape_of(call, "Lanes");  // of a vector; on a GPU something else
  if (lanes == 0 || call.launch) return;
  for (const char* name : {"Channels", "PanelOutputs"}) {
    const int64_t value = shape_of(call, name);
    if (value > 0 && value % lanes != 0) {
      fail(ExitCode::internal, "plan: {}: {} = {} is not a multiple of {} lanes", where, name, value, lanes);
    }
  }
}

void check_operand(const Plan& plan, const Program& program, const Operand& operand, const std::string& where) {
  const auto inside = [&](int64_t first, int64_t end, int64_t low, int64_t high) {
    if (first < low || end > high) {
      fail(ExitCode::internal, "plan: {}: operand {} [{}, {}) lies outside [{}, {})", where, operand.name, first, end,
           low, high);
    }
  };
  switch (operand.space) {
    case Space::weights: {
      if (operand.name.empty()) return;
      const PackedTensor& tensor = plan.weight(operand.name);
      return inside(operand.offset, operand.offset + tensor.bytes, tensor.offset, tensor.offset + tensor.bytes);
    }
    case Space::state: {
      const StateTensor& tensor = plan.state_tensor(operand.name);
      return inside(operand.offset, operand.offset + floats_of(tensor), tensor.offset,
                    tensor.offset + floats_of(tensor));
    }
    case Space::workspace: {
      const auto buffer = std::find_if(program.buffers.begin(), program.buffers.end(),
                                       [&](const WorkspaceBuffer& one) { return one.name == operand.name; });
      if (buffer == program.buffers.end()) fail(ExitCode::internal, "plan: {}: no buffer {}", where, operand.name);
      if (operand.row_stride != buffer->row_stride) {
        fail(ExitCode::internal, "plan: {}: operand {} has rows of {} floats, its buffer of {}", where, operand.name,
             operand.row_stride, buffer->row_stride);
      }
      const int64_t needed = buffer->holds == Rows::sequences ? program.sequences : rows_of(program);
      if (buffer->rows < (operand.last_row_only ? 1 : needed)) {
        fail(ExitCode::internal, "plan: {}: buffer {} has {} rows, the program {}", where, operand.name, buffer->rows,
             rows_of(program));
      }
      const int64_t first_column = operand.offset - buffer->offset;
      return inside(first_column, first_column + operand.columns, 0, buffer->row_stride);
    }
    case Space::tape: {
      const TapeTensor& tensor = plan.tape_tensor(operand.name);
      if (operand.row_stride != tensor.row_stride) {
        fail(ExitCode::internal, "plan: {}: operand {} has rows of {} floats, the tape's of {}", where, operand.name,
             operand.row_stride, tensor.row_stride);
      }
      const int64_t first_column = operand.offset - tensor.offset;
      return inside(first_column, first_column + operand.columns, 0, tensor.row_stride);
    }
    case Space::gradients:
    case Space::parameters:
      return inside(operand.offset, operand.offset + operand.columns, 0, plan.training.value().parameter_floats);
    case Space::packed: {
      const PackedTensor& tensor = plan.weight(operand.name);
      return inside(operand.offset, operand.offset + operand.columns * 4, tensor.offset, tensor.offset + tensor.bytes);
    }
    case Space::tokens:
    case Space::input:
    case Space::output:
    case Space::d_outputs:
      return inside(operand.offset, operand.offset + operand.columns, 0, operand.row_stride);
  }
}

// A GPU takes at most 65535 blocks in a grid's second dimension, and 1024 threads in a block.
void check_launch(const Program& program, const Launch& launch, const std::string& where) {
  constexpr int64_t most_blocks = 65535, most_threads = 1024;
  if (launch.threads > most_threads) {
    fail(ExitCode::internal, "plan: {}: a block of {} threads", where, launch.threads);
  }
  if (launch.per_block == 0) return;
  const int64_t of_tokens = program.sequences * divide_up(program.block_tokens, launch.per_block);
  const int64_t blocks = launch.count == Count::tokens      ? of_tokens
                         : launch.count == Count::sequences ? divide_up(program.sequences, launch.per_block)
                                                            : divide_up(rows_of(program), launch.per_block);
  if (blocks <= most_blocks) return;
  fail(ExitCode::input,
       "{}: {} sequences of {} tokens are more blocks than the GPU takes at once ({}); take a smaller "
       "batch or fewer tokens a call",
       program.name, program.sequences, program.block_tokens, most_blocks);
}

// Kernels count the floats of an activation in an int; those of a GPU the outputs, which are the largest, in a long.
void check_counts(const Plan& plan, const Program& program, const Operand& operand) {
  if (plan.deployment.target == "cuda" && operand.space == Space::output) return;
  const int64_t rows = operand.space == Space::workspace ? program.buffer(operand.name).rows : rows_of(program);
  if (operand.row_stride == 0 || rows <= std::numeric_limits<int32_t>::max() / operand.row_stride) return;
  fail(ExitCode::input, "{}: {} rows of {} floats are more than 2^31 - 1 floats; take a smaller batch or fewer tokens",
       program.name, rows, operand.row_stride);
}

void check_calls(const Plan& plan, const Program& program, const std::vector<Call>& calls) {
  for (const Call& call : calls) {
    const std::string where = fmt::format("{}, layer {}, {} ({})", program.name, call.layer, call.kernel, call.about);
    check_divisible(call, where);
    if (call.launch) check_launch(program, *call.launch, where);
    for (const auto& [name, argument] : call.arguments) {
      const auto* operand = std::get_if<Operand>(&argument);
      if (!operand) continue;
      check_operand(plan, program, *operand, where);
      check_counts(plan, program, *operand);
    }
  }
}

void check_training(const TrainingPlan& training) {
  std::vector<Range> tape, parameters;
  for (const TapeTensor& tensor : training.tape) {
    tape.push_back({tensor.name, tensor.offset, tensor.offset + tensor.rows * tensor.row_stride});
  }
  check_disjoint(tape, training.tape_floats, "the tape");
  for (const Parameter& parameter : training.parameters) {
    parameters.push_back({parameter.name, parameter.offset, parameter.offset + element_count(parameter.shape)});
  }
  check_disjoint(parameters, training.parameter_floats, "the parameters");
}

}  // namespace

void verify_plan(const Plan& plan) {
  check_weights(plan);
  check_state(plan);
  if (plan.training) check_training(*plan.training);
  for (const Program& program : plan.programs) {
    check_buffers(plan, program);
    check_calls(plan, program, program.calls);
    check_calls(plan, program, program.outputs_all);
    check_calls(plan, program, program.outputs_last);
  }
}

}  // namespace mambac
