// How blocks of one launch hand numbers to each other through the L2 cache without barriers.
//
// Packets: three floats and a sequence number in 16 bytes, which are written and read as one; who polls a packet until
// it carries the expected number has the values too.
// Sums: every block adds its part, as fixed point, to a word of 64 bits. Integer sums do not depend on the order, so
// that every run gives the same bits.
#pragma once

namespace mambac_runtime {

// A poll without end is a defect (or a block that never ran): the launch fails.
constexpr int most_polls = 1 << 24;

struct Packet {
  float values[3];
  unsigned sequence;
};

__device__ inline void write_packet(unsigned char* to, const Packet& packet) {
  const unsigned long long low =
      static_cast<unsigned long long>(__float_as_uint(packet.values[1])) << 32 | __float_as_uint(packet.values[0]);
  const unsigned long long high =
      static_cast<unsigned long long>(packet.sequence) << 32 | __float_as_uint(packet.values[2]);
  asm volatile("{ .reg .b128 packet; mov.b128 packet, {%1, %2}; st.relaxed.gpu.global.b128 [%0], packet; }" ::"l"(to),
               "l"(low), "l"(high)
               : "memory");
}

__device__ inline Packet read_packet(const unsigned char* from) {
  unsigned long long low, high;
  asm volatile("{ .reg .b128 packet; ld.relaxed.gpu.global.b128 packet, [%2]; mov.b128 {%0, %1}, packet; }"
               : "=l"(low), "=l"(high)
               : "l"(from)
               : "memory");
  return {{__uint_as_float(static_cast<unsigned>(low)), __uint_as_float(static_cast<unsigned>(low >> 32)),
           __uint_as_float(static_cast<unsigned>(high))},
          static_cast<unsigned>(high >> 32)};
}

// A word of a sum: the value in steps of 2^-30 in the upper 48 bits, how many parts were out of range or not finite in
// the next 8, how many parts have arrived in the last 8. It is never zeroed: each use looks at the difference to the
// last total. A part must be below 2^17 / 255 in magnitude, so that no sum wraps around.
__device__ inline void add_part(unsigned long long* word, float part) {
  const bool fits = fabsf(part) < 512.0f;  // false for NaN
  const unsigned long long steps = static_cast<unsigned long long>(__float2ll_rn(fits ? part * 0x1p30f : 0.0f));
  const unsigned long long addend = (steps << 16) + (fits ? 1 : 257);
  asm volatile("red.relaxed.gpu.global.add.u64 [%0], %1;" ::"l"(word), "l"(addend) : "memory");
}

__device__ inline unsigned long long read_sum(const unsigned long long* word) {
  unsigned long long total;
  asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(total) : "l"(word) : "memory");
  return total;
}

// Of the difference of two totals; NaN if a part was out of range or not finite.
__device__ inline float value_of_sum(unsigned long long difference) {
  const float value = __ll2float_rn(static_cast<long long>(difference) >> 16) * 0x1p-30f;
  return (difference & 0xff00) == 0 ? value : __uint_as_float(0x7fffffff);
}

}  // namespace mambac_runtime
