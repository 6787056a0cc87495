// The artifact of target cuda as text: the same files as a CPU's, with kernels and launches in .cu.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

std::map<std::string, std::string> emit_cuda(const Plan& plan);

// Options of nvcc for every source of an artifact.
std::vector<std::string> nvcc_options(const Plan& plan);

}  // namespace mambac
