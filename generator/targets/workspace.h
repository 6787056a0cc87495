// Where the activations of a program lie in the workspace.
#pragma once

#include "generator/plan/plan.h"

namespace mambac {

// Finds the first and last call that touches each buffer, lays the buffers out so that no two live ones overlap, adds
// their offsets to the calls' operands, and returns the floats needed. Buffers that no call touches are removed. Those
// that are kept have their places, all below `first`.
int64_t lay_out_workspace(Program& program, int64_t first = 0);

}  // namespace mambac
