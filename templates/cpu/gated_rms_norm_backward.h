// The gradients of Mamba-2's norm behind (or before) the gate.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/reduce.h"
#include "templates/cpu/padded_to_16.h"

namespace mambac {

using namespace mambac_runtime;

// For each of `Groups` groups of a row's `Size` channels, with v = {NormBeforeGate ? input : input silu(gate)},
// scale = 1 / sqrt(mean(v^2) + epsilon) and g = weight d_output{NormBeforeGate ?  silu(gate)}:
//   d_v = scale (g - v scale^2 mean(v g))
// d_input and d_gate are written up to a multiple of 16 columns, zeros behind the first `Size`. weight_terms takes what
// every row adds to the gradient of weight.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Size, int Groups, int InputStride, int GateStride, int GradientStride, int OutputStride,
          int GateGradientStride, int TermStride, int Lanes, bool NormBeforeGate, int Parts>
inline void gated_rms_norm_backward(const float* weight, const float* input, const float* gate, const float* d_output,
                                    float epsilon, float* d_input, float* d_gate, float* weight_terms, int rows,
                                    int part) {
  static_assert(Size % Groups == 0);
  constexpr int group_size = Size / Groups;
  constexpr int padded = padded_to_16(Size);
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    alignas(64) float normed[padded], d_normed[padded];  // at first v and g, then scale v and d_v
    alignas(64) float opened[padded], slope[padded];     // silu(gate) and silu'(gate)
    for (int index = 0; index < padded; index += Lanes) {
      // What lies behind the columns of a row was never written.
      const floats<Lanes> value = load_below<Lanes>(input + row * InputStride + index, Size - index);
      const floats<Lanes> d_weighted = load_below<Lanes>(d_output + row * GradientStride + index, Size - index) *
                                       load_below<Lanes>(weight + index, Size - index);
      const floats<Lanes> z = load<Lanes>(gate + row * GateStride + index);
      const floats<Lanes> factor = silu<Lanes>(z);
      store<Lanes>(normed + index, NormBeforeGate ? value : value * factor);
      store<Lanes>(d_normed + index, NormBeforeGate ? d_weighted * factor : d_weighted);
      store<Lanes>(opened + index, factor);
      store<Lanes>(slope + index, silu_slope<Lanes>(z));
    }
    for (int group = 0; group < Size; group += group_size) {
      const float scale = 1.0f / __builtin_sqrtf(sum_of_squares<group_size>(normed + group) / group_size + epsilon);
      const float along = scale * scale * (sum_of_products<group_size>(normed + group, d_normed + group) / group_size);
      for (int index = group; index < group + group_size; ++index) {
        d_normed[index] = scale * (d_normed[index] - normed[index] * along);
        normed[index] *= scale;
      }
    }
    for (int index = 0; index < padded; index += Lanes) {
      const floats<Lanes> dy = load_below<Lanes>(d_output + row * GradientStride + index, Size - index);
      const floats<Lanes> factor = load<Lanes>(opened + index), d_factor = load<Lanes>(slope + index);
      const floats<Lanes> scaled = load<Lanes>(normed + index), d_value = load<Lanes>(d_normed + index);
      if constexpr (NormBeforeGate) {
        store<Lanes>(d_input + row * OutputStride + index, d_value);
        store<Lanes>(d_gate + row * GateGradientStride + index,
                     dy * load_below<Lanes>(weight + index, Size - index) * scaled * d_factor);
        store<Lanes>(weight_terms + row * TermStride + index, dy * scaled * factor);
      } else {
        const floats<Lanes> value = load_below<Lanes>(input + row * InputStride + index, Size - index);
        store<Lanes>(d_input + row * OutputStride + index, d_value * factor);
        store<Lanes>(d_gate + row * GateGradientStride + index, d_value * value * d_factor);
        store<Lanes>(weight_terms + row * TermStride + index, dy * scaled);
      }
    }
  }
}

}  // namespace mambac
