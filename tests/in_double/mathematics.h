// Stands in for runtime/mathematics.h where kernels are compiled in double precision: the same functions, of the C
// library.
#pragma once

#include <cmath>

#include "tests/in_double/vector.h"

namespace mambac_runtime {

template <int Lanes, typename Function>
inline floats<Lanes> of_lanes(floats<Lanes> value, Function function) {
  for (int lane = 0; lane < Lanes; ++lane) value[lane] = function(value[lane]);
  return value;
}

template <int Lanes>
inline floats<Lanes> exponential_of_two(floats<Lanes> value) {
  return of_lanes<Lanes>(value, [](double lane) { return std::exp2(lane); });
}
template <int Lanes>
inline floats<Lanes> exponential(floats<Lanes> value) {
  return of_lanes<Lanes>(value, [](double lane) { return std::exp(lane); });
}
template <int Lanes>
inline floats<Lanes> softplus(floats<Lanes> value) {
  return of_lanes<Lanes>(
      value, [](double lane) { return lane > 0 ? lane + std::log1p(std::exp(-lane)) : std::log1p(std::exp(lane)); });
}
template <int Lanes>
inline floats<Lanes> sigmoid(floats<Lanes> value) {
  return of_lanes<Lanes>(value, [](double lane) { return 1 / (1 + std::exp(-lane)); });
}
template <int Lanes>
inline floats<Lanes> silu(floats<Lanes> value) {
  return value * sigmoid<Lanes>(value);
}
template <int Lanes>
inline floats<Lanes> silu_slope(floats<Lanes> value) {
  const floats<Lanes> half = sigmoid<Lanes>(value);
  return half + value * half * (1 - half);
}

}  // namespace mambac_runtime
