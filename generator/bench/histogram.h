// How often each time was seen, of several things that took turns: buckets of equal width on a logarithmic scale.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mambac {

class Histogram {
 public:
  // Names and times in seconds; at least one time.
  explicit Histogram(const std::vector<std::pair<std::string, std::vector<double>>>& named_times);

  // A line for every bucket; bars are as long as the logarithm of their count.
  std::string text() const;
  std::string svg(const std::string& title) const;

 private:
  struct Series {
    std::string name;
    std::vector<int64_t> counts;
  };
  double bucket_start(size_t bucket) const;  // microseconds

  double least_;   // microseconds
  double factor_;  // from a bucket's start to the next one's
  std::vector<Series> series_;
};

}  // namespace mambac
