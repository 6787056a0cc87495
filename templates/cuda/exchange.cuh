// Decode's exchanges between all blocks.
#pragma once

#include "runtime/cuda_exchange.h"

namespace mambac {

using namespace mambac_runtime;

// Every block has `Values` values to hand on, three in a packet.
//
// Number of the value in place `index` (0 to 2) of a packet, counted over all blocks; -1 if there is none.
template <int Blocks, int Values>
__device__ inline int value_in_packet(int packet, int index) {
  constexpr int own = (Values + 2) / 3;
  if (packet >= Blocks * own || packet % own * 3 + index >= Values) return -1;
  return packet / own * Values + packet % own * 3 + index;
}

// Hands on the block's values: sums of `Parts` neighbours in shared memory.
template <int Values, int Parts, int Threads>
__device__ inline void publish(unsigned char* packets, const float* values, unsigned sequence) {
  constexpr int own = (Values + 2) / 3;
  for (int packet = threadIdx.x; packet < own; packet += Threads) {
    Packet written = {{0.0f, 0.0f, 0.0f}, sequence};
#pragma unroll
    for (int place = 0; place < 3; ++place) {
      if (Values % 3 == 0 || packet * 3 + place < Values) {
#pragma unroll
        for (int part = 0; part < Parts; ++part) written.values[place] += values[(packet * 3 + place) * Parts + part];
      }
    }
    write_packet(packets + (blockIdx.x * own + packet) * 16, written);
  }
}

// `Loads` of the packets of all blocks for each thread: number `first` + load * `Threads` + thread; values[3 * load +
// place], zero where there is none. The loads are all under way at once. Polls that come too early hold up the packets:
// the first waits `delay` cycles.
template <int Blocks, int Values, int Loads, int Threads>
__device__ inline void gather(const unsigned char* packets, int first, int delay, unsigned sequence, float* values) {
  constexpr int all = Blocks * ((Values + 2) / 3);
  const long long begin = clock64();
  Packet read[Loads];
#pragma unroll
  for (int load = 0; load < Loads; ++load) {
    const bool exists = first + load * Threads + static_cast<int>(threadIdx.x) < all;
    read[load] = {{0.0f, 0.0f, 0.0f}, exists ? sequence - 1 : sequence};
  }
  while (clock64() - begin < delay) {
  }
  const unsigned char* from = packets + (first + threadIdx.x) * 16;
  bool arrived = false;
  for (int poll = 0; !arrived; ++poll) {
    if (poll == most_polls) __trap();
    arrived = true;
#pragma unroll
    for (int load = 0; load < Loads; ++load) {
      if (read[load].sequence != sequence) read[load] = read_packet(from + load * Threads * 16);
    }
#pragma unroll
    for (int load = 0; load < Loads; ++load) arrived = arrived && read[load].sequence == sequence;
  }
#pragma unroll
  for (int load = 0; load < Loads; ++load) {
#pragma unroll
    for (int place = 0; place < 3; ++place) values[3 * load + place] = read[load].values[place];
  }
}

// The word of sum number `index`. Words that are added to together lie 1 KB apart in groups of 4, so that they fall
// into many slices of the L2 cache.
__device__ inline unsigned long long* word_of_sum(unsigned char* sums, int index) {
  return reinterpret_cast<unsigned long long*>(sums + index / 4 * 1024 + index % 4 * 8);
}

// The sum of the parts of `Blocks` blocks, once all have arrived. `last_total` is the word's value before, and after.
template <int Blocks>
__device__ inline float wait_for_sum(const unsigned long long* word, unsigned long long& last_total) {
  static_assert(Blocks < 256);
  unsigned long long difference = 0;
  for (int poll = 0; (difference & 0xff) != Blocks; ++poll) {
    if (poll == most_polls) __trap();
    difference = read_sum(word) - last_total;
  }
  last_total += difference;
  return value_of_sum(difference);
}

}  // namespace mambac
