// NAME_PROGRAM.cu: launches with literal offsets, one below the other; steps and generate repeat those of a token.
#pragma once

#include <string>

#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

std::string emit_cuda_program(const Plan& plan, const Program& program, const Kernels& kernels);

// Declares a program's function, without a semicolon.
std::string cuda_program_declaration(const Plan& plan, const Program& program);

}  // namespace mambac
