// Stands in for runtime/vector.h where kernels are compiled in double precision (tests/kernels_in_double_test.cpp):
// what kernels of f32 weights use of it.
#pragma once

#include <cstdint>

namespace mambac_runtime {

template <int Lanes>
struct vector_of;
template <>
struct vector_of<8> {
  typedef double floats __attribute__((vector_size(64)));
  typedef std::uint64_t words __attribute__((vector_size(64)));
};
template <int Lanes>
using floats = typename vector_of<Lanes>::floats;
template <int Lanes>
using words = typename vector_of<Lanes>::words;

template <int Lanes>
inline floats<Lanes> load_below(const double* from, int count) {
  floats<Lanes> value = {};
  for (int lane = 0; lane < Lanes && lane < count; ++lane) value[lane] = from[lane];
  return value;
}
template <int Lanes, int Count>
inline floats<Lanes> load_first(const double* from) {
  return load_below<Lanes>(from, Count);
}
template <int Lanes>
inline floats<Lanes> load(const double* from) {
  return load_below<Lanes>(from, Lanes);
}
template <int Lanes, int Count>
inline void store_first(double* to, floats<Lanes> value) {
  for (int lane = 0; lane < Count; ++lane) to[lane] = value[lane];
}
template <int Lanes>
inline void store(double* to, floats<Lanes> value) {
  store_first<Lanes, Lanes>(to, value);
}
template <int Lanes>
inline void stream(double* to, floats<Lanes> value) {
  store<Lanes>(to, value);
}
inline void end_stream() {}
template <int Lanes>
inline floats<Lanes> broadcast(double value) {
  return value - floats<Lanes>{};
}
template <int Lanes>
inline floats<Lanes> fused_multiply_add(floats<Lanes> a, floats<Lanes> b, floats<Lanes> c) {
  return a * b + c;
}

}  // namespace mambac_runtime
