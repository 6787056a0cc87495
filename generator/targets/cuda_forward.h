// The program forward on tensor cores.
#pragma once

#include "generator/targets/cuda_tiles.h"

namespace mambac {

// The whole program, before its workspace is laid out.
Program plan_forward(const Plan& plan, const ForwardShape& shape);

}  // namespace mambac
