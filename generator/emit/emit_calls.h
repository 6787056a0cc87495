// What the files of all programs are made of: calls of kernels with literal offsets, one below the other.
#pragma once

#include <string>
#include <vector>

#include "generator/emit/call_text.h"
#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

bool is_threaded(const Plan& plan);

// The calls one below the other, a comment with the formula above each. `before_layer`: lines at the start of each
// layer.
std::string emit_calls(const Plan& plan, const Program& program, const std::vector<Call>& calls,
                       const Kernels& kernels, const CountTexts& counts, const std::string& before_layer = "");

// ", WorkspaceWorkers& workers, int part" and ", workers, part" where there are workers.
std::string thread_parameters(const Plan& plan);
std::string thread_arguments(const Plan& plan);

// From the comment that says what the file is to the opened namespace; and its end. `includes`: of the C++ library.
std::string file_head(const Plan& plan, const std::string& about, const std::string& includes = "");
std::string file_tail(const Plan& plan);

}  // namespace mambac
