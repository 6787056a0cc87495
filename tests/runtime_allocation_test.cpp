// What of the runtime runs inside step and forward neither allocates, nor locks, nor asks the system; and the guards
// that say so for whole artifacts see it when it happens.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/floating_point_mode.h"
#include "runtime/state_header.h"
#include "runtime/workers.h"
#include "tests/allocation_guard.h"
#include "tests/system_call_guard.h"

namespace mambac {
namespace {

using mambac_runtime::FloatingPointMode;
using mambac_runtime::has_state_header;
using mambac_runtime::Workers;

constexpr auto header =
    mambac_runtime::make_state_header("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");

// An allocation that no optimizer takes away.
void allocate_and_free() {
  void* volatile memory = std::malloc(10);
  std::free(memory);
}

TEST(AllocationGuard, CountsTheHeap) {
  const AllocationGuard guard;
  allocate_and_free();
  EXPECT_EQ(guard.calls().allocations, 2);
  std::vector<int> numbers(1);
  numbers.resize(1000);
  EXPECT_GE(guard.calls().allocations, 5);
}

TEST(AllocationGuard, CountsMappingsLocksAndSystemCalls) {
  if (!guard_counts_everything) GTEST_SKIP() << "a sanitizer has replaced these functions";
  const AllocationGuard guard;
  void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  munmap(memory, 4096);
  EXPECT_EQ(guard.calls().allocations, 2);

  std::mutex mutex;
  std::condition_variable condition;
  {
    const std::lock_guard lock(mutex);
  }
  condition.notify_all();
  EXPECT_EQ(guard.calls().locks, 2);

  EXPECT_EQ(syscall(SYS_getpid), getpid());
  std::this_thread::yield();
  EXPECT_EQ(guard.calls().system_calls, 2);
}

TEST(AllocationGuard, CountsMissingPages) {
  constexpr size_t pages = 16, page_bytes = 4096;
  void* memory = mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, pages * page_bytes, MADV_NOHUGEPAGE);
  volatile auto* bytes = static_cast<unsigned char*>(memory);
  const auto touch = [&] {
    for (size_t page = 0; page < pages; ++page) bytes[page * page_bytes] = 1;
  };
  {
    const AllocationGuard guard;
    touch();
    EXPECT_GE(guard.calls().page_faults, int64_t{pages});
  }
  const AllocationGuard guard;
  touch();
  EXPECT_EQ(guard.calls().page_faults, 0);
  munmap(memory, pages * page_bytes);
}

TEST(AllocationGuard, CountsOtherThreadsAndStopsWithItsLife) {
  std::atomic<bool> go = false;
  std::thread other([&] {
    while (!go) mambac_runtime::spin_pause();
    allocate_and_free();
  });
  {
    const AllocationGuard guard;
    go = true;
    other.join();
    EXPECT_GE(guard.calls().allocations, 2);
  }
  allocate_and_free();
  const AllocationGuard next;
  EXPECT_EQ(next.calls().allocations, 0);
}

TEST(SystemCallGuard, TellsACallFromNone) {
  if (system_calls_of([] {}) == SystemCalls::unknown) GTEST_SKIP() << "cannot be known here";
  EXPECT_EQ(system_calls_of([] {}), SystemCalls::none);
  EXPECT_EQ(system_calls_of([] { getppid(); }), SystemCalls::some);
}

TEST(Runtime, ModeAndStateHeaderAskForNothing) {
  std::vector<unsigned char> state(4096);
  mambac_runtime::reset_state(state.data(), state.size(), header);
  const auto call = [&] {
    const FloatingPointMode mode;
    return has_state_header(state.data(), header);
  };
  {
    const AllocationGuard guard;
    EXPECT_TRUE(call());
    EXPECT_EQ(guard.calls().allocations + guard.calls().locks + guard.calls().system_calls, 0);
  }
  const SystemCalls calls = system_calls_of(call);
  if (calls == SystemCalls::unknown) GTEST_SKIP() << "cannot be known here";
  EXPECT_EQ(calls, SystemCalls::none);
}

// Two threads; a machine of one core may yield in the barrier, and a worker that was away from its core may have
// parked.
TEST(Runtime, CallsOfWorkersAllocateNothing) {
  Workers<2> workers;
  ASSERT_EQ(workers.start(), MAMBAC_OK);
  const auto part = [](void* argument, int) {
    for (int call = 0; call < 10; ++call) static_cast<Workers<2>*>(argument)->synchronize();
  };
  workers.run(part, &workers);  // from here on they have surely started
  const AllocationGuard guard;
  for (int run = 0; run < 100; ++run) workers.run(part, &workers);
  const GuardedCalls calls = guard.calls();
  EXPECT_EQ(calls.allocations, 0);
  EXPECT_EQ(calls.locks, 0);
  if (guard_counts_everything) RecordProperty("system_calls", static_cast<int>(calls.system_calls));
}

TEST(Runtime, OnlyParkedWorkersAreWokenByTheSystem) {
  if (!guard_counts_everything) GTEST_SKIP() << "a sanitizer has replaced these functions";
  Workers<2> workers;
  ASSERT_EQ(workers.start(), MAMBAC_OK);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const AllocationGuard guard;
  workers.run([](void*, int) {}, nullptr);
  EXPECT_GE(guard.calls().system_calls, 1);  // sem_post
  EXPECT_EQ(guard.calls().allocations + guard.calls().locks, 0);
}

}  // namespace
}  // namespace mambac
