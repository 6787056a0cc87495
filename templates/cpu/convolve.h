// The causal depthwise convolution in front of the recurrence, with its silu.
#pragma once

#include "runtime/mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// output = silu({Bias ? bias + }sum over k of taps[k] x[t - `Taps - 1` + k]) for `tokens` tokens of `sequences` sequences.
// taps (`Taps`, `Channels`); window (`Taps - 1`, `Channels`) of a sequence holds the inputs before its first token,
// oldest first, and is left holding the last ones. Input and output have sequences * tokens rows.
// {Parts > 1 ? Threads share the channels: this is `part` of `Parts`.}
template <int Channels, int Taps, int InputStride, int OutputStride, int StateStride, int Lanes, bool Bias, int Parts>
inline void convolve(const float* taps, const float* bias, float* window, const float* input, float* output, int sequences,
              int tokens, int part) {
  static_assert(Channels % Lanes == 0);
  constexpr int blocks = Channels / Lanes;
  const int first = Parts == 1 ? 0 : part * blocks / Parts;
  const int end = Parts == 1 ? blocks : (part + 1) * blocks / Parts;
  for (int block = first; block < end; ++block) {
    const int channel = block * Lanes;
    for (long sequence = 0; sequence < sequences; ++sequence) {
      floats<Lanes> x[Taps];
#pragma unroll
      for (int tap = 0; tap < Taps - 1; ++tap) {
        x[tap] = load<Lanes>(window + sequence * StateStride + tap * Channels + channel);
      }
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        x[Taps - 1] = load<Lanes>(input + row * InputStride + channel);
        floats<Lanes> sum = Bias ? load<Lanes>(bias + channel) : floats<Lanes>{};
#pragma unroll
        for (int tap = 0; tap < Taps; ++tap) {
          sum = fused_multiply_add<Lanes>(load<Lanes>(taps + tap * Channels + channel), x[tap], sum);
        }
        store<Lanes>(output + row * OutputStride + channel, silu<Lanes>(sum));
#pragma unroll
        for (int tap = 0; tap < Taps - 1; ++tap) x[tap] = x[tap + 1];
      }
#pragma unroll
      for (int tap = 0; tap < Taps - 1; ++tap) {
        store<Lanes>(window + sequence * StateStride + tap * Channels + channel, x[tap]);
      }
    }
  }
}

}  // namespace mambac
