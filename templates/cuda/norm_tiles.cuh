// The norm before a matrix product on the tensor cores: its result is rounded to float16 and laid out in tiles.
#pragma once

#include "runtime/cuda_halves.h"
#include "runtime/cuda_mathematics.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// Eight of `Size` values from `column`, a multiple of eight, on; zeros behind them.
template <int Size>
__device__ inline void load_eight(const float* from, int column, float* values) {
  if constexpr (Size % 8 == 0) {
    const bool inside = column < Size;
    const float4 zeros = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    const float4 low = inside ? *reinterpret_cast<const float4*>(from + column) : zeros;
    const float4 high = inside ? *reinterpret_cast<const float4*>(from + column + 4) : zeros;
    values[0] = low.x;
    values[1] = low.y;
    values[2] = low.z;
    values[3] = low.w;
    values[4] = high.x;
    values[5] = high.y;
    values[6] = high.z;
    values[7] = high.w;
  } else {
#pragma unroll
    for (int k = 0; k < 8; ++k) values[k] = column + k < Size ? from[column + k] : 0.0f;
  }
}

template <int Size>
__device__ inline void store_eight(float* to, int column, const float* values) {
  if constexpr (Size % 8 == 0) {
    if (column < Size) {
      *reinterpret_cast<float4*>(to + column) = make_float4(values[0], values[1], values[2], values[3]);
      *reinterpret_cast<float4*>(to + column + 4) = make_float4(values[4], values[5], values[6], values[7]);
    }
  } else {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      if (column + k < Size) to[column + k] = values[k];
    }
  }
}

// output (`OutputRows` in tiles, `Size` padded with zeros) = input / sqrt(mean(input^2) + epsilon) * weight; with
// `Mean` the mean is taken off first and bias is added (LayerNorm). A warp for each row; the input's rows lie
// `rows_apart` rows apart.
template <int Size, int InputStride, int OutputRows, bool Mean, int Warps>
__global__ void __launch_bounds__(Warps * 32) norm_tiles(const float* weight, const float* bias, const float* input,
                                                         int rows_apart, float epsilon, float16* output, int rows) {
  constexpr int pieces = (Size + 63) / 64 * 8;  // of eight columns
  constexpr int pieces_of_lane = (pieces + 31) / 32;
  const long row = static_cast<long>(blockIdx.y) * Warps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;
  const float* from = input + row * rows_apart * InputStride;
  float x[pieces_of_lane][8];
  [[maybe_unused]] float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < pieces_of_lane; ++i) {
    const int column = (i * 32 + lane) * 8;
    load_eight<Size>(from, column, x[i]);
    if constexpr (Mean) {
#pragma unroll
      for (int k = 0; k < 8; ++k) sum += x[i][k];
    }
  }
  [[maybe_unused]] const float mean = Mean ? sum_of_warp(sum) / Size : 0.0f;
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < pieces_of_lane; ++i) {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      if constexpr (Mean) x[i][k] = (i * 32 + lane) * 8 + k < Size ? x[i][k] - mean : 0.0f;
      squares += x[i][k] * x[i][k];
    }
  }
  const float scale = 1.0f / sqrtf(sum_of_warp(squares) / Size + epsilon);
#pragma unroll
  for (int i = 0; i < pieces_of_lane; ++i) {
    const int column = (i * 32 + lane) * 8;
    float scales[8];
    [[maybe_unused]] float shifts[8];
    load_eight<Size>(weight, column, scales);
    if constexpr (Mean) load_eight<Size>(bias, column, shifts);
    float y[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      y[k] = x[i][k] * scale * scales[k];
      if constexpr (Mean) y[k] += shifts[k];
    }
    if (column < pieces * 8) {
      *reinterpret_cast<uint4*>(output + tile_offset<OutputRows>(row, column)) = eight_float16(y);
    }
  }
}

}  // namespace mambac
