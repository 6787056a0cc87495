// Mean square error, with its gradient in the place of the outputs.
#pragma once

#include <cstdint>

namespace mambac_runtime {

// The mean of (outputs - targets)^2 over `count` values. Outputs become its gradient.
inline double mean_square_error(float* outputs, const float* targets, int64_t count) {
  double sum = 0;
  const float share = 2.0f / static_cast<float>(count);
  for (int64_t index = 0; index < count; ++index) {
    const float difference = outputs[index] - targets[index];
    sum += static_cast<double>(difference) * difference;
    outputs[index] = share * difference;
  }
  return sum / static_cast<double>(count);
}

}  // namespace mambac_runtime
