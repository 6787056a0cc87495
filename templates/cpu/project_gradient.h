// The gradient of a linear layer's matrix: the outer products of its outputs' gradients and its inputs.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// `Outputs` x `Columns` elements of the gradient, held in registers over `rows` rows. Meanwhile the elements below them
// come nearer, a line with every row.
template <int Columns, int Outputs, int Inputs, int InputStride, int GradientStride, int Lanes>
inline void project_gradient_tile(const float* input, const float* d_output, float* gradient, int rows) {
  constexpr int vectors = (Columns + Lanes - 1) / Lanes;
  constexpr int full_vectors = Columns / Lanes;
  floats<Lanes> sum[Outputs][vectors];
#pragma unroll
  for (int output = 0; output < Outputs; ++output) {
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector) {
      sum[output][vector] = load<Lanes>(gradient + output * Inputs + vector * Lanes);
    }
    if constexpr (Columns % Lanes > 0) {
      sum[output][full_vectors] = load_first<Lanes, Columns % Lanes>(gradient + output * Inputs + full_vectors * Lanes);
    }
  }
  for (long row = 0; row < rows; ++row) {
    __builtin_prefetch(gradient + (Outputs + row / vectors) * Inputs + row % vectors * Lanes, 1);
    floats<Lanes> x[vectors];
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector)
      x[vector] = load<Lanes>(input + row * InputStride + vector * Lanes);
    if constexpr (Columns % Lanes > 0) {
      x[full_vectors] = load_first<Lanes, Columns % Lanes>(input + row * InputStride + full_vectors * Lanes);
    }
#pragma unroll
    for (int output = 0; output < Outputs; ++output) {
      const floats<Lanes> factor = broadcast<Lanes>(d_output[row * GradientStride + output]);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        sum[output][vector] = fused_multiply_add<Lanes>(x[vector], factor, sum[output][vector]);
      }
    }
  }
#pragma unroll
  for (int output = 0; output < Outputs; ++output) {
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector) {
      store<Lanes>(gradient + output * Inputs + vector * Lanes, sum[output][vector]);
    }
    if constexpr (Columns % Lanes > 0) {
      store_first<Lanes, Columns % Lanes>(gradient + output * Inputs + full_vectors * Lanes, sum[output][full_vectors]);
    }
  }
}

// `Outputs` whole rows of the gradient, `TileColumns` elements at a time.
template <int Outputs, int TileColumns, int Inputs, int InputStride, int GradientStride, int Lanes>
inline void project_gradient_rows(const float* input, const float* d_output, float* gradient, int rows) {
  constexpr int full_tiles = Inputs / TileColumns;
  constexpr int last_columns = Inputs % TileColumns;
  for (int tile = 0; tile < full_tiles; ++tile) {
    project_gradient_tile<TileColumns, Outputs, Inputs, InputStride, GradientStride, Lanes>(
        input + tile * TileColumns, d_output, gradient + tile * TileColumns, rows);
  }
  if constexpr (last_columns > 0) {
    project_gradient_tile<last_columns, Outputs, Inputs, InputStride, GradientStride, Lanes>(
        input + full_tiles * TileColumns, d_output, gradient + full_tiles * TileColumns, rows);
  }
}

// gradient (`Outputs`, `Inputs`) += the sum over rows of d_output (rows, `Outputs`) times input (rows, `Inputs`), in
// the order of the rows. They are taken in blocks that stay in the near caches.
// {Parts > 1 ? Threads share the outputs: this is `part` of `Parts`.}
template <int Inputs, int Outputs, int InputStride, int GradientStride, int Lanes, int TileOutputs, int TileColumns,
          int Parts>
inline void project_gradient(const float* input, const float* d_output, float* gradient, int rows, int part) {
  constexpr int block_rows = 64;
  constexpr int full_tiles = Outputs / TileOutputs;
  constexpr int last_outputs = Outputs % TileOutputs;
  const int first = Parts == 1 ? 0 : part * full_tiles / Parts;
  const int end = Parts == 1 ? full_tiles : (part + 1) * full_tiles / Parts;
  for (long row = 0; row < rows; row += block_rows) {
    const int count = static_cast<int>(rows - row < block_rows ? rows - row : block_rows);
    const float* x = input + row * InputStride;
    const float* dy = d_output + row * GradientStride;
    for (long tile = first; tile < end; ++tile) {
      project_gradient_rows<TileOutputs, TileColumns, Inputs, InputStride, GradientStride, Lanes>(
          x, dy + tile * TileOutputs, gradient + tile * TileOutputs * Inputs, count);
    }
    if constexpr (last_outputs > 0) {
      if (Parts == 1 || part == Parts - 1) {
        project_gradient_rows<last_outputs, TileColumns, Inputs, InputStride, GradientStride, Lanes>(
            x, dy + full_tiles * TileOutputs, gradient + static_cast<long>(full_tiles) * TileOutputs * Inputs, count);
      }
    }
  }
}

}  // namespace mambac
