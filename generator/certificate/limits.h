// Between which integers a value lies, as far as that is known when the code is generated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace mambac {

// Both inclusive. What reaches beyond 64 bits is cut there.
struct Limits {
  int64_t low = 0, high = 0;

  bool is_one_value() const { return low == high; }
  bool contains(const Limits& other) const { return low <= other.low && other.high <= high; }
};

// Limits of a count, a loop's counter, a part; nothing for what depends on data.
using KnownLimits = std::optional<Limits>;

inline int64_t saturated(__int128 value) {
  constexpr __int128 low = std::numeric_limits<int64_t>::min(), high = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::clamp(value, low, high));
}

inline Limits operator+(Limits a, Limits b) {
  return {saturated(static_cast<__int128>(a.low) + b.low), saturated(static_cast<__int128>(a.high) + b.high)};
}
inline Limits operator-(Limits a, Limits b) {
  return {saturated(static_cast<__int128>(a.low) - b.high), saturated(static_cast<__int128>(a.high) - b.low)};
}
inline Limits operator*(Limits a, Limits b) {
  const int64_t products[] = {
      saturated(static_cast<__int128>(a.low) * b.low), saturated(static_cast<__int128>(a.low) * b.high),
      saturated(static_cast<__int128>(a.high) * b.low), saturated(static_cast<__int128>(a.high) * b.high)};
  return {*std::min_element(products, products + 4), *std::max_element(products, products + 4)};
}
// By a positive constant, toward zero.
inline Limits operator/(Limits a, int64_t divisor) { return {a.low / divisor, a.high / divisor}; }
inline Limits operator%(Limits a, int64_t divisor) {
  return {a.low >= 0 ? 0 : 1 - divisor, std::min(divisor - 1, std::max<int64_t>(a.high, 0))};
}
inline Limits either(Limits a, Limits b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }
inline KnownLimits either(KnownLimits a, KnownLimits b) { return a && b ? KnownLimits(either(*a, *b)) : KnownLimits(); }

}  // namespace mambac
