// NAME_step_until: a step or nothing. The clock is the test's own, so that a deadline passes exactly where it is told
// to.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "tests/allocation_guard.h"
#include "tests/built_artifact.h"

namespace {

constexpr int64_t real_time = -1;
constexpr int64_t deadline = 1'000'000'000;

// Looks of this thread at the clock until it shows the deadline; real_time: its clock is the system's.
thread_local int64_t looks_left = real_time;

}  // namespace

// Replaces the C library's in the whole process, the artifacts' libraries included.
extern "C" int clock_gettime(clockid_t clock, timespec* time) {
  if (looks_left == real_time) {
    static const auto original = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
    return original(clock, time);
  }
  const bool is_late = looks_left == 0;
  if (!is_late) --looks_left;
  *time = {is_late ? 1 : 0, is_late ? 0 : 999'999'999};
  return 0;
}

namespace mambac {
namespace {

// The same state and input for step and step_until, of any artifact.
struct Pair {
  const mambac_artifact& table;
  const mambac_weights* weights;
  ArtifactMemory stepped, tried, memory;
  mambac_workspace* workspace = nullptr;
  std::vector<int32_t> tokens;
  std::vector<float> values, expected, found;

  explicit Pair(const Artifact& artifact)
      : table(artifact.table()),
        weights(artifact.weights()),
        stepped(table, table.state_bytes),
        tried(table, table.state_bytes),
        memory(table, table.workspace_bytes),
        tokens(table.batch, 3),
        values(static_cast<size_t>(table.batch) * table.input_size, 0.5f),
        expected(static_cast<size_t>(table.batch) * table.output_size),
        found(expected.size()) {
    char message[256];
    EXPECT_EQ(table.workspace_open(memory.data(), &workspace, message, sizeof message), MAMBAC_OK) << message;
    table.state_reset(stepped.data());
    for (int warm_up = 0; warm_up < 3; ++warm_up) step();
    std::memcpy(tried.data(), stepped.data(), table.state_bytes);
  }
  ~Pair() { table.workspace_close(workspace); }

