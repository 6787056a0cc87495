// The recurrence of Mamba-1 (Gu, Dao 2023, algorithm 2) with everything around it that works on channels alone.
#pragma once

#include "runtime/mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// For every channel and token, with delta = softplus(delta_input):
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (`States`, `Channels`); delta_input, x, gate and output have sequences * tokens rows of
// `Channels`, b and c rows of `States`. h is left as it is after the last token.
// {Parts > 1 ? Threads share the channels: this is `part` of `Parts`.}
template <int Channels, int States, int DeltaStride, int InputStride, int GateStride, int BCStride, int OutputStride,
          int StateStride, int Lanes, int Parts>
inline void selective_scan(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                    const float* gate, const float* b, const float* c, float* output, int sequences, int tokens,
                    int part) {
  static_assert(Channels % Lanes == 0);
  constexpr int blocks = Channels / Lanes;
  constexpr float log2_of_e = 1.44269504f;
  const int first = Parts == 1 ? 0 : part * blocks / Parts;
  const int end = Parts == 1 ? blocks : (part + 1) * blocks / Parts;
  for (int block = first; block < end; ++block) {
    const int channel = block * Lanes;
    for (long sequence = 0; sequence < sequences; ++sequence) {
      float* state = h + sequence * StateStride + channel;
      floats<Lanes> value[States];
#pragma unroll
      for (int n = 0; n < States; ++n) value[n] = load<Lanes>(state + n * Channels);
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        const floats<Lanes> delta = softplus<Lanes>(load<Lanes>(delta_input + row * DeltaStride + channel));
        const floats<Lanes> input = load<Lanes>(x + row * InputStride + channel);
        // exp(delta a) = 2^(log2(e) delta a)
        const floats<Lanes> exponent = delta * log2_of_e;
        const floats<Lanes> drive = delta * input;
        floats<Lanes> sum = load<Lanes>(d + channel) * input;
#pragma unroll
        for (int n = 0; n < States; ++n) {
          const floats<Lanes> decay = exponential_of_two<Lanes>(exponent * load<Lanes>(a + n * Channels + channel));
          value[n] = fused_multiply_add<Lanes>(decay, value[n], drive * b[row * BCStride + n]);
          sum = fused_multiply_add<Lanes>(value[n], broadcast<Lanes>(c[row * BCStride + n]), sum);
        }
        store<Lanes>(output + row * OutputStride + channel,
                     sum * silu<Lanes>(load<Lanes>(gate + row * GateStride + channel)));
      }
#pragma unroll
      for (int n = 0; n < States; ++n) store<Lanes>(state + n * Channels, value[n]);
    }
  }
}

}  // namespace mambac
