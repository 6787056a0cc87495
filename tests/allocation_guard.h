// Counts what a real-time call must not do: allocate, take a lock, ask the system, miss a page. Linking
// allocation_guard.cpp into a test replaces those functions of the C library in the whole process; they do their work
// and count while a guard lives.
#pragma once

#include <cstdint>
#include <functional>

namespace mambac {

// Calls by any thread of the process.
struct GuardedCalls {
  int64_t allocations = 0;   // malloc, calloc, realloc, free, the aligned ones, mmap, munmap
  int64_t locks = 0;         // of a mutex, waits and signals of a condition variable
  int64_t system_calls = 0;  // sem_wait, sem_post, sched_yield, nanosleep, syscall (futex)
  int64_t page_faults = 0;   // of this thread, as the system counts them: minor and major
};

// Under a sanitizer, which replaces those functions itself, only allocations from the heap are counted.
extern const bool guard_counts_everything;

// One at a time.
class AllocationGuard {
 public:
  AllocationGuard();
  ~AllocationGuard();
  AllocationGuard(const AllocationGuard&) = delete;
  AllocationGuard& operator=(const AllocationGuard&) = delete;

  GuardedCalls calls() const;  // since the guard was made, on the thread that made it

 private:
  int64_t page_faults_before_;
};

// What `work` asks for, in up to three rounds of it: calls are those of all rounds; page faults those of the best one,
// because a busy machine takes pages away from any process, while work that misses pages by itself does so every time.
GuardedCalls guarded_calls_of(const std::function<void()>& work);

}  // namespace mambac
