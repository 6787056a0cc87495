// A long run, twenty seconds at most of each artifact: no step allocates, locks, asks the system or misses a page.
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/allocation_guard.h"
#include "tests/built_artifact.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;

class LongRun : public testing::TestWithParam<const char*> {};

TEST_P(LongRun, StepsAskForNothing) {
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  const Artifact& artifact = built_artifact(request);
  const mambac_artifact& table = artifact.table();
  Session session(artifact);
  const std::vector<int32_t> tokens(8, 3);
  const std::vector<float> values(static_cast<size_t>(table.input_size), 0.5f);
  const void* input = table.vocabulary > 0 ? static_cast<const void*>(tokens.data()) : values.data();
  std::vector<float> output(static_cast<size_t>(table.output_size));
  session.step(input, output);                                  // reads every weight, and writes what a step writes
  constexpr int steps_wanted = 100'000, steps_per_look = 1000;  // a look at the clock
  int steps = 0;
  const GuardedCalls calls = guarded_calls_of([&] {
    const Clock::time_point start = Clock::now();
    for (steps = 0; steps < steps_wanted && Clock::now() - start < std::chrono::seconds(20); steps += steps_per_look) {
      for (int step = 0; step < steps_per_look; ++step) session.step(input, output);
    }
  });
  RecordProperty("steps", steps);
  EXPECT_EQ(calls.allocations, 0) << "in " << steps << " steps";
  EXPECT_EQ(calls.locks, 0);
  EXPECT_EQ(calls.system_calls, 0);
  EXPECT_EQ(calls.page_faults, 0);
}

INSTANTIATE_TEST_SUITE_P(Each, LongRun,
                         testing::Values("austen-mamba", "mamba1-continuous", "falcon-tiny", "mamba2-tiny"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace mambac
