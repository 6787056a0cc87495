// A gate: output = input * silu(gate).
#pragma once

#include "runtime/mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// Input and gate_input (rows, `Size`) are padded to whole vectors; output is not written beyond `Size`.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int GateStride, int OutputStride, int Lanes, int Parts>
inline void gate(const float* input, const float* gate_input, float* output, int rows, int part) {
  constexpr int whole = Size / Lanes * Lanes;
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const float* from = input + row * InputStride;
    const float* by = gate_input + row * GateStride;
    float* to = output + row * OutputStride;
    for (int index = 0; index < whole; index += Lanes) {
      store<Lanes>(to + index, load<Lanes>(from + index) * silu<Lanes>(load<Lanes>(by + index)));
    }
    if constexpr (Size > whole) {
      store_first<Lanes, Size - whole>(to + whole, load<Lanes>(from + whole) * silu<Lanes>(load<Lanes>(by + whole)));
    }
  }
}

}  // namespace mambac
