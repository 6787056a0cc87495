// Vectors of floats: the compiler's vector extensions, plus the few operations that these lack. The lanes of a vector
// always run along channels or outputs, so that nothing is ever summed across lanes and every value has the same bits
// for any number of lanes.
#pragma once

#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace mambac_runtime {

template <int Lanes>
struct vector_of;
template <>
struct vector_of<8> {
  typedef float floats __attribute__((vector_size(32)));
  typedef std::uint32_t words __attribute__((vector_size(32)));
};
template <>
struct vector_of<16> {
  typedef float floats __attribute__((vector_size(64)));
  typedef std::uint32_t words __attribute__((vector_size(64)));
};

template <int Lanes>
using floats = typename vector_of<Lanes>::floats;
template <int Lanes>
using words = typename vector_of<Lanes>::words;  // the bits of floats

// The upper half of a float's bits. Matrices of bfloat16 are packed in pairs: see load_pair.
struct bfloat16 {
  std::uint16_t bits;
};

inline float to_float(float value) { return value; }
inline float to_float(bfloat16 value) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(value.bits) << 16);
}

// Unaligned load and store of `Lanes` floats.
template <int Lanes>
inline floats<Lanes> load(const float* from) {
  floats<Lanes> value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <int Lanes>
inline void store(float* to, floats<Lanes> value) {
  __builtin_memcpy(to, &value, sizeof value);
}
// Past the caches, for what is not read again soon, where a vector is a whole cache line; `to` is then a multiple of 64
// bytes. Other threads see it after `end_stream`.
template <int Lanes>
inline void stream(float* to, floats<Lanes> value) {
#if defined(__AVX512F__)
  if constexpr (Lanes == 16) {
    _mm512_stream_ps(to, (__m512)value);
    return;
  }
#endif
  store<Lanes>(to, value);
}
inline void end_stream() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}
// The first `Count` lanes alone; the others are zero.
template <int Lanes, int Count>
inline floats<Lanes> load_first(const float* from) {
  floats<Lanes> value = {};
  __builtin_memcpy(&value, from, Count * sizeof(float));
  return value;
}
// The first `count` lanes, which may be none, or more than there are; the others are zero.
template <int Lanes>
inline floats<Lanes> load_below(const float* from, int count) {
  if (count >= Lanes) return load<Lanes>(from);
  floats<Lanes> value = {};
  if (count > 0) __builtin_memcpy(&value, from, count * sizeof(float));
  return value;
}
template <int Lanes, int Count>
inline void store_first(float* to, floats<Lanes> value) {
  __builtin_memcpy(to, &value, Count * sizeof(float));
}

template <int Lanes>
inline floats<Lanes> broadcast(float value) {
  return value - floats<Lanes>{};  // the value, also of -0, so that nothing is subtracted; 0 + value would be added
}

template <int Lanes>
inline words<Lanes> bits_of(floats<Lanes> value) {
  return (words<Lanes>)value;
}
template <int Lanes>
inline floats<Lanes> floats_of(words<Lanes> bits) {
  return (floats<Lanes>)bits;
}

// a * b + c, rounded once.
template <int Lanes>
inline floats<Lanes> fused_multiply_add(floats<Lanes> a, floats<Lanes> b, floats<Lanes> c) {
#if defined(__AVX512F__)
  if constexpr (Lanes == 16) return (floats<Lanes>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#endif
#if defined(__AVX2__) && defined(__FMA__)
  if constexpr (Lanes == 8) return (floats<Lanes>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#endif
  floats<Lanes> result;
  for (int lane = 0; lane < Lanes; ++lane) result[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
  return result;
}

// Two bfloat16 weights of each lane in one word: the even input's in the lower half, the odd input's in the upper.
template <int Lanes>
inline words<Lanes> load_pair(const bfloat16* from) {
  words<Lanes> value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <int Lanes>
inline floats<Lanes> even_of_pair(words<Lanes> pair) {
  return floats_of<Lanes>(pair << 16);
}
template <int Lanes>
inline floats<Lanes> odd_of_pair(words<Lanes> pair) {
  return floats_of<Lanes>(pair & 0xffff0000u);
}

// A NaN passes through both.
template <int Lanes>
inline floats<Lanes> at_least(floats<Lanes> value, float bound) {
  return value < bound ? broadcast<Lanes>(bound) : value;
}
template <int Lanes>
inline floats<Lanes> at_most(floats<Lanes> value, float bound) {
  return value > bound ? broadcast<Lanes>(bound) : value;
}

}  // namespace mambac_runtime
