// NAME_step.cu and NAME_forward.cu: the programs as straight-line launches with literal offsets.
#pragma once

#include <string>

#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

std::string emit_cuda_program(const Plan& plan, const Program& program, const Kernels& kernels);

// Declares a program's function, without a semicolon.
std::string cuda_program_declaration(const Plan& plan, const Program& program);

}  // namespace mambac
