// The gradients of Mamba-2's recurrence, backwards through time from the states that `head_scan_keep` kept.
#pragma once

#include "templates/cpu/head_scan_backward_chunk.h"

namespace mambac {

using namespace mambac_runtime;

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
  constexpr int head_floats = States * padded_to_16(HeadSize);
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
