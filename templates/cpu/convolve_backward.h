// The gradients of the causal depthwise convolution and its silu.
#pragma once

#include "runtime/mathematics.h"

namespace mambac {

using namespace mambac_runtime;

// For output = silu(sum) with sum = {Bias ? bias + }sum over k of taps[k] x[t - `Taps - 1` + k], where x before the
// first token is window (`Taps - 1`, `Channels`), as it was before the tokens. The sums are computed again. d_window
// (`Taps - 1`, `Channels`) holds the gradient of the window after the last token, and is left holding that of the
// window before the first. taps_gradient (`InnerChannels`, `Taps`){Bias ?  and bias_gradient
// (`InnerChannels`)} {Bias ? are : is} added to. Input, d_output and d_input have sequences * tokens rows.
// {Parts > 1 ? Threads share the channels: this is `part` of `Parts`.}
template <int Channels, int InnerChannels, int Taps, int InputStride, int GradientStride, int OutputStride,
          int WindowStride, int StateStride, int Lanes, bool Bias, int Parts>
inline void convolve_backward(const float* taps, const float* bias, const float* window, const float* input,
                              const float* d_output, float* d_window, float* d_input, float* taps_gradient,
                              float* bias_gradient, int sequences, int tokens, int part) {
  static_assert(Channels % Lanes == 0);
  constexpr int blocks = Channels / Lanes;
  const int first = Parts == 1 ? 0 : part * blocks / Parts;
  const int end = Parts == 1 ? blocks : (part + 1) * blocks / Parts;
  for (int block = first; block < end; ++block) {
    const int channel = block * Lanes;
    floats<Lanes> d_taps[Taps] = {}, d_bias = {};
    for (long sequence = 0; sequence < sequences; ++sequence) {
      const float* before = window + sequence * WindowStride + channel;
      float* d_before = d_window + sequence * StateStride + channel;
      float* d_tokens = d_input + sequence * tokens * OutputStride + channel;
      // x[k] is the input at t - Taps + 1 + k, d_x[k] what is known of its gradient: complete once k is 0.
      floats<Lanes> x[Taps], d_x[Taps] = {}, d_after[Taps];
#pragma unroll
      for (int tap = 0; tap < Taps - 1; ++tap) {
        x[tap] = load<Lanes>(before + tap * Channels);
        d_after[tap] = load<Lanes>(d_before + tap * Channels);
      }
      for (int token = 0; token < tokens; ++token) {
        const long row = sequence * tokens + token;
        x[Taps - 1] = load<Lanes>(input + row * InputStride + channel);
        d_x[Taps - 1] = floats<Lanes>{};
        floats<Lanes> sum = Bias ? load<Lanes>(bias + channel) : floats<Lanes>{};
#pragma unroll
        for (int tap = 0; tap < Taps; ++tap) {
          sum = fused_multiply_add<Lanes>(load<Lanes>(taps + tap * Channels + channel), x[tap], sum);
        }
        const floats<Lanes> d_sum =
            load_below<Lanes>(d_output + row * GradientStride + channel, InnerChannels - channel) *
            silu_slope<Lanes>(sum);
        d_bias += d_sum;
#pragma unroll
        for (int tap = 0; tap < Taps; ++tap) {
          d_taps[tap] = fused_multiply_add<Lanes>(d_sum, x[tap], d_taps[tap]);
          d_x[tap] = fused_multiply_add<Lanes>(load<Lanes>(taps + tap * Channels + channel), d_sum, d_x[tap]);
        }
        const int index = token - (Taps - 1);  // of the oldest input: below zero it lies in the window
        store<Lanes>(index < 0 ? d_before + token * Channels : d_tokens + static_cast<long>(index) * OutputStride,
                     d_x[0]);
#pragma unroll
        for (int tap = 0; tap < Taps - 1; ++tap) {
          x[tap] = x[tap + 1];
          d_x[tap] = d_x[tap + 1];
        }
      }
#pragma unroll
      for (int tap = 0; tap < Taps - 1; ++tap) {
        const int index = tokens + tap - (Taps - 1);
        store<Lanes>(
            index < 0 ? d_before + (tokens + tap) * Channels : d_tokens + static_cast<long>(index) * OutputStride,
            d_x[tap] + d_after[tap]);
      }
    }
    const int inner = InnerChannels - channel < Lanes ? InnerChannels - channel : Lanes;
    for (int lane = 0; lane < inner; ++lane) {
#pragma unroll
      for (int tap = 0; tap < Taps; ++tap) taps_gradient[(channel + lane) * Taps + tap] += d_taps[tap][lane];
      if constexpr (Bias) bias_gradient[channel + lane] += d_bias[lane];
    }
  }
}

}  // namespace mambac
