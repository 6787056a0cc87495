#include "runtime/workers.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <new>
#include <random>
#include <thread>

#include "tests/sanitizers.h"

#if !MAMBAC_SANITIZED
namespace {
std::atomic<int> threads_before_failure = -1;  // negative: as many as anybody asks for
}  // namespace

// Takes the place of the C library's, to fail when a test wants it to.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*function)(void*),
                              void* argument) {
  if (threads_before_failure == 0) return EAGAIN;
  if (threads_before_failure > 0) --threads_before_failure;
  static const auto original = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return original(thread, attributes, function, argument);
}
#endif

namespace mambac {
namespace {

using mambac_runtime::Workers;
using std::chrono::microseconds;
using std::chrono::milliseconds;

int64_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

double processor_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return time.tv_sec + 1e-6 * time.tv_usec; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Repeats `round` up to `rounds` times, and stops early on a busy machine, where threads wait for cores.
template <typename Round>
void repeat(int rounds, Round round) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int number = 0; number < rounds && !testing::Test::HasFatalFailure(); ++number) {
    round();
    if (std::chrono::steady_clock::now() > end) return;
  }
}

// Every test runs with the counts of threads that deployments have, most of them more than this machine has cores.
template <typename Threads>
class WorkersTest : public testing::Test {
 protected:
  static constexpr int threads = Threads::value;
  using Pool = Workers<threads>;

  // A sanitizer starts a thread of its own beside the first one.
  static void SetUpTestSuite() {
    std::thread([] {}).join();
  }

  void SetUp() override {
    threads_before = threads_of_process();
    pool = new (memory) Pool;  // as in a workspace
    ASSERT_EQ(pool->start(), MAMBAC_OK);
  }
  void TearDown() override {
    pool->~Pool();
    EXPECT_EQ(threads_of_process(), threads_before);
  }

  alignas(64) std::byte memory[mambac_runtime::workers_bytes(threads)];
  Pool* pool = nullptr;
  int64_t threads_before = 0;
};

template <int threads>
using Count = std::integral_constant<int, threads>;
using Counts = testing::Types<Count<2>, Count<3>, Count<8>>;
TYPED_TEST_SUITE(WorkersTest, Counts);

TYPED_TEST(WorkersTest, EveryPartRunsOnceInACallAndPartZeroHere) {
  struct Call {
    std::array<int, TestFixture::threads> runs{};  // not atomic: run() is what orders them
    std::thread::id first;
  };
  repeat(5000, [&] {
    Call call;
    this->pool->run(
        [](void* argument, int part) {
          auto* call = static_cast<Call*>(argument);
          ++call->runs[part];
          if (part == 0) call->first = std::this_thread::get_id();
        },
        &call);
    for (const int runs : call.runs) ASSERT_EQ(runs, 1);
    ASSERT_EQ(call.first, std::this_thread::get_id());
  });
}

TYPED_TEST(WorkersTest, NobodyPassesTheBarrierBeforeAllHaveCome) {
  struct Call {
    typename TestFixture::Pool* pool;
    std::array<int, TestFixture::threads> phase{};  // not atomic: the barrier is what orders them
    std::atomic<int> wrong = 0;
  } call{this->pool};
  constexpr int phases = 20;
  repeat(100, [&] {
    call.phase = {};
    this->pool->run(
        [](void* argument, int part) {
          auto* call = static_cast<Call*>(argument);
          for (int phase = 1; phase <= phases; ++phase) {
            call->phase[part] = phase;
            call->pool->synchronize();
            for (const int other : call->phase) call->wrong += other != phase;
            call->pool->synchronize();
          }
        },
        &call);
    ASSERT_EQ(call.wrong, 0);
    for (const int phase : call.phase) ASSERT_EQ(phase, phases);
  });
}

// Pauses around the time at which workers go to sleep: a call must find each of them spinning, parking or parked.
TYPED_TEST(WorkersTest, CallsReachWorkersThatAreJustParking) {
  std::mt19937 random(1);
  std::array<int, TestFixture::threads> runs{};
  int rounds = 0;
  repeat(2000, [&] {
    const auto until = std::chrono::steady_clock::now() + microseconds(random() % 120);
    while (std::chrono::steady_clock::now() < until) {
    }
    this->pool->run([](void* argument, int part) { ++static_cast<int*>(argument)[part]; }, runs.data());
    ++rounds;
    for (const int count : runs) ASSERT_EQ(count, rounds);
  });
}

