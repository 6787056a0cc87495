// The gradients of Mamba-2's recurrence, backwards through time from the states that `head_scan_keep` kept.
#pragma once

#include "runtime/reduce.h"
#include "templates/cpu/small_product.h"

namespace mambac {

using namespace mambac_runtime;

// tile (`Tokens`, `Width` padded to 16) = the first `count` rows of `Width` floats, the rest zeros.
template <int Tokens, int Width, int Stride>
inline void gather_rows(const float* rows, int count, float* tile) {
  constexpr int padded = (Width + 15) / 16 * 16;
  for (long token = 0; token < count; ++token) {
    __builtin_memcpy(tile + token * padded, rows + token * Stride, Width * sizeof(float));
    if constexpr (padded > Width) {
      __builtin_memset(tile + token * padded + Width, 0, (padded - Width) * sizeof(float));
    }
  }
  __builtin_memset(tile + count * padded, 0, (Tokens - count) * (padded * sizeof(float)));
}

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
  constexpr int channels = (HeadSize + 15) / 16 * 16, states = (States + 15) / 16 * 16;
  alignas(64) float between[Tokens * Tokens], since_begin[Tokens], to_end[Tokens];
  head_scan_decays<Tokens, DeltaStride, Lanes>(decay, count, between, since_begin, to_end);

  // Rows of tokens, and the same with a row for each channel or state.
  alignas(64) float value[Tokens * channels], dy[Tokens * channels], drive[Tokens * channels];
  alignas(64) float dy_turned[channels * Tokens], drive_turned[channels * Tokens];
  alignas(64) float b_or_c[Tokens * states], b_turned[states * Tokens], c_turned[states * Tokens];
  gather_rows<Tokens, HeadSize, InputStride>(x, count, value);
  gather_rows<Tokens, HeadSize, GradientStride>(d_output, count, dy);
  for (int token = 0; token < Tokens; ++token) {
    const float step = token < count ? delta[token * DeltaStride] : 0.0f;
    for (int channel = 0; channel < channels; ++channel) {
      drive[token * channels + channel] = value[token * channels + channel] * step;
    }
  }
  turn<Tokens, channels, Lanes>(dy, dy_turned);
  turn<Tokens, channels, Lanes>(drive, drive_turned);
  gather_rows<Tokens, States, BCStride>(b, count, b_or_c);
  turn<Tokens, states, Lanes>(b_or_c, b_turned);
  gather_rows<Tokens, States, BCStride>(c, count, b_or_c);
  turn<Tokens, states, Lanes>(b_or_c, c_turned);

  // Between pairs of tokens (t, s): w C(t) B(s), w dy(t) u(s), and the product of all.
  alignas(64) float through_state[Tokens * Tokens], through_channels[Tokens * Tokens];
  alignas(64) float through_channels_turned[Tokens * Tokens], paths[Tokens * Tokens];
  small_product<Tokens, Tokens, States, 1, Tokens, Tokens, Tokens, Lanes, false>(c_turned, b_turned, through_state);
  small_product<Tokens, Tokens, HeadSize, channels, 1, Tokens, Tokens, Lanes, false>(dy, drive_turned,
                                                                                     through_channels);
  for (int pair = 0; pair < Tokens * Tokens; ++pair) {
    through_state[pair] *= between[pair];
    paths[pair] = through_state[pair] * through_channels[pair];
    through_channels[pair] *= between[pair];
  }
  turn<Tokens, Tokens, Lanes>(through_channels, through_channels_turned);

  // The gradients of B and C: through the states after and before the chunk, and through the tokens of the chunk.
  alignas(64) float d_b_turned[states * Tokens], d_c_turned[states * Tokens];
  alignas(64) float paths_to_end[Tokens], paths_from_begin[Tokens];
  small_product<States, Tokens, HeadSize, channels, 1, Tokens, Tokens, Lanes, false>(d_h, drive_turned, d_b_turned);
  head_scan_scale<States, Tokens, Lanes>(to_end, b_turned, d_b_turned, paths_to_end);
  small_product<States, Tokens, Tokens, Tokens, 1, Tokens, Tokens, Lanes, true>(c_turned, through_channels, d_b_turned);
  small_product<States, Tokens, HeadSize, channels, 1, Tokens, Tokens, Lanes, false>(h, dy_turned, d_c_turned);
  head_scan_scale<States, Tokens, Lanes>(since_begin, c_turned, d_c_turned, paths_from_begin);
  small_product<States, Tokens, Tokens, Tokens, 1, Tokens, Tokens, Lanes, true>(b_turned, through_channels_turned,
                                                                                d_c_turned);
  turn<states, Tokens, Lanes>(d_b_turned, b_or_c);
  for (long token = 0; token < count; ++token) {
    __builtin_memcpy(d_b_c + token * SliceStride, b_or_c + token * states, States * sizeof(float));
  }
  turn<states, Tokens, Lanes>(d_c_turned, b_or_c);
  for (long token = 0; token < count; ++token) {
    __builtin_memcpy(d_b_c + token * SliceStride + ToC, b_or_c + token * states, States * sizeof(float));
  }

