// Matrix products: every linear layer of a model.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// `Outputs` outputs of one panel for {Rows > 1 ? `Rows` rows : one row}, held in registers. An output's sum runs over
// the inputs in order whatever the number of rows, so that it has the same bits in `step` and in `forward`.
// {Rows > 1 ? Of the inputs and the weights, those that are fewer are loaded first and stay in registers too.} A panel of
// f32 is [input][output]; of bfloat16 [pair of inputs][output], the even input in a word's lower half.
template <int Inputs, int Outputs, int InputStride, int OutputStride, int Lanes, int Rows, typename Weight, bool Bias,
          bool Accumulate>
inline void project_tile(const Weight* panel, const float* bias, const float* input, float* output) {
  constexpr int vectors = (Outputs + Lanes - 1) / Lanes;
  constexpr int full_vectors = Outputs / Lanes;
  floats<Lanes> sum[Rows][vectors] = {};
  if constexpr (sizeof(Weight) == sizeof(float)) {
    for (int column = 0; column < Inputs; ++column) {
      if constexpr (Rows < vectors) {
        floats<Lanes> x[Rows];
#pragma unroll
        for (int row = 0; row < Rows; ++row) x[row] = broadcast<Lanes>(input[row * InputStride + column]);
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          const floats<Lanes> weight = load<Lanes>(panel + column * (vectors * Lanes) + vector * Lanes);
#pragma unroll
          for (int row = 0; row < Rows; ++row) {
            sum[row][vector] = fused_multiply_add<Lanes>(weight, x[row], sum[row][vector]);
          }
        }
      } else {
        floats<Lanes> weight[vectors];
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          weight[vector] = load<Lanes>(panel + column * (vectors * Lanes) + vector * Lanes);
        }
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
          const floats<Lanes> x = broadcast<Lanes>(input[row * InputStride + column]);
#pragma unroll
          for (int vector = 0; vector < vectors; ++vector) {
            sum[row][vector] = fused_multiply_add<Lanes>(weight[vector], x, sum[row][vector]);
          }
        }
      }
    }
  } else {
    for (int column = 0; column + 1 < Inputs; column += 2) {
      if constexpr (Rows < vectors) {
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          const words<Lanes> pair = load_pair<Lanes>(panel + column * (vectors * Lanes) + vector * (2 * Lanes));
          const floats<Lanes> even = even_of_pair<Lanes>(pair), odd = odd_of_pair<Lanes>(pair);
#pragma unroll
          for (int row = 0; row < Rows; ++row) {
            const float* x = input + row * InputStride + column;
            sum[row][vector] = fused_multiply_add<Lanes>(even, broadcast<Lanes>(x[0]), sum[row][vector]);
            sum[row][vector] = fused_multiply_add<Lanes>(odd, broadcast<Lanes>(x[1]), sum[row][vector]);
          }
        }
      } else {
        words<Lanes> pair[vectors];
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          pair[vector] = load_pair<Lanes>(panel + column * (vectors * Lanes) + vector * (2 * Lanes));
        }
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
          const floats<Lanes> even = broadcast<Lanes>(input[row * InputStride + column]);
          const floats<Lanes> odd = broadcast<Lanes>(input[row * InputStride + column + 1]);
#pragma unroll
          for (int vector = 0; vector < vectors; ++vector) {
            sum[row][vector] = fused_multiply_add<Lanes>(even_of_pair<Lanes>(pair[vector]), even, sum[row][vector]);
            sum[row][vector] = fused_multiply_add<Lanes>(odd_of_pair<Lanes>(pair[vector]), odd, sum[row][vector]);
          }
        }
      }
    }
    if constexpr (Inputs % 2 == 1) {
      // The last input has no partner.
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        const words<Lanes> pair = load_pair<Lanes>(panel + (Inputs - 1) * (vectors * Lanes) + vector * (2 * Lanes));
#pragma unroll
        for (int row = 0; row < Rows; ++row) {
          const floats<Lanes> even = broadcast<Lanes>(input[row * InputStride + Inputs - 1]);
          sum[row][vector] = fused_multiply_add<Lanes>(even_of_pair<Lanes>(pair), even, sum[row][vector]);
        }
      }
    }
  }
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
    float* to = output + row * OutputStride;
    if constexpr (Bias) {
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) sum[row][vector] += load<Lanes>(bias + vector * Lanes);
    }
    if constexpr (Accumulate) {
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) sum[row][vector] += load<Lanes>(to + vector * Lanes);
    }
