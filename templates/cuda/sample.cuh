// The choice of the next token on the device: repetition penalty, temperature, top-k, top-p, min-p, in the order and
// with the meaning of Hugging Face's. One cluster of `Blocks` blocks of 1024 threads, which keeps all logits in
// registers.
//
// Every token has a place: its distance below the largest logit (over the temperature, in steps of 2^-27, at most 32)
// and, among equals, its number. Most likely tokens come first. Every choice asks for the first place at which a sum
// over the places up to it reaches a target: top-k counts tokens, top-p and the draw add up probabilities (integers,
// in steps of 2^-28 of the largest). The place is found ten bits at a time, by a histogram of 1024 bins.
//
// generator/text/sampling.h chooses the same tokens on the host.
#pragma once

#include "runtime/cuda_cluster.h"

namespace mambac {

using namespace mambac_runtime;

// SplitMix64: the output number `position` of the generator that starts at `seed`, uniform in [0, 1).
__device__ inline double random_uniform(unsigned long long seed, unsigned long long position) {
  unsigned long long bits = seed + (position + 1) * 0x9E3779B97F4A7C15ull;
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9ull;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EBull;
  bits ^= bits >> 31;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// The largest of one number a thread, over the cluster.
template <int Blocks>
__device__ inline unsigned long long largest_of_cluster(unsigned long long value) {
  __shared__ unsigned long long largest[33];
  for (int distance = 16; distance > 0; distance /= 2) {
    const unsigned long long other = __shfl_xor_sync(0xffffffff, value, distance);
    value = other > value ? other : value;
  }
  if (threadIdx.x % 32 == 0) largest[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    value = largest[threadIdx.x];
    for (int distance = 16; distance > 0; distance /= 2) {
      const unsigned long long other = __shfl_xor_sync(0xffffffff, value, distance);
      value = other > value ? other : value;
    }
    if (threadIdx.x == 0) largest[32] = value;
  }
  synchronize_cluster();
  for (int rank = 0; rank < Blocks; ++rank) {
    const unsigned long long other = read_from_block(&largest[32], rank);
    value = rank == 0 || other > value ? other : value;
  }
  synchronize_cluster();
  return value;
}

// The sum over a warp's lanes, in every lane.
__device__ inline unsigned long long sum_of_lanes(unsigned long long value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffff, value, distance);
  return value;
}

// Of the thread's token number `index`.
template <int Blocks>
__device__ inline unsigned long long place_of_token(unsigned steps, int index) {
  asm volatile("" : "+r"(steps));  // computed anew in every round: registers are short
  const unsigned token = rank_in_cluster() * 1024 + threadIdx.x + index * (Blocks * 1024);
  return static_cast<unsigned long long>(steps) << 18 | token;
}

// The first place at which the sum over all places up to it, of those up to `last`, reaches `top_k` tokens (choice 0),
// or the share `top_p` of the probability (1), or exceeds a random share (2). Places have 50 bits; low bits that are
// not needed to tell it from the next ones are set in the result, and zero in `least`.
template <int Blocks, int PerThread>
__device__ inline unsigned long long find_place(const unsigned* steps, const unsigned* probabilities,
                                                unsigned long long last, int choice, int top_k, float top_p,
                                                unsigned long long seed, unsigned long long position,
                                                unsigned long long& least) {
  __shared__ unsigned low[1024], high[1024], tokens[1024];  // of the block; the probability is high << 14 + low
  __shared__ unsigned long long bins[1024];                 // of the block: tokens << 46 | probability
  constexpr unsigned long long probability_mask = (1ull << 46) - 1;
  constexpr int share = 1024 / Blocks;  // of the bins
  __shared__ unsigned long long shares[Blocks][share];
  __shared__ unsigned long long warp_sums[4], block_sum, found[3];
  static_assert(Blocks == 8);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32, rank = rank_in_cluster();
  unsigned long long prefix = 0, target = 0;
  for (int shift = 40;; shift -= 10) {
    const bool counts = choice == 0 || shift < 40;  // in the first round most tokens share their bin anyway
    low[thread] = 0;
    high[thread] = 0;
    tokens[thread] = 0;
    __syncthreads();
#pragma unroll
    for (int index = 0; index < PerThread; ++index) {
      const unsigned long long place = place_of_token<Blocks>(steps[index], index);
      if (place <= last && place >> shift >> 10 == prefix && probabilities[index] > 0) {
        const int of_token = static_cast<int>(place >> shift & 1023);
        atomicAdd(&low[of_token], probabilities[index] & 0x3fff);
        atomicAdd(&high[of_token], probabilities[index] >> 14);
        if (counts) atomicAdd(&tokens[of_token], 1u);
      }
    }
    __syncthreads();
    bins[thread] = static_cast<unsigned long long>(tokens[thread]) << 46 |
                   ((static_cast<unsigned long long>(high[thread]) << 14) + low[thread]);
    synchronize_cluster();

    // Every block adds up its share of the bins: four warps for each block's histogram, then a thread for each bin.
    const int of_share = warp % 4 * 32 + lane;
    shares[warp / 4][of_share] = read_from_block(&bins[rank * share + of_share], warp / 4);
    __syncthreads();
    unsigned long long bin = 0, sum = 0;
    if (warp < 4) {
#pragma unroll
      for (int block = 0; block < Blocks; ++block) bin += shares[block][thread];
      sum = choice == 0 ? bin >> 46 : bin & probability_mask;
#pragma unroll
      for (int distance = 1; distance < 32; distance *= 2) {
        const unsigned long long other = __shfl_up_sync(0xffffffff, sum, distance);
        if (lane >= distance) sum += other;
      }
      if (lane == 31) warp_sums[warp] = sum;
    }
    __syncthreads();
    if (thread == 0) block_sum = warp_sums[0] + warp_sums[1] + warp_sums[2] + warp_sums[3];
    synchronize_cluster();
    if (warp < 4) {
      // The sum over the bins up to the thread's, and over all.
      for (int other = 0; other < warp; ++other) sum += warp_sums[other];
      const unsigned long long of_block = lane < Blocks ? read_from_block(&block_sum, lane) : 0;
      sum += sum_of_lanes(lane < rank ? of_block : 0);
      const unsigned long long all = sum_of_lanes(of_block);
      if (shift == 40) {
        const double whole = static_cast<double>(all);
        if (choice == 0) target = top_k;
        if (choice == 1) target = static_cast<unsigned long long>(top_p * whole);
        if (choice == 2) target = static_cast<unsigned long long>(random_uniform(seed, position) * whole) + 1;
        if (target == 0) target = 1;
      }
      if (target > all) target = all;
      const unsigned long long mass = choice == 0 ? bin >> 46 : bin & probability_mask;
      if (mass > 0 && sum >= target && sum - mass < target) {
        for (int block = 0; block < Blocks; ++block) {
          write_to_block(&found[0], block, rank * share + thread);
          write_to_block(&found[1], block, sum - mass);
          write_to_block(&found[2], block, bin >> 46);
        }
      }
    }
    synchronize_cluster();
    prefix = prefix << 10 | found[0];
    target -= found[1];
    if (shift == 0 || (counts && found[2] == 1)) {
      least = prefix << shift;
      return (prefix + 1 << shift) - 1;
    }
  }
}

// The token number `index` of a text that goes on, to tokens[index], which the host may watch, and to control[0], where
// decode reads it. One that ends the text sets control[1], as do logits that are not finite, of which token -1 comes;
// from then on nothing happens. `marks` (`Vocabulary`): MAMBAC_SEEN, MAMBAC_END and MAMBAC_NEVER of runtime/mambac.h.
// `position`: of the random number; the length of the text so far.
template <int Vocabulary, int Blocks>
__global__ void __cluster_dims__(Blocks) __launch_bounds__(1024, 1)
    sample(const float* logits, int* control, int index, volatile int* tokens, unsigned char* marks, float temperature,
           int top_k, float top_p, float min_p, float penalty, unsigned long long seed, unsigned long long position) {
  constexpr unsigned seen = 1, end = 2, never = 4;
  constexpr int per_thread = (Vocabulary + Blocks * 1024 - 1) / (Blocks * 1024);
  static_assert(Vocabulary < 1 << 18);
  const int first = rank_in_cluster() * 1024 + threadIdx.x;
  if (control[1] != 0) return;

  // The largest logit, the smaller number first; a number that is not finite is larger than all.
  float logit[per_thread];
  unsigned long long best = 0;
#pragma unroll
  for (int part = 0; part < per_thread; ++part) {
    const int token = first + part * Blocks * 1024;
    const bool exists = token < Vocabulary;
    const unsigned mark = exists ? marks[token] : never;
    const float raw = exists ? logits[token] : 0.0f;
    const float penalized = raw < 0.0f ? raw * penalty : raw / penalty;
    logit[part] = (mark & never) != 0 ? __uint_as_float(0xff800000) : (mark & seen) != 0 ? penalized : raw;
    if ((mark & never) == 0) {
      const unsigned bits = __float_as_uint(logit[part]);
      const bool finite = fabsf(logit[part]) <= 3.4e38f;
      const unsigned rising = !finite ? 0xffffffff : bits >> 31 != 0 ? ~bits : bits | 0x80000000;
      const unsigned long long key = static_cast<unsigned long long>(rising) << 32 | (0xffffffff - token);
      best = key > best ? key : best;
    }
  }
  best = largest_of_cluster<Blocks>(best);
  const unsigned rising = static_cast<unsigned>(best >> 32);
  int chosen = static_cast<int>(0xffffffff - static_cast<unsigned>(best));
  bool writes = first == 0;
  if (rising == 0xffffffff || best == 0) {
    chosen = -1;
  } else if (temperature > 0.0f) {
    const float largest = __uint_as_float(rising >> 31 != 0 ? rising & 0x7fffffff : ~rising);
    unsigned steps[per_thread];
    unsigned probabilities[per_thread];
#pragma unroll
    for (int part = 0; part < per_thread; ++part) {
      const float distance = (largest - logit[part]) / temperature;
      steps[part] = distance < 31.9f ? static_cast<unsigned>(distance * 0x1p27f) : 0xffffffff;
      probabilities[part] = static_cast<unsigned>(expf(-distance) * 0x1p28f + 0.5f);
    }
    // Top-k, top-p, the draw.
    unsigned long long least = 0, last = ~0ull;
    for (int choice = 0; choice < 3; ++choice) {
      if (choice == 0 && top_k == 0) choice = 1;
      if (choice == 1 && top_p >= 1.0f) choice = 2;
      if (choice == 2) {
#pragma unroll
        for (int part = 0; part < per_thread; ++part) {
          if (static_cast<float>(probabilities[part]) < min_p * 0x1p28f) probabilities[part] = 0;
        }
      }
      last = find_place<Blocks, per_thread>(steps, probabilities, last, choice, top_k, top_p, seed, position, least);
      if (choice == 0) last |= 0x3ffff;  // tokens as likely as the last one stay
    }
    // The thread whose token it is.
    writes = false;
#pragma unroll
    for (int part = 0; part < per_thread; ++part) {
      const unsigned long long place = place_of_token<Blocks>(steps[part], part);
      if (probabilities[part] > 0 && place >= least && place <= last) {
        writes = true;
        chosen = first + part * Blocks * 1024;
      }
    }
  }

  synchronize_cluster();  // all have read control and the shared memory of the others
  if (writes) {
    control[0] = chosen;
    control[1] = chosen < 0 || (marks[chosen] & end) != 0 ? 1 : 0;
    tokens[index] = chosen;
    if (chosen >= 0) marks[chosen] |= seen;
    __threadfence_system();
  }
}

}  // namespace mambac
