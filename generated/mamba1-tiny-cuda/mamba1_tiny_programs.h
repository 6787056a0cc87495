// mamba1_tiny: the programs. All pointers are into the GPU's memory.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "mambac.h"
#include "runtime/cuda_types.h"

namespace mamba1_tiny_runtime {

// A weight, by its offset in bytes.
inline const float* f32(const unsigned char* weights, long offset) {
  return reinterpret_cast<const float*>(weights + offset);
}
inline const bfloat16* bf16(const unsigned char* weights, long offset) {
  return reinterpret_cast<const bfloat16*>(weights + offset);
}
inline const float16* f16(const unsigned char* weights, long offset) {
  return reinterpret_cast<const float16*>(weights + offset);
}

// `weights`: the data of the weights file. `state`: floats of the first sequence, the next one 4864 floats on.
// `activations`: 55168 floats.
int step(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, float* output,
         cudaStream_t stream);
int forward(const unsigned char* weights, float* state, float* activations, const int32_t* tokens, int count,
            int outputs, float* output, cudaStream_t stream);

}  // namespace mamba1_tiny_runtime
