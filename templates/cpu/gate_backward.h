// The gradients of a gate's input and of what gates it.
#pragma once

#include "runtime/mathematics.h"
#include "templates/cpu/padded_to_16.h"

namespace mambac {

using namespace mambac_runtime;

// For output = input silu(gate): d_input = d_output silu(gate), d_gate = d_output input silu'(gate). Both are written
// up to a multiple of 16 columns, zeros behind the first `Size`.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int InputStride, int GateStride, int GradientStride, int OutputStride, int GateGradientStride,
          int Lanes, int Parts>
inline void gate_backward(const float* input, const float* gate, const float* d_output, float* d_input, float* d_gate,
                          int rows, int part) {
  constexpr int padded = padded_to_16(Size);
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    for (int index = 0; index < padded; index += Lanes) {
      // What lies behind the columns of a row was never written.
      const floats<Lanes> value = load_below<Lanes>(input + row * InputStride + index, Size - index);
      const floats<Lanes> dy = load_below<Lanes>(d_output + row * GradientStride + index, Size - index);
      const floats<Lanes> z = load<Lanes>(gate + row * GateStride + index);
      store<Lanes>(d_input + row * OutputStride + index, dy * silu<Lanes>(z));
      store<Lanes>(d_gate + row * GateGradientStride + index, dy * value * silu_slope<Lanes>(z));
    }
  }
}

}  // namespace mambac
