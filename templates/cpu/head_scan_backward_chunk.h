// The gradients of Mamba-2's recurrence over a chunk of tokens of one head, as products of small matrices.
#pragma once

#include "runtime/reduce.h"
#include "templates/cpu/small_product.h"

namespace mambac {

using namespace mambac_runtime;

// How much of what enters at one token of a chunk is left at another: `between` (t, s) from behind token s to t, zero
// where s is later than t; `since_begin` from before the first token to t; `to_end` from behind token s to the last.
template <int Tokens, int DeltaStride, int Lanes>
inline void head_scan_decays(const float* decay, int count, float* between, float* since_begin, float* to_end) {
  float left = 1.0f;
  for (int token = 0; token < Tokens; ++token) {
    const float factor = token < count ? decay[token * DeltaStride] : 1.0f;
    left *= factor;
    since_begin[token] = left;
    for (int column = 0; column < Tokens; column += Lanes) {
      const floats<Lanes> before = token == 0 ? floats<Lanes>{} : load<Lanes>(between + (token - 1) * Tokens + column);
      store<Lanes>(between + token * Tokens + column, before * factor);
    }
    between[token * Tokens + token] = 1.0f;
  }
  __builtin_memcpy(to_end, between + (Tokens - 1) * Tokens, Tokens * sizeof(float));
}

// Each of `States` rows of term (`Tokens` wide) is multiplied by factor; along = the sum over the states of it and
// of_state, for every token.
template <int States, int Tokens, int Lanes>
inline void head_scan_scale(const float* factor, const float* of_state, float* term, float* along) {
  for (int column = 0; column < Tokens; column += Lanes) {
    floats<Lanes> sum = {};
    for (int n = 0; n < States; ++n) {
      const floats<Lanes> scaled = load<Lanes>(term + n * Tokens + column) * load<Lanes>(factor + column);
      store<Lanes>(term + n * Tokens + column, scaled);
      sum = fused_multiply_add<Lanes>(scaled, load<Lanes>(of_state + n * Tokens + column), sum);
    }
    store<Lanes>(along + column, sum);
  }
}

// d_h (`States`, `Channels`) is multiplied by factor; the sum of it and h, element by element.
template <int States, int Channels, int Lanes>
inline float head_scan_scale_state(const float* h, float factor, float* d_h) {
  alignas(64) float sums[Channels] = {};
  for (int n = 0; n < States; ++n) {
    for (int channel = 0; channel < Channels; channel += Lanes) {
      const floats<Lanes> scaled = load<Lanes>(d_h + n * Channels + channel) * factor;
      store<Lanes>(d_h + n * Channels + channel, scaled);
      store<Lanes>(sums + channel, fused_multiply_add<Lanes>(scaled, load<Lanes>(h + n * Channels + channel),
                                                             load<Lanes>(sums + channel)));
    }
  }
  return sum_of<Channels>(sums);
}

// One head and `count` tokens, at most `Tokens`. With u = delta x, w(t, s) the decay from behind token s to t, and
// the chunk's states before, h, and after it, the recurrence is
//   output(t) = sum over s <= t of w(t, s) (C(t) B(s)) u(s) + w(t, begin) C(t) h + d x(t)
//   after = w(end, begin) h + sum over s of w(end, s) B(s) u(s)
// so that no state between is needed. d_h, the gradient of after, becomes that of h. d_b_c rows, `SliceStride` apart,
// take the head's part of B's and, `ToC` floats on, of C's gradient.
template <int HeadSize, int States, int InputStride, int BCStride, int DeltaStride, int GradientStride,
          int InputGradientStride, int SliceStride, int ToC, int Tokens, int Lanes, bool SkipPerChannel>
inline void head_scan_backward_chunk(const float* d, const float* h, const float* x, const float* b, const float* c,
                                     const float* delta, const float* decay, const float* d_output, float* d_h,
                                     float* d_x, float* d_delta, float* d_decay, float* d_b_c, float* d_gradient,
                                     int count) {
  static_assert(Tokens % Lanes == 0);
  constexpr int channels = padded_to_16(HeadSize), states = padded_to_16(States);
  alignas(64) float between[Tokens * Tokens], since_begin[Tokens], to_end[Tokens];
  head_scan_decays<Tokens, DeltaStride, Lanes>(decay, count, between, since_begin, to_end);

  // Rows of tokens, and the same with a row for each channel or state.
  alignas(64) float value[Tokens * channels], dy[Tokens * channels], drive[Tokens * channels];
  alignas(64) float dy_transposed[channels * Tokens], drive_transposed[channels * Tokens];
  alignas(64) float b_transposed[states * Tokens], c_transposed[states * Tokens];
  gather_rows<Tokens, HeadSize, InputStride>(x, count, value);
  gather_rows<Tokens, HeadSize, GradientStride>(d_output, count, dy);
  for (int token = 0; token < Tokens; ++token) {
    const float step = token < count ? delta[token * DeltaStride] : 0.0f;
    for (int channel = 0; channel < channels; ++channel) {
      drive[token * channels + channel] = value[token * channels + channel] * step;
    }
  }
  transpose_matrix<Tokens, channels, Lanes>(dy, dy_transposed);
  transpose_matrix<Tokens, channels, Lanes>(drive, drive_transposed);
  gather_transposed<Tokens, States, BCStride, Lanes>(b, count, b_transposed);
  gather_transposed<Tokens, States, BCStride, Lanes>(c, count, c_transposed);

  // Between pairs of tokens (t, s): w C(t) B(s), w dy(t) u(s), and the product of all.
  alignas(64) float through_state[Tokens * Tokens], through_channels[Tokens * Tokens];
  alignas(64) float through_channels_transposed[Tokens * Tokens], paths[Tokens * Tokens];
  small_product<Tokens, Tokens, States, Lanes, true, false>(c_transposed, b_transposed, through_state);
  small_product<Tokens, Tokens, channels, Lanes, false, false>(dy, drive_transposed, through_channels);
  for (int pair = 0; pair < Tokens * Tokens; ++pair) {
    through_state[pair] *= between[pair];
    paths[pair] = through_state[pair] * through_channels[pair];
    through_channels[pair] *= between[pair];
  }
  transpose_matrix<Tokens, Tokens, Lanes>(through_channels, through_channels_transposed);

  // The gradients of B and C: through the states after and before the chunk, and through the tokens of the chunk.
  alignas(64) float d_b_transposed[states * Tokens], d_c_transposed[states * Tokens];
  alignas(64) float paths_to_end[Tokens], paths_from_begin[Tokens];
  small_product<States, Tokens, channels, Lanes, false, false>(d_h, drive_transposed, d_b_transposed);
  head_scan_scale<States, Tokens, Lanes>(to_end, b_transposed, d_b_transposed, paths_to_end);
  small_product<States, Tokens, Tokens, Lanes, false, true>(c_transposed, through_channels, d_b_transposed);
  small_product<States, Tokens, channels, Lanes, false, false>(h, dy_transposed, d_c_transposed);
  head_scan_scale<States, Tokens, Lanes>(since_begin, c_transposed, d_c_transposed, paths_from_begin);
  small_product<States, Tokens, Tokens, Lanes, false, true>(b_transposed, through_channels_transposed, d_c_transposed);
  scatter_transposed<Tokens, States, SliceStride, Lanes>(d_b_transposed, count, d_b_c);
  scatter_transposed<Tokens, States, SliceStride, Lanes>(d_c_transposed, count, d_b_c + ToC);

  // The gradient of u, in the place of u.
  small_product<Tokens, channels, States, Lanes, true, false>(b_transposed, d_h, drive);
  for (int token = 0; token < Tokens; ++token) {
    for (int channel = 0; channel < channels; ++channel) drive[token * channels + channel] *= to_end[token];
  }
  small_product<Tokens, channels, Tokens, Lanes, true, true>(through_state, dy, drive);
  for (long token = 0; token < count; ++token) {
    const float* of_value = value + token * channels;
    const float* of_output = dy + token * channels;
    const float* of_drive = drive + token * channels;
    for (int channel = 0; channel < HeadSize; ++channel) {
      d_x[token * InputGradientStride + channel] =
          of_drive[channel] * delta[token * DeltaStride] + of_output[channel] * d[SkipPerChannel ? channel : 0];
      if constexpr (SkipPerChannel) d_gradient[channel] += of_output[channel] * of_value[channel];
    }
    d_delta[token * DeltaStride] = sum_of_products<HeadSize>(of_drive, of_value);
    if constexpr (!SkipPerChannel) d_gradient[0] += sum_of_products<HeadSize>(of_output, of_value);
  }

  // The decay of a token lies on every path from before it to it or behind it.
  float from_begin = head_scan_scale_state<States, channels, Lanes>(h, since_begin[Tokens - 1], d_h);
  for (int token = Tokens - 1; token >= 0; --token) {
    float crossing = from_begin += paths_from_begin[token];
    for (int before = 0; before < Tokens; ++before) paths_to_end[before] += paths[token * Tokens + before];
    for (int before = 0; before < token; ++before) crossing += paths_to_end[before];
    if (token < count) d_decay[token * DeltaStride] = crossing;
  }

  // The gradient of the state before the chunk, where that of the state after it has been scaled.
  for (int n = 0; n < States; ++n) {
    for (int token = 0; token < Tokens; ++token) c_transposed[n * Tokens + token] *= since_begin[token];
  }
  small_product<States, channels, Tokens, Lanes, false, true>(c_transposed, dy, d_h);
}

}  // namespace mambac
