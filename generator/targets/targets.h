// The targets: each turns the operations of a graph into the calls of a plan, and decides everything that depends on
// the machine: packing, vector width, tiles, fusion, how the work is shared, the workspace.
#pragma once

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"

namespace mambac {

// Fills the plan's weights, programs, workspace and choices. The deployment is resolved (no "native", no "auto").
void plan_for_cpu(const Graph& graph, Plan& plan);
void plan_for_cuda(const Graph& graph, Plan& plan);

}  // namespace mambac
