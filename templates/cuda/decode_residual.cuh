// Decode's residual stream: every block has all of it, in the registers of its threads, laid out as it arrives in
// packets: residual[3 * load + place] is the value in `place` of packet load * `Threads` + thread.
#pragma once

#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_ring.h"
#include "templates/cuda/exchange.cuh"
#include "templates/cuda/multiply_slab.cuh"

namespace mambac {

using namespace mambac_runtime;

// The sum over the block's reading threads; `sums`: a float for every warp.
template <int Threads>
__device__ inline float sum_of_readers(float value, float* sums) {
  value = sum_of_warp(value);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  synchronize_readers(Threads);
  float sum = 0.0f;
  for (int warp = 0; warp < Threads / 32; ++warp) sum += sums[warp];
  return sum;
}

// The residual, normalized, to the vector in shared memory that products read. Returns the factor that those products
// still lack. `weight` (and `bias`, of a layer norm) are the thread's, laid out as the residual; `Rows`: values a block
// hands on; `sums`: two floats for every warp.
template <typename Weight, int Blocks, int Rows, int Size, int Loads, int Threads, bool LayerNorm>
__device__ inline float normalize(const float* residual, const float* weight, const float* bias, float epsilon,
                                  float* vector, float* sums) {
  [[maybe_unused]] float mean = 0.0f;
  if constexpr (LayerNorm) {
    float sum = 0.0f;
#pragma unroll
    for (int index = 0; index < Loads * 3; ++index) sum += residual[index];
    mean = sum_of_readers<Threads>(sum, sums + Threads / 32) / Size;
  }
  float squares = 0.0f;
#pragma unroll
  for (int index = 0; index < Loads * 3; ++index) {
    const int element = value_in_packet<Blocks, Rows>(index / 3 * Threads + threadIdx.x, index % 3);
    if constexpr (LayerNorm) {
      const float difference = element >= 0 && element < Size ? residual[index] - mean : 0.0f;
      squares = fmaf(difference, difference, squares);
    } else {
      squares = fmaf(residual[index], residual[index], squares);
      if (element >= 0) vector[place_of<Weight>(element)] = residual[index] * weight[index];
    }
  }
  const float scale = rsqrtf(sum_of_readers<Threads>(squares, sums) / Size + epsilon);
  if constexpr (LayerNorm) {
#pragma unroll
    for (int index = 0; index < Loads * 3; ++index) {
      const int element = value_in_packet<Blocks, Rows>(index / 3 * Threads + threadIdx.x, index % 3);
      const float value = (residual[index] - mean) * scale * weight[index] + bias[index];
      if (element >= 0) vector[place_of<Weight>(element)] = value;
    }
    synchronize_readers(Threads);
  }
  return LayerNorm ? 1.0f : scale;
}

// The thread's part of a vector of one value for every row of all blocks.
template <int Blocks, int Rows, int Loads, int Threads>
__device__ inline void load_part(const float* vector, float* part) {
#pragma unroll
  for (int index = 0; index < Loads * 3; ++index) {
    const int element = value_in_packet<Blocks, Rows>(index / 3 * Threads + threadIdx.x, index % 3);
    part[index] = element >= 0 ? __ldg(vector + element) : 0.0f;
  }
}

}  // namespace mambac
