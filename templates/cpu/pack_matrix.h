// A matrix from the layout of the parameters to that of the weights, between two steps of an optimizer.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/transpose.h"

namespace mambac {

using namespace mambac_runtime;

// Rows `FirstRow` and on of the packed matrix = matrix (`Rows`, `Columns`) and zeros up to `SegmentRows` rows. The
// packed matrix of `PaddedRows` rows lies in panels of `PanelRows` rows, [panel][column][row]; the last panel is as
// narrow as what is left. A panel of all rows is the transpose. {NegativeExponential ? Of every element,
// -exp(element).} {Streamed ? The packed matrix goes past the caches: all weights together are more than these hold.}
template <int Rows, int Columns, int FirstRow, int SegmentRows, int PaddedRows, int PanelRows, bool NegativeExponential,
          bool Streamed, int Lanes>
inline void pack_matrix(const float* matrix, float* packed) {
  static_assert(FirstRow % Lanes == 0 && PanelRows % Lanes == 0 && PaddedRows % Lanes == 0);
  for (long row = 0; row < SegmentRows; row += Lanes) {
    const long packed_row = FirstRow + row, panel = packed_row / PanelRows;
    [[maybe_unused]] const long width =
        PaddedRows - panel * PanelRows < PanelRows ? PaddedRows - panel * PanelRows : PanelRows;
    float* to = packed + panel * PanelRows * Columns + packed_row % PanelRows;
    const int rows = static_cast<int>(Rows - row < Lanes ? Rows - row : Lanes);
    for (int column = 0; column < Columns; column += Lanes) {
      const int columns = Columns - column < Lanes ? Columns - column : Lanes;
      floats<Lanes> square[Lanes] = {};
      for (int index = 0; index < rows; ++index) {
        const float* from = matrix + (row + index) * Columns + column;
        square[index] = load_below<Lanes>(from, columns);
        if constexpr (NegativeExponential) square[index] = -exponential<Lanes>(square[index]);
      }
      transpose<Lanes>(square);
      for (int index = 0; index < columns; ++index) {
        if constexpr (Streamed) {
          stream<Lanes>(to + (column + index) * width, square[index]);
        } else {
          store<Lanes>(to + (column + index) * width, square[index]);
        }
      }
    }
  }
  if constexpr (Streamed) end_stream();
}

}  // namespace mambac
