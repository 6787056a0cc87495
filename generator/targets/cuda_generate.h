// generate: token after token, each chosen on the device.
#pragma once

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_decode.h"

namespace mambac {

// For every token the decode kernel, then the choice of the next one (templates/cuda/sample.cuh). The calls
// know the program's parameters and the `index` of its loop. Throws Error (ExitCode::input) for a model without tokens,
// and where there is no decode kernel.
Program plan_generate(const Graph& graph, const Plan& plan, const std::optional<DecodeShape>& decode);

}  // namespace mambac
