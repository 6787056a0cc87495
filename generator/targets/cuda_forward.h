// Forward on tensor cores: operations as launches of the kernels on tiles, weights in tiles.
#pragma once

#include <optional>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_forward_shape.h"

namespace mambac {

// How forward is cut for the plan's model and deployment; nothing if tensor cores do not serve them: weights of f32, an
// architecture without their instructions, a model that the kernels do not know.
std::optional<ForwardShape> forward_shape_of(const Plan& plan);

// Adds the weights as the kernels read them to the plan.
void pack_for_forward(const Graph& graph, const ForwardShape& shape, Plan& plan);

// The whole program, before its workspace is laid out.
Program plan_forward(const Graph& graph, const Plan& plan, const ForwardShape& shape);

}  // namespace mambac