  const void* input() const {
    return tokens.empty() || table.vocabulary == 0 ? static_cast<const void*>(values.data()) : tokens.data();
  }
  void step() { ASSERT_EQ(table.step(weights, workspace, stepped.data(), input(), expected.data()), MAMBAC_OK); }
  int step_until(int64_t nanoseconds) {
    return table.step_until(weights, workspace, tried.data(), input(), found.data(), nanoseconds);
  }
  std::vector<std::byte> tried_bytes() const {
    const auto* bytes = static_cast<const std::byte*>(tried.data());
    return {bytes, bytes + table.state_bytes};
  }
  bool same_states() const { return std::memcmp(stepped.data(), tried.data(), table.state_bytes) == 0; }
};

struct Shape {
  const char* model;
  int64_t batch, threads;
};

class StepUntil : public testing::TestWithParam<Shape> {
 protected:
  const Artifact& artifact() const {
    BuildRequest request = request_for(GetParam().model);
    request.isa = "x86-64-v3";
    request.batch = GetParam().batch;
    request.threads = GetParam().threads;
    return built_artifact(request);
  }
};

// One look before each layer and one before the state is replaced: wherever the deadline passes, nothing has happened.
TEST_P(StepUntil, LeavesTheStateWhereverTheDeadlinePasses) {
  Pair pair(artifact());
  const std::vector<std::byte> before = pair.tried_bytes();
  const auto looks = artifact().plan().at("model").at("layers").get<int64_t>() + 1;
  for (int64_t look = 0; look < looks; ++look) {
    looks_left = look;
    const int status = pair.step_until(deadline);
    looks_left = real_time;
    EXPECT_EQ(status, MAMBAC_DEADLINE_PASSED) << "late at look " << look;
    EXPECT_EQ(pair.tried_bytes(), before) << "late at look " << look;
  }
  looks_left = looks;
  const int status = pair.step_until(deadline);
  const int64_t left = looks_left;
  looks_left = real_time;
  EXPECT_EQ(status, MAMBAC_OK);
  EXPECT_EQ(left, 0) << "looks that were not made";
  pair.step();
  EXPECT_TRUE(pair.same_states());
  EXPECT_EQ(pair.found, pair.expected);
}

TEST_P(StepUntil, HasTheBitsOfStepWhenThereIsTime) {
  Pair pair(artifact());
  for (int step = 0; step < 20; ++step) {
    pair.step();
    ASSERT_EQ(pair.step_until(INT64_MAX), MAMBAC_OK);
    ASSERT_EQ(pair.found, pair.expected) << step;
    ASSERT_TRUE(pair.same_states()) << step;
  }
}

// By the real clock, with deadlines from a sixteenth of the time that a step takes to some hundred times that.
TEST_P(StepUntil, IsAStepOrNothingByTheRealClock) {
  using std::chrono::nanoseconds, std::chrono::steady_clock;
  Pair pair(artifact());
  const auto now = [] { return nanoseconds(steady_clock::now().time_since_epoch()).count(); };
  std::vector<int64_t> times;
  for (int step = 0; step < 21; ++step) {
    const int64_t start = now();
    pair.step();
    times.push_back(now() - start);
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  std::memcpy(pair.tried.data(), pair.stepped.data(), pair.table.state_bytes);
  int passed = 0, committed = 0;
  for (int tries = 0; tries < 480; ++tries) {
    const std::vector<std::byte> before = pair.tried_bytes();
    const int status = pair.step_until(now() + (times[10] << tries % 16) / 16);
    if (status == MAMBAC_OK) {
      ++committed;
      pair.step();
      ASSERT_TRUE(pair.same_states());
      ASSERT_EQ(pair.found, pair.expected);
    } else {
      ++passed;
      ASSERT_EQ(status, MAMBAC_DEADLINE_PASSED);
      ASSERT_EQ(pair.tried_bytes(), before);
    }
  }
  EXPECT_GT(passed, 0);
  EXPECT_GT(committed, 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, StepUntil,
                         testing::Values(Shape{"mamba1-odd", 1, 1}, Shape{"mamba1-odd", 3, 2},
                                         Shape{"mamba2-groups", 3, 1}, Shape{"austen-mamba", 1, 2}),
                         [](const auto& shape) {
                           std::string name = shape.param.model;
                           std::erase(name, '-');
                           return name + "Batch" + std::to_string(shape.param.batch) + "Threads" +
                                  std::to_string(shape.param.threads);
                         });

TEST(StepUntilChecks, RefusesWhatStepRefuses) {
  BuildRequest request = request_for("mamba1-odd");
  request.isa = "x86-64-v3";
  Pair pair(built_artifact(request));
  const std::vector<std::byte> before = pair.tried_bytes();
  const auto until = [&](mambac_workspace* workspace, const void* input) {
    return pair.table.step_until(pair.weights, workspace, pair.tried.data(), input, pair.found.data(), INT64_MAX);
  };
  EXPECT_EQ(until(nullptr, pair.input()), MAMBAC_NULL_ARGUMENT);
  EXPECT_EQ(until(pair.workspace, nullptr), MAMBAC_NULL_ARGUMENT);
  const int32_t outside = pair.table.vocabulary;
  EXPECT_EQ(until(pair.workspace, &outside), MAMBAC_BAD_TOKEN);
  EXPECT_EQ(pair.tried_bytes(), before);
  EXPECT_STREQ(pair.table.status_message(MAMBAC_DEADLINE_PASSED),
               "the deadline passed before the step was done; the state is as it was");
}

TEST(StepUntilChecks, AllocatesNothingAndLocksNothing) {
  BuildRequest request = request_for("mamba1-odd");
  request.isa = "x86-64-v3";
  Pair pair(built_artifact(request));
  ASSERT_EQ(pair.step_until(INT64_MAX), MAMBAC_OK);
  const AllocationGuard guard;
  for (int step = 0; step < 1000; ++step) pair.step_until(step % 2 == 0 ? INT64_MAX : 0);
  const GuardedCalls calls = guard.calls();
  EXPECT_EQ(calls.allocations + calls.locks + calls.system_calls, 0);
}

}  // namespace
}  // namespace mambac