TYPED_TEST(WorkersTest, ParkedWorkersBurnNoCoreAndWakeAgain) {
  std::array<int, TestFixture::threads> runs{};
  for (int round = 1; round <= 3; ++round) {
    std::this_thread::sleep_for(milliseconds(50));
    const double before = processor_seconds();
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_LT(processor_seconds() - before, 0.02);
    this->pool->run([](void* argument, int part) { ++static_cast<int*>(argument)[part]; }, runs.data());
    for (const int count : runs) ASSERT_EQ(count, round);
  }
}

TYPED_TEST(WorkersTest, WorkersTakeDenormalsForZero) {
  std::array<float, TestFixture::threads> halves;
  this->pool->run(
      [](void* argument, int part) {
        volatile float value = std::numeric_limits<float>::min();
        value = value * 0.5f;
        static_cast<float*>(argument)[part] = value;
      },
      halves.data());
  EXPECT_EQ(halves[0], std::numeric_limits<float>::min() / 2) << "the caller's mode is the caller's";
  for (int part = 1; part < TestFixture::threads; ++part) EXPECT_EQ(halves[part], 0.0f) << "part " << part;
}

// A signal that is sent to the process never interrupts a worker, and the caller's mask is as it was.
TYPED_TEST(WorkersTest, WorkersTakeNoSignalsOfTheProcess) {
  struct Blocked {
    bool alarm, interrupt, fault;
  };
  std::array<Blocked, TestFixture::threads> blocked;
  this->pool->run(
      [](void* argument, int part) {
        sigset_t mask;
        pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        static_cast<Blocked*>(argument)[part] = {sigismember(&mask, SIGALRM) == 1, sigismember(&mask, SIGINT) == 1,
                                                 sigismember(&mask, SIGSEGV) == 1};
      },
      blocked.data());
  EXPECT_FALSE(blocked[0].alarm || blocked[0].interrupt || blocked[0].fault) << "the caller's mask is the caller's";
  for (int part = 1; part < TestFixture::threads; ++part) {
    EXPECT_TRUE(blocked[part].alarm && blocked[part].interrupt) << "part " << part;
    EXPECT_FALSE(blocked[part].fault) << "part " << part;
  }
}

TEST(Workers, OfSeveralWorkspacesDoNotMeet) {
  const auto drive = [] {
    Workers<2> pool;
    ASSERT_EQ(pool.start(), MAMBAC_OK);
    std::array<int, 2> runs{};
    for (int round = 0; round < 500; ++round) {
      pool.run([](void* argument, int part) { ++static_cast<int*>(argument)[part]; }, runs.data());
    }
    EXPECT_EQ(runs, (std::array<int, 2>{500, 500}));
  };
  std::thread other(drive);
  drive();
  other.join();
}

// All threads on one core: the barrier must hand it on rather than spin its time slice away.
TEST(Workers, MakeProgressOnOneCore) {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &all)) CPU_SET(core, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);  // of this thread, and those that it starts
  Workers<4> pool;
  ASSERT_EQ(pool.start(), MAMBAC_OK);
  const auto before = std::chrono::steady_clock::now();
  pool.run(
      [](void* argument, int) {
        for (int call = 0; call < 100; ++call) static_cast<Workers<4>*>(argument)->synchronize();
      },
      &pool);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
  sched_setaffinity(0, sizeof(all), &all);
}

TEST(Workers, ThatWereNeverCalledStop) {
  Workers<3> pool;
  EXPECT_EQ(pool.start(), MAMBAC_OK);
}

TEST(Workers, ThatWereNeverStartedLeaveNothing) { Workers<3> pool; }

#if !MAMBAC_SANITIZED
TEST(Workers, ThatCannotAllBeStartedLeaveNothing) {
  const int64_t before = threads_of_process();
  for (int started = 0; started < 3; ++started) {
    Workers<4> pool;
    threads_before_failure = started;
    EXPECT_EQ(pool.start(), MAMBAC_NO_THREADS);
    threads_before_failure = -1;
    EXPECT_EQ(threads_of_process(), before) << "after " << started << " had been started";
  }
}
#endif

}  // namespace
}  // namespace mambac
