// Whether this machine has the instructions that an artifact was compiled for.
//
// The functions of an artifact that a host can call first are themselves MAMBAC_ANY_MACHINE: weights_open,
// weights_from_memory, weights_pack and workspace_open, which begin with check_instruction_set(), weights_close and
// workspace_close, to which a failed open leaves nothing to do, and state_reset, status_message and artifact. Whatever
// else it calls works on open weights and a workspace, or, in training, on what these have made.
#pragma once

#include <cstddef>

#include "runtime/any_machine.h"

namespace mambac_runtime {

// The first feature of `isa` ("x86-64-v3", "x86-64-v4") that this machine lacks; null if it has them all. A name that
// is not known on this architecture is its own missing feature.
MAMBAC_ANY_MACHINE const char* missing_feature(const char* isa);

// MAMBAC_OK, or MAMBAC_WRONG_MACHINE and a message that names the missing feature.
MAMBAC_ANY_MACHINE int check_instruction_set(const char* isa, char* message, size_t message_bytes);

}  // namespace mambac_runtime
