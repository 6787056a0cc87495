// How operands of the tensor cores lie in memory: panels of 64 columns, each with all rows; a panel's row is 128 bytes,
// whose eight pieces of 16 bytes are swizzled by the row, as the tensor cores read them from shared memory. Any number
// of rows of a panel, from a multiple of eight on, is one contiguous piece that a single bulk copy fetches.
#pragma once

#include "runtime/cuda_types.h"

namespace mambac {

using namespace mambac_runtime;

// Offset of an element of an operand of `Rows` rows; eight columns from a multiple of eight on lie side by side.
template <int Rows>
__device__ inline long tile_offset(long row, int column) {
  const int piece = (column % 64 / 8) ^ static_cast<int>(row % 8);
  return (column / 64 * static_cast<long>(Rows) + row) * 64 + piece * 8 + column % 8;
}

}  // namespace mambac
