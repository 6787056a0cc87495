// The threads of a workspace: they are started once and run the parts of one call after another.
//
// Between calls a worker spins for some tens of microseconds, for calls that follow one another closely, and then
// sleeps on its semaphore: parked workers burn no core. A call wakes those that sleep, and makes no system call if none
// does. A semaphore of POSIX rather than std::atomic::wait, which in libstdc++ keeps a global table.
//
// An artifact of one thread has none of this.
#pragma once

#include <semaphore.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "runtime/barrier.h"
#include "runtime/floating_point_mode.h"
#include "runtime/mambac.h"

namespace mambac_runtime {

// `threads`: the calling one and threads - 1 workers. Lies in memory of the caller; only start() allocates (what
// std::thread needs). One call at a time; start() and the destructor on any thread, while no call runs.
template <int threads>
class Workers {
  static_assert(threads > 1);

 public:
  using Function = void (*)(void* argument, int part);

  Workers() = default;
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Starts the workers, once. MAMBAC_OK; or MAMBAC_NO_THREADS, and none is left behind.
  int start() noexcept {
    const NoSignals mask;  // that the workers begin with
    try {
      for (int part = 1; part < threads; ++part) {
        Worker& worker = workers_[part - 1];
        worker.thread = std::thread([this, &worker, part] { serve(worker, part); });
      }
    } catch (...) {  // std::system_error, or std::bad_alloc
      stop();
      return MAMBAC_NO_THREADS;
    }
    return MAMBAC_OK;
  }

  // Runs function(argument, part) for every part below `threads`, part 0 on this thread; returns when all have
  // finished.
  void run(Function function, void* argument) {
    begin(function, argument);
    function(argument, 0);
    barrier_.synchronize();
  }

  // Within a run, called by every part: none goes on before all have come.
  void synchronize() { barrier_.synchronize(); }

 private:
  // Blocks signals on this thread for a while: those that are sent to the process are for the host's threads to handle,
  // whatever the mask of the thread that opens a workspace. What a thread brings on itself is not blocked.
  class NoSignals {
   public:
    NoSignals() {
      sigset_t signals;
      sigfillset(&signals);
      constexpr int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
      for (const int signal : own) sigdelset(&signals, signal);
      pthread_sigmask(SIG_BLOCK, &signals, &before_);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

   private:
    sigset_t before_;
  };

  struct alignas(64) Worker {
    Worker() { sem_init(&wake, 0, 0); }
    ~Worker() { sem_destroy(&wake); }
    std::atomic<bool> parked = false;
    sem_t wake;  // posted exactly once by whoever takes `parked` back
    std::thread thread;
  };

  void begin(Function function, void* argument) {
    function_ = function;
    argument_ = argument;
    calls_.fetch_add(1);
    for (Worker& worker : workers_) {
      if (worker.parked.load() && worker.parked.exchange(false)) sem_post(&worker.wake);
    }
  }

  void stop() {
    begin(nullptr, nullptr);
    for (Worker& worker : workers_) {
      if (worker.thread.joinable()) worker.thread.join();
    }
  }

  void serve(Worker& worker, int part) {
    const FloatingPointMode mode;
    for (uint64_t calls = 0;; ++calls) {
      await_call(worker, calls);
      if (function_ == nullptr) return;
      function_(argument_, part);
      barrier_.arrive();
    }
  }

  // Returns when more than `calls` calls have begun.
  void await_call(Worker& worker, uint64_t calls) {
    using Clock = std::chrono::steady_clock;
    constexpr int looks_per_time = 32;  // the clock is slow beside a look
    const Clock::time_point patience = Clock::now() + std::chrono::microseconds(50);
    do {
      for (int look = 0; look < looks_per_time; ++look) {
        if (calls_.load(std::memory_order_acquire) > calls) return;
        spin_pause();
      }
    } while (Clock::now() < patience);
    // More than once where begin() is late with the wake of a call that this thread has already run and left.
    while (calls_.load() <= calls) park(worker, calls);
  }

  // Sleeps until begin() wakes this thread. Sequentially consistent against it: either this thread sees the new call,
  // or begin() sees it parked. If both do, the exchange tells who was first, and a post that was made is taken.
  void park(Worker& worker, uint64_t calls) {
    worker.parked.store(true);
    if (calls_.load() > calls && worker.parked.exchange(false)) return;
    while (sem_wait(&worker.wake) != 0) {  // a signal interrupted it
    }
  }

  alignas(64) std::atomic<uint64_t> calls_ = 0;  // begun so far; a cache line with what a call hands over
  Function function_ = nullptr;                  // null: stop
  void* argument_ = nullptr;
  Barrier<threads> barrier_;
  std::array<Worker, threads - 1> workers_;
};

// Bytes that Workers<threads> takes, for plans: one line for the call, one for the barrier, one for each worker.
constexpr size_t workers_bytes(int threads) { return 64 * (static_cast<size_t>(threads) + 1); }
static_assert(sizeof(Workers<2>) == workers_bytes(2) && sizeof(Workers<7>) == workers_bytes(7));

}  // namespace mambac_runtime
