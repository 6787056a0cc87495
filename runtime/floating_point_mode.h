// The floating-point mode of a call: round to nearest, no traps, and denormals are zero, as inputs and as results, so
// that a decaying state cannot slow a step down. The caller's mode, sticky flags included, is restored exactly.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#error "runtime/floating_point_mode.h: add the control register of this architecture"
#endif

namespace mambac_runtime {

class FloatingPointMode {
 public:
  FloatingPointMode() : caller_(get()) {
    set(call_mode);
    keep_order();
  }
  ~FloatingPointMode() {
    keep_order();
    set(caller_);
  }
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
  // Keeps the compiler from moving loads and stores, and so the arithmetic between them, over a change of the mode.
  static void keep_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

#if defined(__x86_64__)
  using Register = uint32_t;  // MXCSR
  // Flush to zero (bit 15), every exception masked (bits 12 to 7), denormals are zero (bit 6).
  static constexpr Register call_mode = 0x8000 | 0x1f80 | 0x0040;
  static Register get() { return _mm_getcsr(); }
  static void set(Register mode) { _mm_setcsr(mode); }
#else
  using Register = uint64_t;                         // FPCR
  static constexpr Register call_mode = 1ull << 24;  // flush to zero, inputs and results
  static Register get() {
    Register mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void set(Register mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#endif

  Register caller_;
};

}  // namespace mambac_runtime
