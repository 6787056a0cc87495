// Weights are swapped while steps go on, as in examples/swap: no step leaves the bound of the steps without a swap.
//
// A step's time is the time that its thread had the core, so that a busy machine does not decide the test; a step that
// waited would show as a voluntary switch, one that met a missing page as a fault.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/built_artifact.h"

namespace mambac {
namespace {

enum class Swaps { none, by_another_thread, by_the_stepping_thread };

struct Steps {
  std::vector<double> microseconds;
  int64_t page_faults = 0, waits = 0, swaps = 0;

  double median() const {
    std::vector<double> sorted = microseconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  int64_t longer_than(double bound) const {
    return std::count_if(microseconds.begin(), microseconds.end(), [&](double time) { return time > bound; });
  }
};

double thread_microseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

class WeightsSwap : public testing::Test {
 protected:
  static constexpr int steps_of_a_round = 2000, steps_between_careless_swaps = 20;

  WeightsSwap()
      : table_(artifact_.table()),
        path_((artifact_.folder() / (std::string(table_.name) + ".weights")).string()),
        state_(table_, table_.state_bytes),
        memory_(table_, table_.workspace_bytes),
        output_(table_.output_size) {
    EXPECT_EQ(table_.workspace_open(memory_.data(), &workspace_, nullptr, 0), MAMBAC_OK);
    table_.state_reset(state_.data());
  }
  ~WeightsSwap() override { table_.workspace_close(workspace_); }

  void open(mambac_weights& weights) {
    char message[512];
    ASSERT_EQ(table_.weights_open(path_.c_str(), &weights, message, sizeof message), MAMBAC_OK) << message;
  }

  // A round of steps. The other thread opens and closes weights all the while; what it opened is used or is not.
  void add_round(Swaps swaps, Steps& steps) {
    mambac_weights weights[2];
    open(weights[0]);
    std::atomic<const mambac_weights*> newest = &weights[0], in_use = &weights[0];
    std::atomic<bool> stop = false;
    std::thread opening([&] {
      for (int next = 1; !stop;) {
        open(weights[next]);
        if (swaps != Swaps::by_another_thread) {
          table_.weights_close(&weights[next]);
          continue;
        }
        newest = &weights[next];
        while (in_use != &weights[next] && !stop) std::this_thread::yield();
        if (in_use != &weights[next]) return;  // both are open; the round closes them
        next = 1 - next;
        table_.weights_close(&weights[next]);
        ++steps.swaps;
      }
    });
    const auto step = [&] {
      const mambac_weights* of_step = newest.load();
      in_use = of_step;
      table_.step(of_step, workspace_, state_.data(), &token_, output_.data());
    };
    mambac_weights opened_here{};
    step();  // touches what every step touches
    rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    for (int count = 0; count < steps_of_a_round; ++count) {
      const double start = thread_microseconds();
      if (swaps == Swaps::by_the_stepping_thread && count % steps_between_careless_swaps == 0) {
        table_.weights_close(&opened_here);
        open(opened_here);
        newest = &opened_here;
        ++steps.swaps;
      }
      step();
      times_[count] = thread_microseconds() - start;
    }
    getrusage(RUSAGE_THREAD, &after);
    stop = true;
    opening.join();
    steps.microseconds.insert(steps.microseconds.end(), times_.begin(), times_.end());
    steps.page_faults += after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
    steps.waits += after.ru_nvcsw - before.ru_nvcsw;
    table_.weights_close(&opened_here);
    for (mambac_weights& one : weights) table_.weights_close(&one);
  }

  const Artifact& artifact_ = built_artifact(request_for("austen-mamba"));
  const mambac_artifact& table_;
  std::string path_;
  ArtifactMemory state_, memory_;
  mambac_workspace* workspace_ = nullptr;
  int32_t token_ = 3;
  std::vector<float> output_;
  std::vector<double> times_ = std::vector<double>(steps_of_a_round);
};

TEST_F(WeightsSwap, NoStepLeavesTheBound) {
  Steps usual, swapping, careless;
  for (int round = 0; round < 8; ++round) {
    add_round(Swaps::none, usual);
    add_round(Swaps::by_another_thread, swapping);
    add_round(Swaps::by_the_stepping_thread, careless);
  }
  const double bound = 4 * usual.median();
  // Steps beyond the bound that the machine makes by itself, and as many more as it may happen to make.
  const int64_t by_itself = usual.longer_than(bound), swapped = swapping.longer_than(bound);
  RecordProperty("bound_us", std::to_string(bound));
  RecordProperty("long_steps_without_swaps", static_cast<int>(by_itself));
  RecordProperty("long_steps_with_swaps", static_cast<int>(swapped));
  RecordProperty("swaps", static_cast<int>(swapping.swaps));
  EXPECT_GE(swapping.swaps, 50);
  EXPECT_LE(swapped, by_itself + swapping.swaps / 4) << "a swap makes a step long";
  // A swap that misses pages or waits does so every time; now and then the machine takes a page or the core away.
  EXPECT_LE(swapping.page_faults, swapping.swaps / 8);
  EXPECT_LE(swapping.waits, swapping.swaps / 8);
  // And the bound means something: opening on the stepping thread leaves it, every time.
  EXPECT_GE(careless.longer_than(bound), careless.swaps / 2);
  EXPECT_GT(careless.page_faults, 0);
}

}  // namespace
}  // namespace mambac
