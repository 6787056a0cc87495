// Stage 4: a plan is checked before anything is made of it, so that a wrong offset dies at generation time.
#pragma once

#include "generator/plan/plan.h"

namespace mambac {

// Every operand inside its tensor or buffer, no two live buffers, weights or state tensors on the same bytes, every
// shape divisible as its kernel asks. Throws Error (ExitCode::internal) that names program, call and operand; for
// activations of more floats than kernels count, Error (ExitCode::input).
void verify_plan(const Plan& plan);

}  // namespace mambac
