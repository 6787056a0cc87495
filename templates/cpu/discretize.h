// Mamba-2's step sizes: one delta and one decay for each head.
#pragma once

#include "runtime/mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// For each of `Heads` heads: delta = softplus(dt + dt_bias), at least `least` and at most `most`; decay = exp(delta a).
// Rows are padded to whole vectors. {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Heads, int InputStride, int OutputStride, int Lanes, int Parts>
inline void discretize(const float* a, const float* dt_bias, float least, float most, const float* dt, float* delta,
                       float* decay, int rows, int part) {
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    for (int head = 0; head < Heads; head += Lanes) {
      const floats<Lanes> input = load<Lanes>(dt + row * InputStride + head) + load<Lanes>(dt_bias + head);
      const floats<Lanes> step = at_most<Lanes>(at_least<Lanes>(softplus<Lanes>(input), least), most);
      store<Lanes>(delta + row * OutputStride + head, step);
      store<Lanes>(decay + row * OutputStride + head, exponential<Lanes>(step * load<Lanes>(a + head)));
    }
  }
}

}  // namespace mambac
