// Products of small matrices that lie in the near caches, and how rows get there and back.
#pragma once

#include "templates/cpu/padded_to_16.h"
#include "templates/cpu/transpose_matrix.h"

namespace mambac {

using namespace mambac_runtime;

// `Rows` of the sum's `AllRows` rows and `Vectors` vectors of its `Columns` columns, in registers.
template <int Rows, int Vectors, int AllRows, int Columns, int Depth, int Lanes, bool Transposed, bool Accumulate>
inline void small_product_tile(const float* left, const float* right, float* sum) {
  floats<Lanes> held[Rows][Vectors];
#pragma unroll
  for (int row = 0; row < Rows; ++row) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      held[row][vector] = Accumulate ? load<Lanes>(sum + row * Columns + vector * Lanes) : floats<Lanes>{};
    }
  }
  for (int depth = 0; depth < Depth; ++depth) {
    floats<Lanes> factor[Vectors];
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      factor[vector] = load<Lanes>(right + depth * Columns + vector * Lanes);
    }
#pragma unroll
    for (int row = 0; row < Rows; ++row) {
      const floats<Lanes> value = broadcast<Lanes>(left[Transposed ? depth * AllRows + row : row * Depth + depth]);
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
      store<Lanes>(sum + row * Columns + vector * Lanes, held[row][vector]);
    }
  }
}

// sum (`Rows`, `Columns`) {Accumulate ? += : =} left right (`Depth`, `Columns`), in the order of the depth. Left is
// {Transposed ? the transpose of (`Depth`, `Rows`) : (`Rows`, `Depth`)}.
template <int Rows, int Columns, int Depth, int Lanes, bool Transposed, bool Accumulate>
inline void small_product(const float* left, const float* right, float* sum) {
  static_assert(Columns % Lanes == 0);
  constexpr int vectors = Columns / Lanes % 2 == 0 ? 2 : 1;
  constexpr int rows = Lanes / vectors;  // as many sums as half of the registers hold: none waits for another
  constexpr int full_rows = Rows / rows * rows;
  for (int column = 0; column < Columns; column += vectors * Lanes) {
    for (int row = 0; row < full_rows; row += rows) {
      small_product_tile<rows, vectors, Rows, Columns, Depth, Lanes, Transposed, Accumulate>(
          left + row * (Transposed ? 1 : Depth), right + column, sum + row * Columns + column);
    }
    if constexpr (Rows > full_rows) {
      small_product_tile<Rows - full_rows, vectors, Rows, Columns, Depth, Lanes, Transposed, Accumulate>(
          left + full_rows * (Transposed ? 1 : Depth), right + column, sum + full_rows * Columns + column);
    }
  }
}

// tile (`Tokens`, `Width` padded to 16) = the first `count` rows of `Width` floats, the rest zeros.
template <int Tokens, int Width, int Stride>
inline void gather_rows(const float* rows, int count, float* tile) {
  constexpr int padded = padded_to_16(Width);
  for (long token = 0; token < count; ++token) {
    __builtin_memcpy(tile + token * padded, rows + token * Stride, Width * sizeof(float));
    if constexpr (padded > Width) {
      __builtin_memset(tile + token * padded + Width, 0, (padded - Width) * sizeof(float));
    }
  }
  __builtin_memset(tile + count * padded, 0, (Tokens - count) * (padded * sizeof(float)));
}

// transposed (`Width` padded to 16, `Tokens`) = the same, transposed.
template <int Tokens, int Width, int Stride, int Lanes>
inline void gather_transposed(const float* rows, int count, float* transposed) {
  constexpr int padded = padded_to_16(Width);
  alignas(64) float tile[Tokens * padded];
  gather_rows<Tokens, Width, Stride>(rows, count, tile);
  transpose_matrix<Tokens, padded, Lanes>(tile, transposed);
}

// The other way: `count` rows of `Width` floats.
template <int Tokens, int Width, int Stride, int Lanes>
inline void scatter_transposed(const float* transposed, int count, float* rows) {
  constexpr int padded = padded_to_16(Width);
  alignas(64) float tile[Tokens * padded];
  transpose_matrix<padded, Tokens, Lanes>(transposed, tile);
  for (long token = 0; token < count; ++token) {
    __builtin_memcpy(rows + token * Stride, tile + token * padded, Width * sizeof(float));
  }
}

}  // namespace mambac
