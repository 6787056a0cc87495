// Exponential, softplus and silu of vectors, as polynomials: no call, no branch on data, the same bits from every
// compiler. Errors are measured over every float by tests/mathematics_test.cpp. NaN in, NaN out.
#pragma once

#include "runtime/vector.h"

namespace mambac_runtime {

// 2^fraction for fraction in [-1/2, 1/2]: minimax polynomial 1 + r p(r), relative error 2.6e-9.
template <int Lanes>
inline floats<Lanes> power_of_two_of_fraction(floats<Lanes> fraction) {
  floats<Lanes> sum = broadcast<Lanes>(0x1.470b48p-13f);
  sum = fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(0x1.5f7276p-10f));
  sum = fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(0x1.3b270ep-7f));
  sum = fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(0x1.c6ae72p-5f));
  sum = fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(0x1.ebfbe2p-3f));
  sum = fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(0x1.62e432p-1f));
  return fused_multiply_add<Lanes>(sum, fraction, broadcast<Lanes>(1.0f));
}

// Adding this number rounds a float of moderate size to the nearest integer, left in the lowest bits of the sum.
inline constexpr float round_to_integer = 0x1.8p23f;

// 2^integer, where `rounded` is integer + round_to_integer and the integer lies in [-126, 127].
template <int Lanes>
inline floats<Lanes> power_of_two_of_integer(floats<Lanes> rounded) {
  return floats_of<Lanes>((bits_of<Lanes>(rounded) << 23) + 0x3f800000u);
}

// 2^value. Values below -126 give 2^-126 (so that nothing becomes denormal), values above 127.5 about 2^127.5.
template <int Lanes>
inline floats<Lanes> exponential_of_two(floats<Lanes> value) {
  value = at_most<Lanes>(at_least<Lanes>(value, -126.0f), 127.49f);
  const floats<Lanes> rounded = value + round_to_integer;
  const floats<Lanes> fraction = value - (rounded - round_to_integer);
  return power_of_two_of_fraction<Lanes>(fraction) * power_of_two_of_integer<Lanes>(rounded);
}

// e^value. Values below -87.33 give 1.2e-38, values above 88.37 about 2.4e38.
template <int Lanes>
inline floats<Lanes> exponential(floats<Lanes> value) {
  value = at_most<Lanes>(at_least<Lanes>(value, -87.33f), 88.37f);
  // log2(e) in two parts, so that the fraction keeps all of its bits.
  const floats<Lanes> high = broadcast<Lanes>(0x1.715476p0f);
  const floats<Lanes> rounded = fused_multiply_add<Lanes>(value, high, broadcast<Lanes>(round_to_integer));
  const floats<Lanes> integer = rounded - round_to_integer;
  floats<Lanes> fraction = fused_multiply_add<Lanes>(value, high, -integer);
  fraction = fused_multiply_add<Lanes>(value, broadcast<Lanes>(0x1.4ae0cp-26f), fraction);
  return power_of_two_of_fraction<Lanes>(fraction) * power_of_two_of_integer<Lanes>(rounded);
}

// log(1 + value) for value in [0, 1]: 2 artanh(value / (2 + value)), minimax polynomial in the square.
template <int Lanes>
inline floats<Lanes> logarithm_of_one_plus(floats<Lanes> value) {
  const floats<Lanes> ratio = value / (value + 2.0f);
  const floats<Lanes> square = ratio * ratio;
  floats<Lanes> sum = broadcast<Lanes>(0.14012229f);
  sum = fused_multiply_add<Lanes>(sum, square, broadcast<Lanes>(0.13999571f));
  sum = fused_multiply_add<Lanes>(sum, square, broadcast<Lanes>(0.20010850f));
  sum = fused_multiply_add<Lanes>(sum, square, broadcast<Lanes>(0.33333207f));
  const floats<Lanes> twice = ratio + ratio;
  return fused_multiply_add<Lanes>(twice * square, sum, twice);
}

// log(1 + e^value) = max(value, 0) + log(1 + e^-|value|), where nothing is lost if the sum is tiny or large.
template <int Lanes>
inline floats<Lanes> softplus(floats<Lanes> value) {
  const floats<Lanes> magnitude = value < 0.0f ? -value : value;
  const floats<Lanes> positive = at_least<Lanes>(value, 0.0f);
  return positive + logarithm_of_one_plus<Lanes>(exponential<Lanes>(-magnitude));
}

// 1 / (1 + e^-value), the slope of softplus.
template <int Lanes>
inline floats<Lanes> sigmoid(floats<Lanes> value) {
  return 1.0f / (exponential<Lanes>(-value) + 1.0f);
}

// value * sigmoid(value).
template <int Lanes>
inline floats<Lanes> silu(floats<Lanes> value) {
  return value / (exponential<Lanes>(-value) + 1.0f);
}

// The slope of silu.
template <int Lanes>
inline floats<Lanes> silu_slope(floats<Lanes> value) {
  const floats<Lanes> share = sigmoid<Lanes>(value);
  return share * fused_multiply_add<Lanes>(value, 1.0f - share, broadcast<Lanes>(1.0f));
}

}  // namespace mambac_runtime
