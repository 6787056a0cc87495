// NAME_step_until.cpp: the calls of `step` on a copy of the state, which replaces the state if they end in time.
#pragma once

#include <string>

#include "generator/emit/emit_kernels.h"
#include "generator/plan/plan.h"

namespace mambac {

// Wherever the CPU has a step. It is no program of the plan: it adds no call, only the copy, to that of `step`.
bool has_step_until(const Plan& plan);

std::string emit_step_until(const Plan& plan, const Kernels& kernels);

// Of the copy, in the workspace.
int64_t next_state_bytes(const Plan& plan);

}  // namespace mambac
