// The gradients of Mamba-1's recurrence, backwards through time from the states that `selective_scan_keep` kept.
#pragma once

#include "runtime/mathematics.h"
#include "runtime/reduce.h"

namespace mambac {

using namespace mambac_runtime;

// sums (8) += terms{Lanes > 8 ? , their upper half upon the lower one: sums half as long stay in the near cache}.
template <int Lanes>
inline void add_to_eight(floats<Lanes> terms, float* sums) {
  if constexpr (Lanes == 16) {
    store<8>(sums, load<8>(sums) + (__builtin_shufflevector(terms, terms, 0, 1, 2, 3, 4, 5, 6, 7) +
                                    __builtin_shufflevector(terms, terms, 8, 9, 10, 11, 12, 13, 14, 15)));
  } else {
    store<Lanes>(sums, load<Lanes>(sums) + terms);
  }
}

// For every channel and token, with delta = softplus(delta_input) and decay = exp(delta a):
//   h = decay h + delta x B;   output = s silu(gate) with s = sum over n of h[n] C[n] + d x
// Blocks of `Interval` tokens are taken from the last to the first: their states are computed again from the
// checkpoint before them, then the gradients run backwards over them.
//
// a and, per sequence, d_h are (`States`, `Channels`); d_h holds the gradient of the state after the last token and is
// left holding that of the state before the first. delta_input, x, gate, d_output, output, d_delta_input, d_x and
// d_gate have sequences * tokens rows. `output` is computed again, for out_proj's gradient. The gradients of B and C
// are sums over channels: each of the `Slices` slices of channels writes its own, (slice, row, 2 `States`), and
// `sum_slices` adds them up, so that the order of the sums does not depend on the threads.
// a_gradient (`InnerChannels`, `States`) is that of log(-a); it and d_gradient (`InnerChannels`) are added to.
// {Parts > 1 ? Threads share the slices: this is `part` of `Parts`.}
template <int Channels, int InnerChannels, int States, int DeltaStride, int InputStride, int GateStride, int BCStride,
          int OutputStride, int GradientStride, int GateGradientStride, int StateStride, int Interval, int Checkpoints,
          int Slices, int SliceRows, int Lanes, int Parts>
inline void selective_scan_backward(const float* a, const float* d, const float* checkpoints, const float* delta_input,
                                    const float* x, const float* gate, const float* b, const float* c,
                                    const float* d_output, float* d_h, float* output, float* d_delta_input, float* d_x,
                                    float* d_gate, float* slices, float* a_gradient, float* d_gradient, int sequences,
                                    int tokens, int part) {
  static_assert(Channels % Lanes == 0);
  constexpr int blocks = Channels / Lanes;
  constexpr int slice_blocks = (blocks + Slices - 1) / Slices;
  constexpr float log2_of_e = 1.44269504f;
  const int first_slice = Parts == 1 ? 0 : part * Slices / Parts;
  const int end_slice = Parts == 1 ? Slices : (part + 1) * Slices / Parts;
  for (long slice = first_slice; slice < end_slice; ++slice) {
    const int first_block = static_cast<int>(slice) * slice_blocks;
    const int end_block = first_block + slice_blocks < blocks ? first_block + slice_blocks : blocks;
    alignas(64) float d_a[slice_blocks][States][Lanes] = {}, d_d[slice_blocks][Lanes] = {};
    for (long sequence = 0; sequence < sequences; ++sequence) {
      for (int token = (tokens - 1) / Interval * Interval; token >= 0; token -= Interval) {
        const long row = sequence * tokens + token;
        const int count = tokens - token < Interval ? tokens - token : Interval;
        const float* kept = checkpoints + (sequence * Checkpoints + token / Interval) * (States * Channels);
        alignas(64) float d_b_c[Interval][2 * States][8] = {};  // summed over the blocks, not yet over eight lanes
        for (int block = first_block; block < end_block; ++block) {
          const int channel = block * Lanes;
          float(&d_a_of_block)[States][Lanes] = d_a[block - first_block];
          // h[0] is the state before the block's first token, h[t + 1] that after its token t.
          alignas(64) float h[Interval + 1][States][Lanes], decays[Interval][States][Lanes];
          // Of every token: delta, its slope in delta_input, and the gradient of s.
          floats<Lanes> deltas[Interval], slopes[Interval], d_sums[Interval];
#pragma unroll
          for (int n = 0; n < States; ++n) store<Lanes>(h[0][n], load<Lanes>(kept + n * Channels + channel));
          for (int t = 0; t < count; ++t) {
            const floats<Lanes> before_softplus = load<Lanes>(delta_input + (row + t) * DeltaStride + channel);
            const floats<Lanes> delta = softplus<Lanes>(before_softplus);
            deltas[t] = delta;
            slopes[t] = sigmoid<Lanes>(before_softplus);
            const floats<Lanes> value = load<Lanes>(x + (row + t) * InputStride + channel);
            const floats<Lanes> exponent = delta * log2_of_e;
            const floats<Lanes> drive = delta * value;
            floats<Lanes> sum = load<Lanes>(d + channel) * value;
#pragma unroll
            for (int n = 0; n < States; ++n) {
              const floats<Lanes> decay = exponential_of_two<Lanes>(exponent * load<Lanes>(a + n * Channels + channel));
              const floats<Lanes> after =
                  fused_multiply_add<Lanes>(decay, load<Lanes>(h[t][n]), drive * b[(row + t) * BCStride + n]);
              sum = fused_multiply_add<Lanes>(after, broadcast<Lanes>(c[(row + t) * BCStride + n]), sum);
              store<Lanes>(decays[t][n], decay);
              store<Lanes>(h[t + 1][n], after);
            }
            const floats<Lanes> z = load<Lanes>(gate + (row + t) * GateStride + channel), gated = silu<Lanes>(z);
            store<Lanes>(output + (row + t) * OutputStride + channel, sum * gated);
            // What lies beyond the inner channels was never written.
            const floats<Lanes> dy =
                load_below<Lanes>(d_output + (row + t) * GradientStride + channel, InnerChannels - channel);
            d_sums[t] = dy * gated;
            store<Lanes>(d_gate + (row + t) * GateGradientStride + channel, dy * sum * silu_slope<Lanes>(z));
          }
          float* d_state = d_h + sequence * StateStride + channel;
          floats<Lanes> d_value[States], d_skip = load<Lanes>(d_d[block - first_block]);
#pragma unroll
          for (int n = 0; n < States; ++n) d_value[n] = load<Lanes>(d_state + n * Channels);
          for (int t = count - 1; t >= 0; --t) {
            const floats<Lanes> delta = deltas[t], ds = d_sums[t];
            const floats<Lanes> value = load<Lanes>(x + (row + t) * InputStride + channel);
            const floats<Lanes> drive = delta * value;
            floats<Lanes> d_drive = {}, d_delta = {};
#pragma unroll
            for (int n = 0; n < States; ++n) {
              const floats<Lanes> d_after =
                  fused_multiply_add<Lanes>(ds, broadcast<Lanes>(c[(row + t) * BCStride + n]), d_value[n]);
              add_to_eight<Lanes>(d_after * drive, d_b_c[t][n]);
              add_to_eight<Lanes>(ds * load<Lanes>(h[t + 1][n]), d_b_c[t][States + n]);
              d_drive = fused_multiply_add<Lanes>(d_after, broadcast<Lanes>(b[(row + t) * BCStride + n]), d_drive);
              d_value[n] = d_after * load<Lanes>(decays[t][n]);
              const floats<Lanes> d_exponent = d_value[n] * load<Lanes>(h[t][n]);
              d_delta = fused_multiply_add<Lanes>(d_exponent, load<Lanes>(a + n * Channels + channel), d_delta);
              store<Lanes>(d_a_of_block[n], fused_multiply_add<Lanes>(d_exponent, delta, load<Lanes>(d_a_of_block[n])));
            }
            d_delta = fused_multiply_add<Lanes>(d_drive, value, d_delta);
            store<Lanes>(d_delta_input + (row + t) * GradientStride + channel, d_delta * slopes[t]);
            store<Lanes>(d_x + (row + t) * GradientStride + channel,
                         fused_multiply_add<Lanes>(ds, load<Lanes>(d + channel), d_drive * delta));
            d_skip = fused_multiply_add<Lanes>(ds, value, d_skip);
          }
#pragma unroll
          for (int n = 0; n < States; ++n) store<Lanes>(d_state + n * Channels, d_value[n]);
          store<Lanes>(d_d[block - first_block], d_skip);
        }
        for (int t = 0; t < count; ++t) {
          float* sums = slices + (slice * SliceRows + row + t) * (2 * States);
          for (int n = 0; n < 2 * States; ++n) sums[n] = sum_of<8>(d_b_c[t][n]);
        }
      }
    }
    for (int channel = first_block * Lanes; channel < end_block * Lanes && channel < InnerChannels; ++channel) {
      const int block = channel / Lanes - first_block, lane = channel % Lanes;
      for (int n = 0; n < States; ++n) {
        a_gradient[channel * States + n] += d_a[block][n][lane] * a[n * Channels + channel];
      }
      d_gradient[channel] += d_d[block][lane];
    }
  }
}

}  // namespace mambac
