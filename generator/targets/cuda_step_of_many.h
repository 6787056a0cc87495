// The step of many sequences on tensor cores: five launches a layer.
#pragma once

#include "generator/targets/cuda_tiles.h"

namespace mambac {

// The whole program, before its workspace is laid out.
Program plan_step_of_many(const Plan& plan, const ForwardShape& shape);

}  // namespace mambac
