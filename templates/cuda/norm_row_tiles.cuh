// The norm of few rows before a matrix product on the tensor cores: what norm_tiles is for many rows.
#pragma once

#include "runtime/cuda_cluster.h"
#include "templates/cuda/norm_tiles.cuh"
#include "templates/cuda/sum_of_block.cuh"

namespace mambac {

using namespace mambac_runtime;

// residual += the sum of `Parts` of a product, each (`OutputRows`, `Stride`); output (`OutputRows` in tiles, `Size`
// padded with zeros) = residual / sqrt(mean(residual^2) + epsilon) * weight; with `Mean` the mean is taken off first
// and bias is added (LayerNorm). A block for each row, a thread for eight columns.
template <int Size, int Stride, int OutputRows, int Parts, bool Mean, int Threads>
__global__ void __launch_bounds__(Threads) norm_row_tiles(const float* weight, const float* bias, const float* parts,
                                                          float* residual, float epsilon, float16* output) {
  static_assert(Threads * 8 >= Size && Stride % 8 == 0);
  const long row = blockIdx.y;
  const int column = threadIdx.x * 8;
  float scales[8];
  load_eight<Size>(weight, column, scales);
  wait_for_previous();
  launch_next();
  float x[8];
  load_eight<Size>(residual + row * Stride, column, x);
  if constexpr (Parts > 0) {
    float products[Parts][8];  // all on their way before the first is added
    for (int part = 0; part < Parts; ++part) {
      load_eight<Size>(parts + (part * long{OutputRows} + row) * Stride, column, products[part]);
    }
    for (int part = 0; part < Parts; ++part) {
      for (int k = 0; k < 8; ++k) x[k] += products[part][k];
    }
    store_eight<Size>(residual + row * Stride, column, x);
  }
  if constexpr (Mean) {
    float sum = 0.0f;
    for (int k = 0; k < 8; ++k) sum += x[k];
    const float mean = sum_of_block<Threads>(sum) / Size;
    for (int k = 0; k < 8; ++k) x[k] = column + k < Size ? x[k] - mean : 0.0f;
  }
  float squares = 0.0f;
  for (int k = 0; k < 8; ++k) squares += x[k] * x[k];
  const float scale = 1.0f / sqrtf(sum_of_block<Threads>(squares) / Size + epsilon);
  for (int k = 0; k < 8; ++k) x[k] *= scale * scales[k];
  if constexpr (Mean) {
    float shifts[8];
    load_eight<Size>(bias, column, shifts);
    for (int k = 0; k < 8; ++k) x[k] += shifts[k];
  }
  if (column < (Size + 63) / 64 * 64) {
    *reinterpret_cast<uint4*>(output + tile_offset<OutputRows>(row, column)) = eight_float16(x);
  }
}

}  // namespace mambac
