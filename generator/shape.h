// Shapes of tensors.
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

}  // namespace mambac
