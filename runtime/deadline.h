// The time until which a step may commit. Reading the clock is a look at a page that the system keeps up to date
// (vDSO): no system call, where the machine's clock is the processor's counter.
#pragma once

#include <time.h>

#include <cstdint>

namespace mambac_runtime {

class Deadline {
 public:
  // In nanoseconds of CLOCK_MONOTONIC.
  explicit Deadline(int64_t nanoseconds) : nanoseconds_(nanoseconds) {}

  // Whether the time has come. Once true, it stays true.
  bool passed() const {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec >= nanoseconds_;
  }

  // The same for all parts of a call: part 0 looks at the clock, and none goes on before it has. Between two such
  // looks the parts must meet.
  template <typename Workers>
  bool passed(Workers& workers, int part) {
    if (part == 0) seen_ = passed();
    workers.synchronize();
    return seen_;
  }

 private:
  int64_t nanoseconds_;
  bool seen_ = false;  // by part 0
};

}  // namespace mambac_runtime