#pragma unroll
    for (int vector = 0; vector < full_vectors; ++vector) store<Lanes>(to + vector * Lanes, sum[row][vector]);
    if constexpr (Outputs % Lanes > 0) {
      store_first<Lanes, Outputs % Lanes>(to + full_vectors * Lanes, sum[row][full_vectors]);
    }
  }
}

// All rows of one panel{TileRows > 1 ? : `TileRows` at a time, the rest one by one}.
template <int Inputs, int Outputs, int InputStride, int OutputStride, int Lanes, int TileRows, typename Weight,
          bool Bias, bool Accumulate>
inline void project_panel(const Weight* panel, const float* bias, const float* input, float* output, int rows) {
  int row = 0;
  if constexpr (TileRows > 1) {
    for (; row + TileRows <= rows; row += TileRows) {
      project_tile<Inputs, Outputs, InputStride, OutputStride, Lanes, TileRows, Weight, Bias, Accumulate>(
          panel, bias, input + row * InputStride, output + row * OutputStride);
    }
  }
  for (; row < rows; ++row) {
    project_tile<Inputs, Outputs, InputStride, OutputStride, Lanes, 1, Weight, Bias, Accumulate>(
        panel, bias, input + row * InputStride, output + row * OutputStride);
  }
}

// output (rows, `Outputs`) = weights (`Outputs`, `Inputs`) input (rows, `Inputs`){Bias ? , plus bias}{Accumulate ? , added to what output
// holds}. The weights lie in panels of `PanelOutputs` outputs, the last one as narrow as what is left allows. {Parts > 1 ? Threads share the panels, or the rows where there are too few panels: this is `part` of `Parts`.}
template <int Inputs, int Outputs, int InputStride, int OutputStride, int Lanes, int PanelOutputs, int TileRows,
          typename Weight, bool Bias, bool Accumulate, int Parts>
inline void project(const Weight* weights, const float* bias, const float* input, float* output, int rows, int part) {
  static_assert(PanelOutputs % Lanes == 0);
  constexpr int full_panels = Outputs / PanelOutputs;
  constexpr int last_outputs = Outputs % PanelOutputs;
  constexpr int panel_weights = (Inputs + (sizeof(Weight) == sizeof(float) ? 0 : Inputs % 2)) * PanelOutputs;
  constexpr int panels = full_panels + (last_outputs > 0 ? 1 : 0);
  if constexpr (panels < Parts) {
    const int first_row = part * rows / Parts;
    const int own_rows = (part + 1) * rows / Parts - first_row;
    project<Inputs, Outputs, InputStride, OutputStride, Lanes, PanelOutputs, TileRows, Weight, Bias, Accumulate, 1>(
        weights, bias, input + first_row * InputStride, output + first_row * OutputStride, own_rows, 0);
  } else {
    const int first = Parts == 1 ? 0 : part * panels / Parts;
    const int end = Parts == 1 || (last_outputs > 0 && part == Parts - 1) ? full_panels : (part + 1) * panels / Parts;
    for (int panel = first; panel < end; ++panel) {
      project_panel<Inputs, PanelOutputs, InputStride, OutputStride, Lanes, TileRows, Weight, Bias, Accumulate>(
          weights + static_cast<long>(panel) * panel_weights, bias + (Bias ? panel * PanelOutputs : 0), input,
          output + panel * PanelOutputs, rows);
    }
    if constexpr (last_outputs > 0) {
      if (Parts == 1 || part == Parts - 1) {
        project_panel<Inputs, last_outputs, InputStride, OutputStride, Lanes, TileRows, Weight, Bias, Accumulate>(
            weights + static_cast<long>(full_panels) * panel_weights, bias + (Bias ? full_panels * PanelOutputs : 0),
            input, output + full_panels * PanelOutputs, rows);
      }
    }
  }
}

}  // namespace mambac
