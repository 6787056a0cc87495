// Rows copied from one place to another: what a tape keeps of values that are overwritten later.
#pragma once

namespace mambac {

// output (rows, `Columns`) = input (rows, `Columns`).
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Columns, int InputStride, int OutputStride, int Parts>
inline void copy_rows(const float* input, float* output, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    __builtin_memcpy(output + row * OutputStride, input + row * InputStride, Columns * sizeof(float));
  }
}

}  // namespace mambac
