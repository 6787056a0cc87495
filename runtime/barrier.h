// Where all threads of a call meet. Waiting spins, since the others are a fraction of a microsecond away; only a wait
// that has become long (more threads than cores, a thread descheduled) hands the core on between two looks. That
// sched_yield is the one system call that a step may make.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace mambac_runtime {

// Tells the core that this thread spins.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

template <int threads>
class Barrier {
 public:
  // Everything any of the threads did before it comes here has happened for each of them when they go on.
  void synchronize() { wait(arrive()); }

  // The two halves, for a thread that arrives and need not wait. arrive() returns the count of arrivals that completes
  // its round. The count only grows (in 64 bits for ever), so that nobody has to set anything back.
  uint64_t arrive() {
    const uint64_t before = arrived_.fetch_add(1, std::memory_order_acq_rel);
    return (before / threads + 1) * threads;
  }
  void wait(uint64_t complete) const {
    constexpr int patient_spins = 2000;  // some tens of microseconds
    for (int spins = 0; arrived_.load(std::memory_order_acquire) < complete; ++spins) {
      if (spins < patient_spins) {
        spin_pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  alignas(64) std::atomic<uint64_t> arrived_ = 0;  // a cache line of its own
};

}  // namespace mambac_runtime
