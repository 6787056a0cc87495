// Functions that kernels on a GPU share, from CUDA's own mathematics: within 2 units in the last place, where it says
// so.
#pragma once

namespace mambac_runtime {

// log(1 + exp(x)); x itself above 20, as the models were trained.
__device__ inline float softplus(float x) { return x > 20.0f ? x : log1pf(expf(x)); }

// x / (1 + exp(-x))
__device__ inline float silu(float x) { return x / (1.0f + expf(-x)); }

// The sum over a warp's lanes, in every lane; the order is the same in every run.
__device__ inline float sum_of_warp(float value) {
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffff, value, distance);
  return value;
}

// The sum over the lanes of a half warp, in each of them, likewise.
__device__ inline float sum_of_half_warp(float value) {
  for (int distance = 8; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffff, value, distance);
  return value;
}

}  // namespace mambac_runtime
