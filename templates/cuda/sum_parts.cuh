// What x_proj has made in parts becomes one: the operand of dt_proj, and B and C of the scan.
#pragma once

#include "runtime/cuda_halves.h"
#include "runtime/cuda_mathematics.h"
#include "templates/cuda/tiles.cuh"

namespace mambac {

using namespace mambac_runtime;

// 1 / sqrt(mean(values^2) + epsilon) over the `Size` columns that a warp's lanes share.
template <int Size, int OfLane>
__device__ inline float norm_of_warp(const float (&values)[OfLane], float epsilon) {
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < OfLane; ++i) squares += values[i] * values[i];
  return 1.0f / sqrtf(sum_of_warp(squares) / Size + epsilon);
}

// parts (`Parts`, `Rows`, `PartStride`) hold dt (`Rank`), B and C (`States` each) in every row. dt (`Rows` in tiles,
// `Rank` padded with zeros) and bc (rows, `States`, float16 B beside C) get their sums, with `Norm` each divided by its
// root mean square (FalconMamba). A warp for each row.
template <int Parts, int Rows, int PartStride, int Rank, int States, bool Norm, int Warps>
__global__ void __launch_bounds__(Warps * 32)
    sum_parts(const float* parts, float epsilon, float16* dt, unsigned* bc, int rows) {
  constexpr int dt_columns = (Rank + 63) / 64 * 64;
  constexpr int dt_of_lane = dt_columns / 32;
  constexpr int states_of_lane = (States + 31) / 32;
  const long row = static_cast<long>(blockIdx.y) * Warps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;
  float rank[dt_of_lane] = {};
  float b[states_of_lane] = {};
  float c[states_of_lane] = {};
#pragma unroll
  for (int part = 0; part < Parts; ++part) {
    const float* from = parts + (part * static_cast<long>(Rows) + row) * PartStride;
#pragma unroll
    for (int i = 0; i < dt_of_lane; ++i) {
      const int column = i / 2 * 64 + lane * 2 + i % 2;
      if (column < Rank) rank[i] += from[column];
    }
#pragma unroll
    for (int i = 0; i < states_of_lane; ++i) {
      const int n = i * 32 + lane;
      if (n < States) {
        b[i] += from[Rank + n];
        c[i] += from[Rank + States + n];
      }
    }
  }
  float rank_scale = 1.0f;
  float b_scale = 1.0f;
  float c_scale = 1.0f;
  if constexpr (Norm) {
    rank_scale = norm_of_warp<Rank>(rank, epsilon);
    b_scale = norm_of_warp<States>(b, epsilon);
    c_scale = norm_of_warp<States>(c, epsilon);
  }
#pragma unroll
  for (int i = 0; i < dt_of_lane; i += 2) {
    *reinterpret_cast<unsigned*>(dt + tile_offset<Rows>(row, i * 32 + lane * 2)) =
        two_float16(rank[i] * rank_scale, rank[i + 1] * rank_scale);
  }
#pragma unroll
  for (int i = 0; i < states_of_lane; ++i) {
    const int n = i * 32 + lane;
    if (n < States) bc[row * States + n] = two_float16(b[i] * b_scale, c[i] * c_scale);
  }
}

}  // namespace mambac
