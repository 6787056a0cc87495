// Matrix products of any shape: a warp for each output.
#pragma once

#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_types.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Outputs`) = weights (`Outputs`, `Inputs`) input (rows, `Inputs`), plus bias if there is one, plus what
// output held before if the kernel accumulates. A warp reads an output's weights once for `TileRows` rows; its lanes
// share the inputs. An output's sum has the same order whatever the number of rows: splitting a block of tokens
// changes no bit.
template <int Inputs, int Outputs, int InputStride, int OutputStride, int TileRows, typename Weight, bool Bias,
          bool Accumulate, int Warps>
__global__ void __launch_bounds__(Warps * 32)
    project(const Weight* weights, const float* bias, const float* input, float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * Warps + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * TileRows;
  if (index >= Outputs) return;
  const Weight* of_output = weights + static_cast<long>(index) * Inputs;
  const float* from = input + first_row * InputStride;
  float sum[TileRows] = {};
  for (int column = lane; column < Inputs; column += 32) {
    const float weight = to_float(of_output[column]);
#pragma unroll
    for (int row = 0; row < TileRows; ++row) {
      if (first_row + row < rows) sum[row] += weight * from[row * InputStride + column];
    }
  }
#pragma unroll
  for (int row = 0; row < TileRows; ++row) sum[row] = sum_of_warp(sum[row]);
  if (lane > 0) return;
  float* to = output + first_row * OutputStride + index;
#pragma unroll
  for (int row = 0; row < TileRows; ++row) {
    if (first_row + row < rows) {
      float value = sum[row];
      if constexpr (Bias) value += bias[index];
      if constexpr (Accumulate) value += to[row * OutputStride];
      to[row * OutputStride] = value;
    }
  }
}

}  // namespace mambac
