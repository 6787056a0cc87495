// NAME_step.cpp and NAME_forward.cpp: the programs as straight-line calls with literal offsets.
#pragma once

#include <string>

#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

std::string emit_program(const Plan& plan, const Program& program, const Kernels& kernels);

}  // namespace mambac
