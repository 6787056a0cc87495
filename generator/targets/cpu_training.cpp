#include "generator/targets/cpu_training.h"

#include <algorithm>

#include "generator/plan/differentiate.h"
#include "generator/shape.h"
#include "generator/targets/call_builder.h"
#include "generator/targets/workspace.h"

namespace mambac {
namespace {

// Decoupled weight decay is for matrices; A_log has two dimensions but is none.
bool decays(const CheckpointTensor& tensor) { return tensor.shape.size() >= 2 && !tensor.name.ends_with("A_log"); }

void lay_out_parameters(const Graph& graph, TrainingPlan& training) {
  for (const CheckpointTensor& tensor : graph.checkpoint) {
    training.parameters.push_back({tensor.name, tensor.shape, training.parameter_floats, decays(tensor)});
    training.parameter_floats += element_count(tensor.shape);
  }
}

// As many sequences go through the layers together as leave their activations in the near caches (measured; not of the
// threads, on which gradients must not depend).
int64_t sequences_together(const Deployment& deployment) {
  constexpr int64_t most_rows = 128;
  int64_t sequences = deployment.batch;
  while (deployment.batch % sequences != 0 || (sequences > 1 && sequences * deployment.train_tokens > most_rows)) {
    --sequences;
  }
  return sequences;
}

// Rows that an activation has at most.
int64_t rows_of(const Activation& activation, const Plan& plan, const TrainingGraph& graph) {
  const int64_t sequences = plan.training->sequences, tokens = plan.deployment.train_tokens;
  switch (activation.rows) {
    case Rows::tokens:
      return sequences * tokens;
    case Rows::sequences:
      return sequences;
    case Rows::checkpoints:
      return sequences * divide_up(tokens, graph.checkpoint_tokens);
  }
  return 0;
}

void lay_out_tape(const TrainingGraph& graph, const Plan& plan, TrainingPlan& training) {
  const auto add = [&](const std::string& name, int64_t rows, int64_t row_stride) {
    training.tape.push_back({name, rows, row_stride, training.tape_floats});
    training.tape_floats += round_up(rows * row_stride, channel_padding);
  };
  const int64_t input_width = std::max<int64_t>(plan.model.input_size, 1);
  add(plan.model.continuous() ? "input" : "tokens", training.sequences * plan.deployment.train_tokens, input_width);
  for (const Activation& kept : graph.tape) {
    add(kept.name, rows_of(kept, plan, graph), round_up(kept.width, channel_padding));
  }
}

// `activations`: a graph that knows those of training.
Program plan_program(const std::string& name, const std::vector<Operation>& operations, const TrainingGraph& graph,
                     const Graph& activations, const CpuChoices& choices, const Plan& plan) {
  Program program{.name = name, .sequences = plan.training->sequences, .block_tokens = plan.deployment.train_tokens};
  const CpuProgram context{{activations, plan, program.sequences, program.block_tokens}, choices};
  for (const Operation& operation : operations) program.calls.push_back(cpu_call(context, operation));
  for (const Activation& activation : graph.activations) {
    program.buffers.push_back({.name = activation.name,
                               .rows = rows_of(activation, plan, graph),
                               .row_stride = round_up(activation.width, channel_padding),
                               .holds = activation.rows});
  }
  if (name == "backward") {
    program.buffers.push_back({.name = "d_state",
                               .rows = program.sequences,
                               .row_stride = plan.state_floats,
                               .kept = true,
                               .holds = Rows::sequences});
  }
  return program;
}

// Weights that are more than this do not stay in the caches between an optimizer's step and the next forward.
constexpr int64_t most_cached_bytes = int64_t{32} << 20;

// Between the parameters' rows and the packed ones, one call for each segment of a tensor.
Program plan_packing(const Plan& plan, const CpuChoices& choices, bool pack) {
  Program program{.name = pack ? "weights_pack" : "weights_unpack"};
  for (const PackedTensor& tensor : plan.weights) {
    const Parameter& parameter = plan.parameter(tensor.source);
    int64_t packed_row = 0;
    for (const Segment& segment : tensor.segments) {
      const bool only = tensor.segments.size() == 1;
      const int64_t padded = only ? tensor.padded_rows : round_up(segment.rows, channel_padding);
      const int64_t floats = segment.rows * tensor.columns;
      const Operand flat{Space::parameters,
                         tensor.source,
                         parameter.offset + segment.first_row * tensor.columns,
                         0,
                         floats,
                         false,
                         !pack};
      const Operand packed{Space::packed, tensor.name, tensor.offset, 0, tensor.bytes / 4, false, pack};
      Call call{.about = tensor.name};
      if (tensor.packing == Packing::rows) {
        call.kernel = "copy_rows";
        call.shape = {{"Columns", floats}, {"InputStride", floats}, {"OutputStride", floats}, {"Parts", int64_t{1}}};
        call.arguments = {{"input", pack ? flat : packed},
                          {"output", pack ? packed : flat},
                          {"rows", int64_t{1}},
                          {"part", int64_t{0}}};
      } else {
        call.kernel = pack ? "pack_matrix" : "unpack_matrix";
        call.shape = {{"Rows", segment.rows}, {"Columns", tensor.columns}, {"FirstRow", packed_row}};
        if (pack) call.shape.push_back({"SegmentRows", padded});
        call.shape.push_back({"PaddedRows", tensor.padded_rows});
        call.shape.push_back({"PanelRows", tensor.packing == Packing::panels ? tensor.panel_rows : tensor.padded_rows});
        call.shape.push_back({"NegativeExponential", boolean(tensor.transform == Transform::negative_exponential)});
        if (pack) {
          call.shape.push_back({"Streamed", boolean(plan.weight_bytes > most_cached_bytes)});
          call.shape.push_back({"Lanes", choices.lanes});
        }
        call.arguments = {{pack ? "matrix" : "packed", pack ? flat : packed},
                          {pack ? "packed" : "matrix", pack ? packed : flat}};
      }
      program.calls.push_back(std::move(call));
      packed_row += padded;
    }
  }
  return program;
}

}  // namespace

void plan_training_for_cpu(const Graph& graph, const CpuChoices& choices, Plan& plan) {
  const TrainingGraph differentiated =
      differentiate(graph, plan.deployment.tape == "fast" ? TapeSize::fast : TapeSize::small);
  plan.training.emplace();
  plan.training->sequences = sequences_together(plan.deployment);
  plan.training->checkpoint_tokens = differentiated.checkpoint_tokens;
  plan.training->recomputed_exponentials = differentiated.recomputed_exponentials;
  plan.training->recomputed_multiply_adds = differentiated.recomputed_multiply_adds;
  lay_out_parameters(graph, *plan.training);
  lay_out_tape(differentiated, plan, *plan.training);
  Graph activations = graph;
  activations.activations = differentiated.activations;
  Program train = plan_program("train", differentiated.train, differentiated, activations, choices, plan);
  Program backward = plan_program("backward", differentiated.backward, differentiated, activations, choices, plan);
  for (Program* program : {&train, &backward}) {
    const int64_t first = program == &backward ? plan.training->sequences * plan.state_floats : 0;  // behind d_state
    plan.workspace_floats = std::max(plan.workspace_floats, lay_out_workspace(*program, first));
    plan.programs.push_back(std::move(*program));
  }
  plan.programs.push_back(plan_packing(plan, choices, true));
  plan.programs.push_back(plan_packing(plan, choices, false));
}

}  // namespace mambac
