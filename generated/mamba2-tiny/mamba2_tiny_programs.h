// mamba2_tiny: the programs, and the workspace they run in.
// Written by mambac 0.1.0 for plan b50842a9daa218d2; do not edit.
#pragma once

#include <cstdint>

#include "mambac.h"
#include "runtime/deadline.h"
#include "runtime/vector.h"

namespace mamba2_tiny_runtime {

// Activations and a copy of the state. Lies in memory of the caller.
struct alignas(64) Workspace {
  const void* owner;  // who opened it; at the same place in every artifact's workspace
  alignas(64) float activations[60416];
  alignas(64) float next_state[9344];  // of step_until
};

// A weight, by its offset in bytes.
inline const float* f32(const unsigned char* weights, long offset) {
  return reinterpret_cast<const float*>(weights + offset);
}
inline const bfloat16* bf16(const unsigned char* weights, long offset) {
  return reinterpret_cast<const bfloat16*>(weights + offset);
}

// `weights`: the data of the weights file. `state`: floats of the first sequence, the next one 9344 floats on.
void step(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, float* output);

// The same if it ends before the deadline; if not, false, and the state is as it was.
bool step_until(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, float* output,
                Deadline deadline);

// `count` tokens of each sequence; `outputs`: MAMBAC_ALL or MAMBAC_LAST.
void forward(const unsigned char* weights, float* state, Workspace& workspace, const int32_t* tokens, int count,
             int outputs, float* output);

}  // namespace mamba2_tiny_runtime
