// The CPU's choices, for any instruction set with vectors and a fused multiply-add.
//
// Weights: matrices in panels, read once from front to back by every call. Rows of a panel run along the lanes, so that
// nothing is summed across lanes. Threads share the panels (or channels) of each call and meet at a barrier after it.
#include <algorithm>

#include "fmt/format.h"
#include "generator/error.h"
#include "generator/targets/cpu_kernels.h"
#include "generator/targets/cpu_training.h"
#include "generator/targets/packing.h"
#include "generator/targets/plan_operations.h"
#include "generator/targets/targets.h"
#include "generator/targets/workspace.h"

namespace mambac {
namespace {

CpuChoices choices_for(const Deployment& deployment) {
  // A register tile of rows x panel must leave room for the panel's weights and one activation:
  // 6 x 4 + 4 + 1 of AVX-512's 32 registers, 3 x 4 + 3 + 1 of AVX2's 16. Pairs of bfloat16 take a few more: the pair
  // itself, what is made of it, two activations.
  const bool pairs = deployment.weights == "bf16";
  if (deployment.isa == "x86-64-v4") return {.lanes = 16, .panel_outputs = 64, .tile_rows = pairs ? 5 : 6};
  if (deployment.isa == "x86-64-v3") return {.lanes = 8, .panel_outputs = 32, .tile_rows = pairs ? 2 : 3};
  fail(ExitCode::internal, "the CPU target does not know the instruction set '{}'", deployment.isa);
}

// Rows that the panels of a matrix hold: the last panel is as narrow as whole vectors allow.
PackedTensor pack_panels(PackedTensor tensor, const CpuChoices& choices) {
  tensor.packing = Packing::panels;
  tensor.panel_rows = choices.panel_outputs;
  const int64_t unit = tensor.segments.empty() ? choices.lanes : channel_padding;
  if (tensor.segments.empty()) tensor.segments = {{0, tensor.rows}};
  for (const Segment& segment : tensor.segments) tensor.padded_rows += round_up(segment.rows, unit);
  // Pairs of bfloat16 need an even number of columns.
  const int64_t columns = tensor.type == WeightType::bf16 ? round_up(tensor.columns, 2) : tensor.columns;
  tensor.bytes = tensor.padded_rows * columns * bytes_of_element(tensor.type);
  return tensor;
}

void pack_weights(const Graph& graph, const CpuChoices& choices, Plan& plan) {
  for (const GraphWeight& weight : graph.weights) {
    const PackedTensor tensor = unpacked(graph, weight, plan.weight_type);
    const bool matrix = graph.checkpoint_tensor(weight.source).matrix;
    add_weight(!matrix                            ? pack_transposed(tensor)
               : is_projected(graph, weight.name) ? pack_panels(tensor, choices)
                                                  : pack_rows(tensor),
               plan);
  }
}

// Tokens that go through all layers together. Weights that stay in the near caches are cheap to read again, and a short
// block keeps the activations there too; weights from memory should be read for as many tokens as possible.
int64_t block_tokens(const Plan& plan) {
  constexpr int64_t near_cache_bytes = 16 << 20;
  const int64_t block = plan.weight_bytes <= near_cache_bytes ? 64 : 256;
  return std::min(block, plan.deployment.forward_tokens);
}

Program plan_program(const Graph& graph, const Plan& plan, const CpuChoices& choices, const std::string& name) {
  const bool step = name == "step";
  const CpuProgram context{{graph, plan, step ? plan.deployment.batch : 1, step ? 1 : block_tokens(plan)}, choices};
  return plan_operations(graph, context, name, cpu_call);
}

}  // namespace

void plan_for_cpu(const Graph& graph, Plan& plan) {
  const CpuChoices choices = choices_for(plan.deployment);
  pack_weights(graph, choices, plan);
  for (const std::string& name : plan.deployment.programs) {
    if (name == "train") continue;
    Program program = plan_program(graph, plan, choices, name);
    plan.workspace_floats = std::max(plan.workspace_floats, lay_out_workspace(program));
    plan.programs.push_back(std::move(program));
  }
  if (plan.deployment.trains()) plan_training_for_cpu(graph, choices, plan);
  // A scan of channels holds all states of a channel, a scan of heads one at a time.
  const bool in_registers = std::ranges::any_of(
      graph.operations, [](const Operation& operation) { return operation.kind == "selective_scan"; });
  plan.choices = {
      {"vector", fmt::format("{} floats; lanes run along outputs and channels", choices.lanes)},
      {"panels", fmt::format("{} outputs of a matrix side by side, read front to back", choices.panel_outputs)},
      {"register tile", fmt::format("{} rows x {} outputs", choices.tile_rows, choices.panel_outputs)},
      {"forward", fmt::format("blocks of {} tokens go through all layers together", block_tokens(plan))},
      {"unrolled", in_registers ? "layers, register tiles, taps, states; loops over inputs, panels and tokens stay"
                                : "layers, register tiles, taps; loops over inputs, panels, states and tokens stay"},
  };
}

}  // namespace mambac
