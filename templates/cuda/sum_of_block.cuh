// Sums over the threads of a block.
#pragma once

#include "runtime/cuda_mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// The sum of `value` over the block's `Threads` threads, in every thread; the order is the same in every run.
template <int Threads>
__device__ inline float sum_of_block(float value) {
  __shared__ float sums[Threads / 32];
  const float of_warp = sum_of_warp(value);
  __syncthreads();  // the sums of an earlier call have been read
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = of_warp;
  __syncthreads();
  float sum = 0.0f;
  for (int warp = 0; warp < Threads / 32; ++warp) sum += sums[warp];
  return sum;
}

}  // namespace mambac
