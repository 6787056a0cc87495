// The gradients of Mamba-2's step sizes.
#pragma once

#include "runtime/mathematics.h"
#include "templates/cpu/padded_to_16.h"

namespace mambac {

using namespace mambac_runtime;

// For delta = softplus(dt + dt_bias) between `least` and `most`, where its slope is zero outside, and decay =
// exp(delta a). d_decay is the gradient of decay's logarithm. d_dt, also the gradient of dt_bias, is written up to a
// multiple of 16 heads, zeros behind the first `Heads`; log_a_terms takes what every row adds to the gradient of
// log(-a). {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Heads, int InputStride, int GradientStride, int OutputStride, int TermStride, int Lanes, int Parts>
inline void discretize_backward(const float* a, const float* dt_bias, float least, float most, const float* dt,
                                const float* d_delta, const float* d_decay, float* d_dt, float* log_a_terms, int rows,
                                int part) {
  constexpr int padded = padded_to_16(Heads);
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (long row = first; row < end; ++row) {
    for (int head = 0; head < padded; head += Lanes) {
      const floats<Lanes> rate = load_below<Lanes>(a + head, Heads - head);
      const floats<Lanes> input =
          load<Lanes>(dt + row * InputStride + head) + load_below<Lanes>(dt_bias + head, Heads - head);
      const floats<Lanes> step = softplus<Lanes>(input);
      const floats<Lanes> d_exponent = rate * load_below<Lanes>(d_decay + row * GradientStride + head, Heads - head);
      const floats<Lanes> d_step = d_exponent + load_below<Lanes>(d_delta + row * GradientStride + head, Heads - head);
      const floats<Lanes> d_input = d_step * sigmoid<Lanes>(input);
      const floats<Lanes> clamped = step < least ? floats<Lanes>{} : step > most ? floats<Lanes>{} : d_input;
      store<Lanes>(d_dt + row * OutputStride + head, clamped);
      store<Lanes>(log_a_terms + row * TermStride + head,
                   d_exponent * at_most<Lanes>(at_least<Lanes>(step, least), most));
    }
  }
}

}  // namespace mambac
