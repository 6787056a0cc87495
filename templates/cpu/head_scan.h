// The recurrence of Mamba-2 (Dao, Gu 2024): a matrix of states for each head, decayed by one number.
#pragma once

#include "runtime/vector.h"
#include "templates/cpu/padded_to_16.h"

namespace mambac {

using namespace mambac_runtime;

// {Tokens > 1 ? `Tokens` tokens : One token} of {Vectors > 1 ? `Vectors` vectors : one vector} of a head's channels, `Count` lanes of which
// are channels. h is (`States`, ...) with rows of `HeadStride`. A state stays in a register for all of the tokens; every sum runs over the states in order, so
// that it has the same bits however the tokens are cut.
template <int States, int HeadStride, int InputStride, int BCStride, int DeltaStride, int OutputStride, int Lanes,
          int Vectors, int Tokens, int Count, bool SkipPerChannel>
inline void head_scan_tile(const float* d, float* h, const float* x, const float* b, const float* c, const float* delta,
                           const float* decay, float* output) {
  floats<Lanes> drive[Tokens][Vectors], sum[Tokens][Vectors];
#pragma unroll
  for (int token = 0; token < Tokens; ++token) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      const floats<Lanes> input = load_first<Lanes, Count>(x + token * InputStride + vector * Lanes);
      drive[token][vector] = input * delta[token * DeltaStride];
      sum[token][vector] = input * (SkipPerChannel ? load_first<Lanes, Count>(d + vector * Lanes) : broadcast<Lanes>(d[0]));
    }
  }
  for (int n = 0; n < States; ++n) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      floats<Lanes> state = load<Lanes>(h + n * HeadStride + vector * Lanes);
#pragma unroll
      for (int token = 0; token < Tokens; ++token) {
        state = fused_multiply_add<Lanes>(broadcast<Lanes>(decay[token * DeltaStride]), state,
                                          drive[token][vector] * b[token * BCStride + n]);
        sum[token][vector] =
            fused_multiply_add<Lanes>(state, broadcast<Lanes>(c[token * BCStride + n]), sum[token][vector]);
      }
      store<Lanes>(h + n * HeadStride + vector * Lanes, state);
    }
  }
#pragma unroll
  for (int token = 0; token < Tokens; ++token) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      store_first<Lanes, Count>(output + token * OutputStride + vector * Lanes, sum[token][vector]);
    }
  }
}

// `Vectors` vectors of one head for all tokens of a sequence: four tokens at a time, the rest one by one.
template <int States, int HeadStride, int InputStride, int BCStride, int DeltaStride, int OutputStride, int Lanes,
          int Vectors, int Count, bool SkipPerChannel>
inline void head_scan_channels(const float* d, float* h, const float* x, const float* b, const float* c,
                               const float* delta, const float* decay, float* output, int tokens) {
  int token = 0;
  for (; token + 4 <= tokens; token += 4) {
#pragma unroll
    for (int vector = 0; vector < Vectors; ++vector) {
      head_scan_tile<States, HeadStride, InputStride, BCStride, DeltaStride, OutputStride, Lanes, 1, 4, Count,
                     SkipPerChannel>(d + (SkipPerChannel ? vector * Lanes : 0), h + vector * Lanes,
                                     x + token * InputStride + vector * Lanes, b + token * BCStride,
                                     c + token * BCStride, delta + token * DeltaStride, decay + token * DeltaStride,
                                     output + token * OutputStride + vector * Lanes);
    }
  }
  for (; token < tokens; ++token) {
    head_scan_tile<States, HeadStride, InputStride, BCStride, DeltaStride, OutputStride, Lanes, Vectors, 1, Count,
                   SkipPerChannel>(d, h, x + token * InputStride, b + token * BCStride, c + token * BCStride,
                                   delta + token * DeltaStride, decay + token * DeltaStride,
                                   output + token * OutputStride);
  }
}

// For every head, token and channel p of `HeadSize`, with the head's delta and decay and its group's B and C:
//   h[n][p] = decay h[n][p] + delta x[p] B[n];   output[p] = sum over n of h[n][p] C[n] + d x[p]
// h is (`Heads`, `States`, `HeadSize` padded to 16) for each sequence; x and output have sequences * tokens rows of
// `Heads` * `HeadSize`, b and c rows of `Groups` * `States`, delta and decay rows of `Heads`.
// {Parts > 1 ? Threads share the heads: this is `part` of `Parts`.}
template <int Heads, int HeadSize, int States, int Groups, int InputStride, int BCStride, int DeltaStride,
          int OutputStride, int StateStride, int Lanes, bool SkipPerChannel, int Parts>
inline void head_scan(const float* d, float* h, const float* x, const float* b, const float* c, const float* delta,
                      const float* decay, float* output, int sequences, int tokens, int part) {
  static_assert(Heads % Groups == 0);
  constexpr int head_stride = padded_to_16(HeadSize);
  constexpr int vectors = HeadSize / Lanes;
  constexpr int together = 4;  // vectors of a tile: enough sums that none waits for another
  constexpr int in_tiles = vectors / together * together * Lanes;
  constexpr int in_vectors = vectors * Lanes;
  const int first = Parts == 1 ? 0 : part * Heads / Parts;
  const int end = Parts == 1 ? Heads : (part + 1) * Heads / Parts;
  for (long sequence = 0; sequence < sequences; ++sequence) {
    const long row = sequence * tokens;
    for (int head = first; head < end; ++head) {
      const float* head_d = d + head * (SkipPerChannel ? HeadSize : 1);
      float* state = h + sequence * StateStride + head * (States * head_stride);
      const float* head_x = x + row * InputStride + head * HeadSize;
      const float* head_b = b + row * BCStride + head / (Heads / Groups) * States;
      const float* head_c = c + row * BCStride + head / (Heads / Groups) * States;
      const float* head_delta = delta + row * DeltaStride + head;
      const float* head_decay = decay + row * DeltaStride + head;
      float* head_output = output + row * OutputStride + head * HeadSize;
      for (int channel = 0; channel < in_tiles; channel += together * Lanes) {
        head_scan_channels<States, head_stride, InputStride, BCStride, DeltaStride, OutputStride, Lanes, together, Lanes,
                           SkipPerChannel>(head_d + (SkipPerChannel ? channel : 0), state + channel, head_x + channel,
                                           head_b, head_c, head_delta, head_decay, head_output + channel, tokens);
      }
      if constexpr (in_vectors > in_tiles) {
        head_scan_channels<States, head_stride, InputStride, BCStride, DeltaStride, OutputStride, Lanes,
                           vectors % together, Lanes, SkipPerChannel>(
            head_d + (SkipPerChannel ? in_tiles : 0), state + in_tiles, head_x + in_tiles, head_b, head_c, head_delta,
            head_decay, head_output + in_tiles, tokens);
      }
      if constexpr (HeadSize > in_vectors) {
        // The last channels fill a part of a vector.
        head_scan_channels<States, head_stride, InputStride, BCStride, DeltaStride, OutputStride, Lanes, 1,
                           HeadSize % Lanes, SkipPerChannel>(
            head_d + (SkipPerChannel ? in_vectors : 0), state + in_vectors, head_x + in_vectors, head_b, head_c,
            head_delta, head_decay, head_output + in_vectors, tokens);
      }
    }
  }
}

}  // namespace mambac