  // The gradient of u, in the place of u.
  small_product<Tokens, channels, States, 1, Tokens, channels, channels, Lanes, false>(b_turned, d_h, drive);
  for (int token = 0; token < Tokens; ++token) {
    for (int channel = 0; channel < channels; ++channel) drive[token * channels + channel] *= to_end[token];
  }
  small_product<Tokens, channels, Tokens, 1, Tokens, channels, channels, Lanes, true>(through_state, dy, drive);
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
    for (int token = 0; token < Tokens; ++token) c_turned[n * Tokens + token] *= since_begin[token];
  }
  small_product<States, channels, Tokens, Tokens, 1, channels, channels, Lanes, true>(c_turned, dy, d_h);
}

// For every head, token and channel p of `HeadSize`, with the head's delta and decay and its group's B and C:
//   h[n][p] = decay h[n][p] + delta x[p] B[n];   output[p] = sum over n of h[n][p] C[n] + d x[p]
// Chunks of `Interval` tokens are taken from the last to the first, each with the checkpoint before it.
//
// d_h, per sequence (`Heads`, `States`, `HeadSize` padded to 16), holds the gradient of the state after the last token
// and is left holding that of the state before the first. x, d_output, d_x, delta, decay, d_delta and d_decay, the
// gradient of decay's logarithm, have sequences * tokens rows. The gradients of B and C are sums over the heads of a
// group: the n-th head of every group writes its own into slice n of (`Heads` / `Groups`, `SliceRows`, [B, C]), and
// `sum_slices` adds them up, so that the order of the sums does not depend on the threads. d_gradient is added to.
// {Parts > 1 ? Threads share the heads: this is `part` of `Parts`.}
template <int Heads, int HeadSize, int States, int Groups, int InputStride, int BCStride, int DeltaStride,
          int GradientStride, int InputGradientStride, int StateStride, int Interval, int Checkpoints, int SliceRows,
          int Lanes, bool SkipPerChannel, int Parts>
inline void head_scan_backward(const float* d, const float* checkpoints, const float* x, const float* b, const float* c,
                               const float* delta, const float* decay, const float* d_output, float* d_h, float* d_x,
                               float* d_delta, float* d_decay, float* slices, float* d_gradient, int sequences,
                               int tokens, int part) {
  static_assert(Heads % Groups == 0);
  constexpr int head_floats = States * ((HeadSize + 15) / 16 * 16);
  constexpr int group_heads = Heads / Groups;
  constexpr int to_c = Groups * States;
  const int first = Parts == 1 ? 0 : part * Heads / Parts;
  const int end = Parts == 1 ? Heads : (part + 1) * Heads / Parts;
  for (long sequence = 0; sequence < sequences; ++sequence) {
    for (int head = first; head < end; ++head) {
      const long slice = head % group_heads;
      const int of_group = head / group_heads * States;
      for (int token = (tokens - 1) / Interval * Interval; token >= 0; token -= Interval) {
        const long row = sequence * tokens + token;
        const int count = tokens - token < Interval ? tokens - token : Interval;
        const long kept = (sequence * Checkpoints + token / Interval) * Heads + head;
        head_scan_backward_chunk<HeadSize, States, InputStride, BCStride, DeltaStride, GradientStride,
                                 InputGradientStride, 2 * to_c, to_c, Interval, Lanes, SkipPerChannel>(
            d + head * (SkipPerChannel ? HeadSize : 1), checkpoints + kept * head_floats,
            x + row * InputStride + head * HeadSize, b + row * BCStride + of_group, c + row * BCStride + of_group,
            delta + row * DeltaStride + head, decay + row * DeltaStride + head,
            d_output + row * GradientStride + head * HeadSize, d_h + sequence * StateStride + head * head_floats,
            d_x + row * InputGradientStride + head * HeadSize, d_delta + row * DeltaStride + head,
            d_decay + row * DeltaStride + head, slices + (slice * SliceRows + row) * (2 * to_c) + of_group,
            d_gradient + head * (SkipPerChannel ? HeadSize : 1), count);
      }
    }
  }
}

}  // namespace mambac
