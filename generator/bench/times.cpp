#include "generator/bench/times.h"

#include <algorithm>
#include <cmath>

namespace mambac {

double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

nlohmann::ordered_json distribution(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto microseconds = [&](double share) { return 1e6 * percentile(seconds, share); };
  return {{"p50_us", microseconds(0.5)},
          {"p99_us", microseconds(0.99)},
          {"p999_us", microseconds(0.999)},
          {"p9999_us", microseconds(0.9999)},
          {"max_us", 1e6 * seconds.back()}};
}

}  // namespace mambac
