// The programs of training on the CPU: train, backward, and packing parameters into weights and back.
#pragma once

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cpu_kernels.h"

namespace mambac {

// Fills plan.training and appends the programs. The weights are packed and the state is laid out.
void plan_training_for_cpu(const Graph& graph, const CpuChoices& choices, Plan& plan);

}  // namespace mambac
