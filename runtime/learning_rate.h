// Linear warm-up times a cosine that falls to a share of the peak.
#pragma once

#include <cmath>
#include <cstdint>

namespace mambac_runtime {

// The rate of step `step` (from 0) of `steps`: peak min(1, (step + 1) / warm_up) (least + (1 - least) (1 + cos(pi step
// / steps)) / 2), where `least` is the share of the peak at the end.
inline double learning_rate(int64_t step, int64_t steps, int64_t warm_up, double peak, double least) {
  const double warm =
      warm_up > 0 && step + 1 < warm_up ? static_cast<double>(step + 1) / static_cast<double>(warm_up) : 1;
  const double turn = std::acos(-1.0) * static_cast<double>(step) / static_cast<double>(steps);
  return peak * warm * (least + (1 - least) * 0.5 * (1 + std::cos(turn)));
}

}  // namespace mambac_runtime
