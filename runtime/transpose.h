// Squares of floats turned around in registers: between layouts whose vectors run along rows and along columns.
#pragma once

#include <utility>

#include "runtime/vector.h"

namespace mambac_runtime {

// One of the two vectors that come of exchanging blocks of `Distance` lanes between a pair of rows.
template <int Lanes, int Distance, bool First, int... Lane>
inline floats<Lanes> exchange(floats<Lanes> first, floats<Lanes> second, std::integer_sequence<int, Lane...>) {
  if constexpr (First) {
    return __builtin_shufflevector(first, second, (Lane / Distance % 2 == 0 ? Lane : Lanes + Lane - Distance)...);
  } else {
    return __builtin_shufflevector(first, second, (Lane / Distance % 2 == 0 ? Lane + Distance : Lanes + Lane)...);
  }
}

template <int Lanes, int Distance>
inline void exchange_rows(floats<Lanes> (&square)[Lanes]) {
  using AllLanes = std::make_integer_sequence<int, Lanes>;
#pragma GCC unroll 16
  for (int row = 0; row < Lanes; ++row) {
    if (row / Distance % 2 == 1) continue;
    const floats<Lanes> first = square[row], second = square[row + Distance];
    square[row] = exchange<Lanes, Distance, true>(first, second, AllLanes());
    square[row + Distance] = exchange<Lanes, Distance, false>(first, second, AllLanes());
  }
}

// square[i][j] and square[j][i] change places.
template <int Lanes>
inline void transpose(floats<Lanes> (&square)[Lanes]) {
  exchange_rows<Lanes, 1>(square);
  exchange_rows<Lanes, 2>(square);
  exchange_rows<Lanes, 4>(square);
  if constexpr (Lanes > 8) exchange_rows<Lanes, 8>(square);
}

}  // namespace mambac_runtime
