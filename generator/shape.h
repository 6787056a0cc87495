// Shapes of tensors, and sizes in whole pieces.
#pragma once

#include <cstdint>
#include <span>

namespace mambac {

// The product of a shape: 1 for none.
inline int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

inline int64_t divide_up(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }
inline int64_t round_up(int64_t value, int64_t multiple) { return divide_up(value, multiple) * multiple; }

}  // namespace mambac
