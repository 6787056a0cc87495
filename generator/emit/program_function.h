// The function of a program: run by its caller alone, or by the workers, each its part.
#pragma once

#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

// One argument of a program.
struct Variable {
  std::string type, name;  // "const float*", "tape"
};
using Variables = std::vector<Variable>;

std::string declarations(const Variables& parameters);  // "const float* tape, int count"

// "const int32_t* tokens" or "const float* input".
Variable input_variable(const Plan& plan);

// The definition of `name`, whose parameters hold `Workspace& workspace`. The body knows the others by their names, the
// workspace's activations as `activations`, and with threads `workers` and `part`; `of_what` says for people what they
// share: "of a step".
std::string emit_function(const Plan& plan, const std::string& name, const Variables& parameters,
                          const std::string& of_what, const std::string& body);

}  // namespace mambac
