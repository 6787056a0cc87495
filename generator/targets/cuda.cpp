// A GPU's choices, for every architecture that nvcc knows.
//
// Weights: matrices row by row as in the checkpoint, so that a warp reads an output's weights side by side. Programs
// work on all sequences and tokens of a call at once: a row is a token of a sequence.
#include <fmt/format.h>

#include <algorithm>

#include "generator/configuration/cuda_architecture.h"
#include "generator/error.h"
#include "generator/targets/cuda_decode_cluster_program.h"
#include "generator/targets/cuda_decode_program.h"
#include "generator/targets/cuda_forward.h"
#include "generator/targets/cuda_generate.h"
#include "generator/targets/cuda_kernels.h"
#include "generator/targets/cuda_step_of_many.h"
#include "generator/targets/packing.h"
#include "generator/targets/plan_operations.h"
#include "generator/targets/targets.h"
#include "generator/targets/workspace.h"

namespace mambac {
namespace {

void check_family(const ModelConfiguration& model) {
  if (std::holds_alternative<Mamba1Mixer>(model.mixer)) return;
  fail(ExitCode::input,
       "the model is of the family {}; target cuda knows mamba1 (FalconMamba too) so far: use --target cpu",
       model.family);
}

void pack_weights(const Graph& graph, Plan& plan) {
  for (const GraphWeight& weight : graph.weights) {
    const PackedTensor tensor = unpacked(graph, weight, plan.weight_type);
    const bool matrix = graph.checkpoint_tensor(weight.source).matrix;
    add_weight(matrix ? pack_rows(tensor) : pack_transposed(tensor), plan);
  }
}

// What takes a token through the whole model in one launch, if anything does.
struct Decode {
  std::optional<DecodeClusterShape> cluster;  // a small model's own
  std::optional<DecodeShape> blocks;

  explicit operator bool() const { return cluster || blocks; }
};

Decode decode_of(const Plan& plan) {
  const std::optional<DecodeClusterShape> cluster = decode_cluster_shape_of(plan);
  return {cluster, cluster ? std::nullopt : decode_shape_of(plan)};
}

// `step` of one launch, or `steps`: token after token in one launch, or (without calls) step after step.
Program plan_steps(const Graph& graph, const Plan& plan, const Decode& decode, const std::string& name) {
  Program program{.name = name, .sequences = plan.deployment.batch};
  const Argument count = name == "step" ? Argument(int64_t{1}) : Argument(Count::tokens);
  if (decode.cluster) program.calls.push_back(decode_cluster_call(graph, plan, *decode.cluster, count));
  if (decode.blocks) {
    program.calls.push_back(decode_call(graph, plan, *decode.blocks, decode_arguments(plan.model, count)));
    program.buffers.push_back(decode_exchange(*decode.blocks));
  }
  return program;
}

Program plan_program(const Graph& graph, const Plan& plan, const std::string& name) {
  const bool step = name == "step";
  const CallSite site{graph, plan, plan.deployment.batch, step ? 1 : plan.deployment.forward_tokens};
  return plan_operations(graph, site, name, cuda_call);
}

}  // namespace

void plan_for_cuda(const Graph& graph, Plan& plan) {
  check_family(plan.model);
  if (plan.deployment.blocks == 0) plan.deployment.blocks = cuda_architecture(plan.deployment.arch).multiprocessors;
  const Decode decode = decode_of(plan);
  const bool has_forward = std::ranges::count(plan.deployment.programs, "forward") > 0;
  // On tensor cores: forward, and the step of many sequences. Both or neither, for they read the same weights.
  const bool many = plan.deployment.batch > 1;
  const std::optional<ForwardShape> token = many ? forward_shape_of(plan, 1) : std::nullopt;
  const std::optional<ForwardShape> tokens =
      has_forward && (many || decode) ? forward_shape_of(plan, plan.deployment.forward_tokens) : std::nullopt;
  std::vector<ForwardShape> in_tiles;
  if (token) in_tiles.push_back(*token);
  if (tokens) in_tiles.push_back(*tokens);
  if (!in_tiles.empty()) {
    pack_in_tiles(graph, in_tiles, plan);
  } else if (!decode || has_forward) {
    pack_weights(graph, plan);
  }
  if (decode.cluster) pack_for_decode_cluster(graph, *decode.cluster, plan);
  if (decode.blocks) pack_for_decode(graph, *decode.blocks, plan);
  const int64_t kept_floats = decode.blocks ? decode_exchange(*decode.blocks).row_stride : 0;
  for (const std::string& name : plan.deployment.programs) {
    const bool stepwise = name == "steps" || (name == "step" && decode);
    Program program = stepwise                      ? plan_steps(graph, plan, decode, name)
                      : name == "generate"          ? plan_generate(graph, plan, decode.blocks)
                      : name == "step" && token     ? plan_step_of_many(plan, *token)
                      : name == "forward" && tokens ? plan_forward(plan, *tokens)
                                                    : plan_program(graph, plan, name);
    plan.workspace_floats = std::max(plan.workspace_floats, lay_out_workspace(program, kept_floats));
    plan.programs.push_back(std::move(program));
  }
  const std::string on_tensor_cores =
      "products on tensor cores, operands and what lies between products in float16, sums and state in f32";
  plan.choices = {
      {"step", decode.cluster  ? fmt::format("one launch of a cluster of {} blocks, which holds the whole model",
                                             decode.cluster->blocks)
               : decode.blocks ? fmt::format("one launch of {} blocks that wait for one another", decode.blocks->blocks)
               : token         ? on_tensor_cores
                               : "a launch for each operation"},
      {"matrices", decode && has_forward ? fmt::format("for forward {}, for step as its blocks read them",
                                                       tokens ? "in tiles" : "row by row as in the checkpoint")
                   : token               ? "in tiles"
                   : decode              ? "as the blocks of step read them"
                                         : "row by row as in the checkpoint"},
  };
  if (decode.blocks)
    plan.choices.push_back({"blocks", fmt::format("at least {} multiprocessors", decode.blocks->blocks)});
  if (has_forward) {
    plan.choices.push_back({"forward", tokens ? on_tensor_cores : "all tokens of a call go through a layer together"});
  }
}

}  // namespace mambac
