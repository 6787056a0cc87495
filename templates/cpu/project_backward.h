// The gradient of a linear layer's input: the transposed matrix times the gradient of its output.
#pragma once

#include "templates/cpu/transpose_matrix.h"

namespace mambac {

using namespace mambac_runtime;

// d_input (`Rows`, `Columns`) += d_output (`Rows`, `Outputs`) tile (`Outputs`, `Columns`), the sums in registers.
// Meanwhile weights from `ahead` on come nearer, a line with every output.
template <int Columns, int Outputs, int GradientStride, int OutputStride, int Lanes, int Rows>
inline void project_backward_tile(const float* tile, const float* ahead, const float* d_output, float* d_input) {
  constexpr int vectors = (Columns + Lanes - 1) / Lanes;
  constexpr int full_vectors = Columns / Lanes;
  floats<Lanes> sum[Rows][vectors];
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector) {
      sum[row][vector] = load<Lanes>(d_input + row * OutputStride + vector * Lanes);
    }
    if constexpr (Columns % Lanes > 0) {
      sum[row][full_vectors] = load_first<Lanes, Columns % Lanes>(d_input + row * OutputStride + full_vectors * Lanes);
    }
  }
  for (int output = 0; output < Outputs; ++output) {
    __builtin_prefetch(ahead + output * 16);
    floats<Lanes> weight[vectors];
#pragma unroll
    for (int vector = 0; vector < vectors; ++vector) {
      weight[vector] = load<Lanes>(tile + output * (vectors * Lanes) + vector * Lanes);
    }
#pragma unroll
    for (int row = 0; row < Rows; ++row) {
      const floats<Lanes> gradient = broadcast<Lanes>(d_output[row * GradientStride + output]);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        sum[row][vector] = fused_multiply_add<Lanes>(weight[vector], gradient, sum[row][vector]);
      }
    }
  }
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector) {
      store<Lanes>(d_input + row * OutputStride + vector * Lanes, sum[row][vector]);
    }
    if constexpr (Columns % Lanes > 0) {
      store_first<Lanes, Columns % Lanes>(d_input + row * OutputStride + full_vectors * Lanes, sum[row][full_vectors]);
    }
  }
}

// One panel of `PanelOutputs` outputs, `Outputs` of them real, for `Columns` inputs: its weights are transposed in the
// near cache and then used for every row. `ahead`: the weights that are transposed next.
template <int Columns, int Outputs, int PanelOutputs, int GradientStride, int OutputStride, int Lanes, int TileRows>
inline void project_backward_panel(const float* panel, const float* ahead, const float* d_output, float* d_input,
                                   int rows) {
  alignas(64) float tile[PanelOutputs * ((Columns + Lanes - 1) / Lanes * Lanes)];
  transpose_matrix<Columns, PanelOutputs, Lanes>(panel, tile);
  long row = 0;
  for (; row + TileRows <= rows; row += TileRows) {
    project_backward_tile<Columns, Outputs, GradientStride, OutputStride, Lanes, TileRows>(
        tile, ahead, d_output + row * GradientStride, d_input + row * OutputStride);
    ahead += Outputs * 16;
  }
  if constexpr (TileRows > 1) {
    for (; row < rows; ++row) {
      project_backward_tile<Columns, Outputs, GradientStride, OutputStride, Lanes, 1>(
          tile, ahead, d_output + row * GradientStride, d_input + row * OutputStride);
    }
  }
}

// `Columns` inputs from all panels, one after the other.
template <int Inputs, int Columns, int Outputs, int GradientStride, int OutputStride, int Lanes, int PanelOutputs,
          int TileRows, bool Accumulate>
inline void project_backward_columns(const float* weights, const float* d_output, float* d_input, int first_column,
                                     int rows) {
  constexpr int full_panels = Outputs / PanelOutputs;
  constexpr int last_outputs = Outputs % PanelOutputs;
  if constexpr (!Accumulate) {
    for (long row = 0; row < rows; ++row) {
      __builtin_memset(d_input + row * OutputStride + first_column, 0, Columns * sizeof(float));
    }
  }
  for (long panel = 0; panel < full_panels; ++panel) {
    const float* of_columns = weights + panel * (Inputs * PanelOutputs) + first_column * PanelOutputs;
    project_backward_panel<Columns, PanelOutputs, PanelOutputs, GradientStride, OutputStride, Lanes, TileRows>(
        of_columns, of_columns + Inputs * PanelOutputs, d_output + panel * PanelOutputs, d_input + first_column, rows);
  }
  if constexpr (last_outputs > 0) {
    constexpr int width = (last_outputs + Lanes - 1) / Lanes * Lanes;
    const float* of_columns = weights + static_cast<long>(full_panels) * (Inputs * PanelOutputs) + first_column * width;
    project_backward_panel<Columns, last_outputs, width, GradientStride, OutputStride, Lanes, TileRows>(
        of_columns, of_columns, d_output + full_panels * PanelOutputs, d_input + first_column, rows);
  }
}

// d_input (rows, `Inputs`) = d_output (rows, `Outputs`) weights (`Outputs`, `Inputs`){Accumulate ? , added to
// what d_input holds}. The weights lie in panels as `project` reads them.
// {Parts > 1 ? Threads share the inputs, or the rows where there are too few inputs: this is `part` of `Parts`.}
template <int Inputs, int Outputs, int GradientStride, int OutputStride, int Lanes, int PanelOutputs, int TileRows,
          bool Accumulate, int Parts>
inline void project_backward(const float* weights, const float* d_output, float* d_input, int rows, int part) {
  constexpr int full_blocks = Inputs / PanelOutputs;
  constexpr int last_columns = Inputs % PanelOutputs;
  constexpr int blocks = full_blocks + (last_columns > 0 ? 1 : 0);
  if constexpr (blocks < Parts) {
    const int first_row = part * rows / Parts;
    const int own_rows = (part + 1) * rows / Parts - first_row;
    project_backward<Inputs, Outputs, GradientStride, OutputStride, Lanes, PanelOutputs, TileRows, Accumulate, 1>(
        weights, d_output + first_row * GradientStride, d_input + first_row * OutputStride, own_rows, 0);
  } else {
    const int first = Parts == 1 ? 0 : part * blocks / Parts;
    const int end = Parts == 1 || (last_columns > 0 && part == Parts - 1) ? full_blocks : (part + 1) * blocks / Parts;
    for (int block = first; block < end; ++block) {
      project_backward_columns<Inputs, PanelOutputs, Outputs, GradientStride, OutputStride, Lanes, PanelOutputs,
                               TileRows, Accumulate>(weights, d_output, d_input, block * PanelOutputs, rows);
    }
    if constexpr (last_columns > 0) {
      if (Parts == 1 || part == Parts - 1) {
        project_backward_columns<Inputs, last_columns, Outputs, GradientStride, OutputStride, Lanes, PanelOutputs,
                                 TileRows, Accumulate>(weights, d_output, d_input, full_blocks * PanelOutputs, rows);
      }
    }
  }
}

}  // namespace mambac
