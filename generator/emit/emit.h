// Stage 6: the artifact as text. Prints what the plan says and decides nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// Every file of the artifact's source by its path inside the folder: NAME.h, the programs, the specialized kernels, the
// runtime, plan.json, test, benchmark, build files. The same plan gives the same bytes.
std::map<std::string, std::string> emit(const Plan& plan);

// Options that decide an artifact's arithmetic and instructions, for every compiler of it. Products and sums are fused
// where the source says so and nowhere else: the same bits from every compiler.
std::vector<std::string> arithmetic_options(const Plan& plan);

// Bytes of the artifact's weights file, state and workspace.
int64_t weights_file_bytes(const Plan& plan);
int64_t state_bytes(const Plan& plan);
int64_t workspace_bytes(const Plan& plan);
int64_t tape_bytes(const Plan& plan);  // of a plan with training

}  // namespace mambac
