// Mamba-2's norm behind (or before) the gate, over each group of channels by itself.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/reduce.h"
#include "templates/cpu/gate.h"

namespace mambac {

using namespace mambac_runtime;

// For {Groups > 1 ? each of `Groups` groups of }the `Size` channels:
//   {NormBeforeGate ? output = input / sqrt(mean(input^2) + epsilon) weight silu(gate) : v = input silu(gate);   output = v / sqrt(mean(v^2) + epsilon) weight}
// Input and gate are padded to whole vectors; output is not written beyond `Size`. Output is another buffer than input.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int Groups, int InputStride, int GateStride, int OutputStride, int Lanes, bool NormBeforeGate,
          int Parts>
inline void gated_rms_norm(const float* weight, const float* input, const float* gate_input, float epsilon, float* output,
                           int rows, int part) {
  static_assert(Size % Groups == 0);
  constexpr int group_size = Size / Groups;
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const float* from = input + row * InputStride;
    float* to = output + row * OutputStride;
    gate<Size, InputStride, GateStride, OutputStride, Lanes, 1>(from, gate_input + row * GateStride, to, 1, 0);
    for (int group = 0; group < Size; group += group_size) {
      const float squares = sum_of_squares<group_size>((NormBeforeGate ? from : to) + group);
      const float scale = 1.0f / __builtin_sqrtf(squares / group_size + epsilon);
      for (int index = group; index < group + group_size; ++index) to[index] = to[index] * scale * weight[index];
    }
  }
}

}  // namespace mambac
