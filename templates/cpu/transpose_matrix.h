// Matrices that lie in the near caches, turned around.
#pragma once

#include "runtime/transpose.h"

namespace mambac {

using namespace mambac_runtime;

// `Rows` rows of from, at most a vector's lanes, become columns of to, whose rows are `Width` floats; zeros behind them
// up to a whole vector.
template <int Rows, int Columns, int Width, int Lanes>
inline void transpose_rows(const float* from, float* to) {
  for (int column = 0; column < Columns; column += Lanes) {
    floats<Lanes> square[Lanes] = {};
#pragma unroll
    for (int index = 0; index < Rows; ++index) square[index] = load<Lanes>(from + index * Columns + column);
    transpose<Lanes>(square);
#pragma unroll
    for (int index = 0; index < Lanes; ++index) store<Lanes>(to + (column + index) * Width, square[index]);
  }
}

// to (`Columns`, `Rows` rounded up to vectors) = the transpose of from (`Rows`, `Columns`).
template <int Rows, int Columns, int Lanes>
inline void transpose_matrix(const float* from, float* to) {
  static_assert(Columns % Lanes == 0);
  constexpr int width = (Rows + Lanes - 1) / Lanes * Lanes;
  constexpr int full_rows = Rows / Lanes * Lanes;
  for (int row = 0; row < full_rows; row += Lanes) {
    transpose_rows<Lanes, Columns, width, Lanes>(from + row * Columns, to + row);
  }
  if constexpr (Rows > full_rows) {
    transpose_rows<Rows - full_rows, Columns, width, Lanes>(from + full_rows * Columns, to + full_rows);
  }
}

}  // namespace mambac
