// Stage 6: the artifact as text. Prints what the plan says and decides nothing.
#pragma once

#include <map>
#include <string>

#include "generator/plan/plan.h"

namespace mambac {

// Every file of the artifact's source by its path inside the folder: NAME.h, the programs, the specialized kernels, the
// runtime, plan.json, test, benchmark, build files. The same plan gives the same bytes.
std::map<std::string, std::string> emit(const Plan& plan);

// Bytes of the artifact's weights file, state and workspace.
int64_t weights_file_bytes(const Plan& plan);
int64_t state_bytes(const Plan& plan);
int64_t workspace_bytes(const Plan& plan);

}  // namespace mambac
