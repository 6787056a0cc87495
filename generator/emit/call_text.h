// A call's arguments and a program's buffers as source: the same in every target.
#pragma once

#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// How the counts of a program are written where a call needs them.
struct CountTexts {
  std::string rows, sequences, tokens;
};

// "f32(weights, 4096)", "normed", "count", "part".
std::string argument_text(const Plan& plan, const Program& program, const Argument& argument, const CountTexts& counts);

// The activations that the calls name, as pointers into the workspace.
std::string emit_buffers(const Program& program, const std::vector<Call>& calls);

std::string input_declaration(const Plan& plan);  // "const int32_t* tokens" or "const float* input"
std::string input_name(const Plan& plan);         // "tokens" or "input"

}  // namespace mambac
