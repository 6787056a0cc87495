// The recurrence of Mamba-2 in training: a scan that keeps the state every few tokens.
#pragma once

#include "templates/cpu/head_scan.h"

namespace mambac {

// As `head_scan`; before every `Interval` tokens of a sequence its state goes to the next of its `Checkpoints`
// checkpoints, each (`Heads`, `States`, `HeadSize` padded to 16). `head_scan_backward` starts from them.
// {Parts > 1 ? Threads share the heads: this is `part` of `Parts`.}
template <int Heads, int HeadSize, int States, int Groups, int InputStride, int BCStride, int DeltaStride,
          int OutputStride, int StateStride, int Interval, int Checkpoints, int Lanes, bool SkipPerChannel, int Parts>
inline void head_scan_keep(const float* d, float* h, const float* x, const float* b, const float* c, const float* delta,
                           const float* decay, float* output, float* checkpoints, int sequences, int tokens, int part) {
  constexpr int head_floats = States * padded_to_16(HeadSize);
  const int first = Parts == 1 ? 0 : part * Heads / Parts;
  const int end = Parts == 1 ? Heads : (part + 1) * Heads / Parts;
  for (long sequence = 0; sequence < sequences; ++sequence) {
    float* state = h + sequence * StateStride;
    for (int token = 0; token < tokens; token += Interval) {
      float* kept = checkpoints + (sequence * Checkpoints + token / Interval) * (Heads * head_floats);
      __builtin_memcpy(kept + first * head_floats, state + first * head_floats,
                       (end - first) * (head_floats * sizeof(float)));
      const long row = sequence * tokens + token;
      const int count = tokens - token < Interval ? tokens - token : Interval;
      head_scan<Heads, HeadSize, States, Groups, InputStride, BCStride, DeltaStride, OutputStride, StateStride, Lanes,
                SkipPerChannel, Parts>(d, state, x + row * InputStride, b + row * BCStride, c + row * BCStride,
                                       delta + row * DeltaStride, decay + row * DeltaStride,
                                       output + row * OutputStride, 1, count, part);
    }
  }
}

}  // namespace mambac
