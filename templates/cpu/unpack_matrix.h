// A matrix from the layout of the weights back to that of the parameters.
#pragma once

namespace mambac {

// matrix (`Rows`, `Columns`) = rows `FirstRow` and on of the packed matrix, the inverse of `pack_matrix`.
// NegativeExponential: of every element, log(-element).
template <int Rows, int Columns, int FirstRow, int PaddedRows, int PanelRows, bool NegativeExponential>
inline void unpack_matrix(const float* packed, float* matrix) {
  for (long row = 0; row < Rows; ++row) {
    const long packed_row = FirstRow + row, panel = packed_row / PanelRows;
    [[maybe_unused]] const long width =
        PaddedRows - panel * PanelRows < PanelRows ? PaddedRows - panel * PanelRows : PanelRows;
    const float* from = packed + panel * PanelRows * Columns + packed_row % PanelRows;
    for (long column = 0; column < Columns; ++column) {
      const float value = from[column * width];
      if constexpr (NegativeExponential) {
        matrix[row * Columns + column] = static_cast<float>(__builtin_log(-static_cast<double>(value)));
      } else {
        matrix[row * Columns + column] = value;
      }
    }
  }
}

}  // namespace mambac
