// Products of small matrices that lie in the near caches.
#pragma once

#include "runtime/transpose.h"

namespace mambac {

using namespace mambac_runtime;

// `Rows` rows of `Vectors` vectors of the sum in registers.
template <int Rows, int Vectors, int Depth, int LeftRow, int LeftColumn, int RightStride, int SumStride, int Lanes,
          bool Accumulate>
inline void small_product_tile(const float* left, const float* right, float* sum) {
  floats<Lanes> held[Rows][Vectors];
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      held[row][vector] = Accumulate ? load<Lanes>(sum + row * SumStride + vector * Lanes) : floats<Lanes>{};
    }
  }
  for (int depth = 0; depth < Depth; ++depth) {
    floats<Lanes> factor[Vectors];
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      factor[vector] = load<Lanes>(right + depth * RightStride + vector * Lanes);
    }
#pragma unroll
    for (int row = 0; row < Rows; ++row) {
      const floats<Lanes> value = broadcast<Lanes>(left[row * LeftRow + depth * LeftColumn]);
#pragma unroll
      for (int vector = 0; vector < Vectors; ++vector) {
        held[row][vector] = fused_multiply_add<Lanes>(value, factor[vector], held[row][vector]);
      }
    }
  }
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      store<Lanes>(sum + row * SumStride + vector * Lanes, held[row][vector]);
    }
  }
}

// sum (`Rows`, `Columns`) {Accumulate ? += : =} left (`Rows`, `Depth`) right (`Depth`, `Columns`), in the order of the
// depth. Left may lie turned around: `LeftRow` floats between its rows, `LeftColumn` between its columns.
template <int Rows, int Columns, int Depth, int LeftRow, int LeftColumn, int RightStride, int SumStride, int Lanes,
          bool Accumulate>
inline void small_product(const float* left, const float* right, float* sum) {
  static_assert(Columns % Lanes == 0);
  constexpr int vectors = Columns / Lanes % 2 == 0 ? 2 : 1;
  constexpr int rows = Lanes / vectors;  // as many sums as half of the registers hold: none waits for another
  constexpr int full_rows = Rows / rows * rows;
  for (int column = 0; column < Columns; column += vectors * Lanes) {
    for (int row = 0; row < full_rows; row += rows) {
      small_product_tile<rows, vectors, Depth, LeftRow, LeftColumn, RightStride, SumStride, Lanes, Accumulate>(
          left + row * LeftRow, right + column, sum + row * SumStride + column);
    }
    if constexpr (Rows > full_rows) {
      small_product_tile<Rows - full_rows, vectors, Depth, LeftRow, LeftColumn, RightStride, SumStride, Lanes,
                         Accumulate>(left + full_rows * LeftRow, right + column, sum + full_rows * SumStride + column);
    }
  }
}

// to (`Columns`, `Rows`) = from (`Rows`, `Columns`), turned around.
template <int Rows, int Columns, int Lanes>
inline void turn(const float* from, float* to) {
  static_assert(Rows % Lanes == 0 && Columns % Lanes == 0);
  for (int row = 0; row < Rows; row += Lanes) {
    for (int column = 0; column < Columns; column += Lanes) {
      floats<Lanes> square[Lanes];
#pragma unroll
      for (int index = 0; index < Lanes; ++index) square[index] = load<Lanes>(from + (row + index) * Columns + column);
      transpose<Lanes>(square);
#pragma unroll
      for (int index = 0; index < Lanes; ++index) store<Lanes>(to + (column + index) * Rows + row, square[index]);
    }
  }
}

}  // namespace mambac
