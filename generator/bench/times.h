// What is said of many times of the same thing.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace mambac {

// The nearest-rank percentile of at least one value.
double percentile(const std::vector<double>& sorted, double share);
double median(std::vector<double> values);

// {"p50_us", "p99_us", "p999_us", "p9999_us", "max_us"} of times in seconds.
nlohmann::ordered_json distribution(std::vector<double> seconds);

}  // namespace mambac
