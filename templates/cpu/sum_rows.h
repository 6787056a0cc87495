// The gradient of a parameter to which every row adds: of a bias, the sum of its outputs' gradients.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// gradient (`Columns`) += the sum over terms (rows, `Columns`), in the order of the rows.
// {Parts > 1 ? Threads share the columns: this is `part` of `Parts`.}
template <int Columns, int TermStride, int Lanes, int Parts>
inline void sum_rows(const float* terms, float* gradient, int rows, int part) {
  constexpr int full_blocks = Columns / Lanes;
  constexpr int last_columns = Columns % Lanes;
  const int first = Parts == 1 ? 0 : part * full_blocks / Parts;
  const int end = Parts == 1 ? full_blocks : (part + 1) * full_blocks / Parts;
  for (int block = first; block < end; ++block) {
    floats<Lanes> sum = load<Lanes>(gradient + block * Lanes);
    for (long row = 0; row < rows; ++row) sum += load<Lanes>(terms + row * TermStride + block * Lanes);
    store<Lanes>(gradient + block * Lanes, sum);
  }
  if constexpr (last_columns > 0) {
    if (Parts == 1 || part == Parts - 1) {
      constexpr int column = full_blocks * Lanes;
      floats<Lanes> sum = load_first<Lanes, last_columns>(gradient + column);
      for (long row = 0; row < rows; ++row) {
        sum += load_first<Lanes, last_columns>(terms + row * TermStride + column);
      }
      store_first<Lanes, last_columns>(gradient + column, sum);
    }
  }
}

}  // namespace mambac
