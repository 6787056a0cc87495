// Sums that several slices of channels have made each for itself.
#pragma once

namespace mambac {

// output (rows, `Columns`) = the sum over slices of slices (`Slices`, `SliceRows`, `Columns`), in their order.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Columns, int Slices, int SliceRows, int OutputStride, int Parts>
inline void sum_slices(const float* slices, float* output, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    for (int column = 0; column < Columns; ++column) {
      float sum = 0.0f;
      for (long slice = 0; slice < Slices; ++slice) sum += slices[(slice * SliceRows + row) * Columns + column];
      output[row * OutputStride + column] = sum;
    }
  }
}

}  // namespace mambac
