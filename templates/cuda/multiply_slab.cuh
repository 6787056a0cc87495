// The inner loop of decode: rows of weights in shared memory times a vector in shared memory.
#pragma once

#include "runtime/cuda_types.h"

namespace mambac {

using namespace mambac_runtime;

// Where the vector keeps a column. A lane takes the weights of a row 16 bytes at a time: 4 floats or 8 bfloat16. Eight
// columns of the vector are 32 bytes, and reading those lane by lane would meet in the banks; so that of 256 columns
// the first halves of all eights come first.
template <typename Weight>
__device__ inline int place_of(int column) {
  if constexpr (sizeof(Weight) == 4) {
    return column;
  } else {
    return column / 256 * 256 + column / 4 % 2 * 128 + column / 8 % 32 * 4 + column % 4;
  }
}

__device__ inline float add_products(float4 weights, float4 x, float sum) {
  return fmaf(weights.w, x.w, fmaf(weights.z, x.z, fmaf(weights.y, x.y, fmaf(weights.x, x.x, sum))));
}

// Two bfloat16 in 32 bits, the first in the lower half.
__device__ inline float add_products(unsigned weights, float first, float second, float sum) {
  return fmaf(__uint_as_float(weights & 0xffff0000), second, fmaf(__uint_as_float(weights << 16), first, sum));
}

// sums[row] += this lane's part of row . vector, for `Rows` rows of `Columns` columns that lie `Stride` apart.
template <typename Weight, int Rows, int Columns, int Stride>
__device__ inline void multiply_slab(const unsigned char* weights, const float* vector, float* sums) {
  constexpr int width = 16 / sizeof(Weight);
  static_assert(Columns % width == 0 && Stride % width == 0);
  const int lane = threadIdx.x % 32;
  for (int first = 0; first < Columns; first += 32 * width) {
    if (Columns % (32 * width) == 0 || first + lane * width < Columns) {
      const unsigned char* column = weights + (first + lane * width) * sizeof(Weight);
      if constexpr (sizeof(Weight) == 4) {
        const float4 x = *reinterpret_cast<const float4*>(vector + first + lane * 4);
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
          sums[row] = add_products(*reinterpret_cast<const float4*>(column + row * Stride * 4), x, sums[row]);
        }
      } else {
        const float4 low = *reinterpret_cast<const float4*>(vector + first + lane * 4);
        const float4 high = *reinterpret_cast<const float4*>(vector + first + 128 + lane * 4);
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
          const uint4 eight = *reinterpret_cast<const uint4*>(column + row * Stride * 2);
          float sum = add_products(eight.x, low.x, low.y, sums[row]);
          sum = add_products(eight.y, low.z, low.w, sum);
          sum = add_products(eight.z, high.x, high.y, sum);
          sums[row] = add_products(eight.w, high.z, high.w, sum);
        }
      }
    }
  }
}

}  // namespace mambac
