// NAME_train.cpp, NAME_backward.cpp, NAME_weights_pack.cpp and NAME_weights_unpack.cpp.
#pragma once

#include <string>

#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

std::string emit_train(const Plan& plan, const Program& program, const Kernels& kernels);
std::string emit_backward(const Plan& plan, const Program& program, const Kernels& kernels);
std::string emit_packing(const Plan& plan, const Program& program, const Kernels& kernels);

// Declarations of the four for NAME_programs.h, and the facts of training for NAME.h.
std::string training_programs(const Plan& plan);
std::string parameter_table(const Plan& plan);  // initializers of NAME_PARAMETER_TABLE

}  // namespace mambac
