// Programs on tensor cores, forward and the step of many sequences: operations as launches of the kernels on tiles,
// weights in tiles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_forward_shape.h"

namespace mambac {

// How a program of `tokens` tokens of each sequence is cut for the plan's model and deployment; nothing if tensor cores
// do not serve them: weights of f32, an architecture without their instructions, a model that the kernels do not know.
std::optional<ForwardShape> forward_shape_of(const Plan& plan, int64_t tokens);

// Adds the weights as the kernels read them to the plan: every matrix padded for the widest tiles of all the programs.
void pack_in_tiles(const Graph& graph, const std::vector<ForwardShape>& shapes, Plan& plan);

// The whole program, "forward" or "step", before its workspace is laid out.
Program plan_in_tiles(const Graph& graph, const Plan& plan, const ForwardShape& shape, const std::string& name);

}  // namespace mambac
