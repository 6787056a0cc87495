// mamba1_tiny: the kernels of mamba1_tiny_kernels.cu.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#pragma once

#include "runtime/cuda_exchange.h"
#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_ring.h"
#include "runtime/cuda_types.h"

namespace mamba1_tiny_runtime {

__global__ void __launch_bounds__(8 * 32 + 32, 1)
    decode_256x64x16x4(const unsigned char* weights, float* state, void* exchange_memory, const int* tokens,
                       [[maybe_unused]] const float* input, float* output, int count, const int* stopped, float epsilon,
                       [[maybe_unused]] float delta_epsilon);
__global__ void __launch_bounds__(64) embed_256x64(const float* table, const int* tokens, float* output);
__global__ void __launch_bounds__(64)
    rms_norm_64(const float* weight, const float* input, int rows_apart, float epsilon, float* output);
__global__ void __launch_bounds__(4 * 32)
    project_64_to_256_tile_rows_8(const float* weights, [[maybe_unused]] const float* bias, const float* input,
                                  float* output, int rows);
__global__ void __launch_bounds__(64)
    convolve_128x4(const float* taps, const float* bias, float* window, const float* input, float* output, int tokens);
__global__ void __launch_bounds__(4 * 32) project_128_to_36(const float* weights, [[maybe_unused]] const float* bias,
                                                            const float* input, float* output, int rows);
__global__ void __launch_bounds__(4 * 32)
    project_4_to_128(const float* weights, const float* bias, const float* input, float* output, int rows);
__global__ void __launch_bounds__(32)
    selective_scan_128x16(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                          const float* gate, const float* b, const float* c, float* output, int tokens);
__global__ void __launch_bounds__(4 * 32) project_128_to_64(const float* weights, [[maybe_unused]] const float* bias,
                                                            const float* input, float* output, int rows);
__global__ void __launch_bounds__(4 * 32)
    project_64_to_256_tile_rows_1(const float* weights, [[maybe_unused]] const float* bias, const float* input,
                                  float* output, int rows);

}  // namespace mamba1_tiny_runtime
