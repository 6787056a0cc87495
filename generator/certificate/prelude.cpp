#include "generator/certificate/prelude.h"

#include "generator/specialize/specialize_prelude.h"

namespace mambac {

std::map<std::string, std::string> certificate_prelude() {
  std::map<std::string, std::string> prelude = standard_prelude();
  prelude["stddef.h"] = "#include <cstddef>\n";
  prelude["stdint.h"] = "#include <cstdint>\n";
  prelude["cstdint"] += "namespace std { using uintptr_t = __UINTPTR_TYPE__; }\nusing std::uintptr_t;\n";
  prelude["new"] = R"(#pragma once
#include <cstddef>
void* operator new(std::size_t bytes, void* place) noexcept;
)";
  prelude["cstring"] = R"(#pragma once
#include <cstddef>
namespace std {
extern "C" void* memcpy(void* to, const void* from, size_t bytes);
extern "C" void* memset(void* to, int value, size_t bytes);
}  // namespace std
)";
  // For the functions of training, which are not walked.
  prelude["cmath"] = R"(#pragma once
namespace std {
double acos(double value);
double cos(double value);
double log(double value);
double pow(double value, double exponent);
double sqrt(double value);
}  // namespace std
)";
  prelude["bit"] = R"(#pragma once
namespace std {
enum class endian { little = __ORDER_LITTLE_ENDIAN__, big = __ORDER_BIG_ENDIAN__, native = __BYTE_ORDER__ };
template <typename To, typename From>
constexpr To bit_cast(const From& from) noexcept { return __builtin_bit_cast(To, from); }
}  // namespace std
)";
  prelude["array"] = R"(#pragma once
#include <cstddef>
namespace std {
template <typename Value, size_t Size>
struct array {
  Value elements[Size];
  constexpr Value& operator[](size_t index) { return elements[index]; }
  constexpr const Value& operator[](size_t index) const { return elements[index]; }
  constexpr Value* begin() { return elements; }
  constexpr Value* end() { return elements + Size; }
};
}  // namespace std
)";
  prelude["atomic"] = R"(#pragma once
namespace std {
enum class memory_order : int { relaxed, consume, acquire, release, acq_rel, seq_cst };
inline constexpr memory_order memory_order_relaxed = memory_order::relaxed;
inline constexpr memory_order memory_order_acquire = memory_order::acquire;
inline constexpr memory_order memory_order_release = memory_order::release;
inline constexpr memory_order memory_order_acq_rel = memory_order::acq_rel;
inline constexpr memory_order memory_order_seq_cst = memory_order::seq_cst;
void atomic_signal_fence(memory_order order) noexcept;
template <typename Value>
class atomic {
 public:
  atomic() noexcept;
  atomic(Value value) noexcept;
  Value load(memory_order order = memory_order::seq_cst) const noexcept;
  void store(Value value, memory_order order = memory_order::seq_cst) noexcept;
  Value exchange(Value value, memory_order order = memory_order::seq_cst) noexcept;
  Value fetch_add(Value value, memory_order order = memory_order::seq_cst) noexcept;
  Value fetch_sub(Value value, memory_order order = memory_order::seq_cst) noexcept;
 private:
  Value value_;
};
}  // namespace std
)";
  prelude["chrono"] = R"(#pragma once
namespace std::chrono {
struct microseconds { explicit microseconds(long count); };
struct steady_clock {
  struct time_point {};
  static time_point now() noexcept;
};
steady_clock::time_point operator+(steady_clock::time_point from, microseconds duration);
bool operator<(steady_clock::time_point first, steady_clock::time_point second);
}  // namespace std::chrono
)";
  prelude["thread"] = R"(#pragma once
namespace std {
class thread {
 public:
  thread() noexcept;
  template <typename Function>
  explicit thread(Function&& function);
  thread& operator=(thread&& other) noexcept;
  ~thread();
  bool joinable() const noexcept;
  void join();
 private:
  unsigned long handle_;
};
namespace this_thread {
void yield() noexcept;
}  // namespace this_thread
}  // namespace std
)";
  // The numbers are those of Linux; starting the workers, which alone uses them, is no part of a call.
  prelude["signal.h"] = R"(#pragma once
struct sigset_t { unsigned long words[16]; };
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
enum { SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11 };
extern "C" int sigfillset(sigset_t* set);
extern "C" int sigdelset(sigset_t* set, int signal);
extern "C" int pthread_sigmask(int how, const sigset_t* set, sigset_t* before);
)";
  prelude["semaphore.h"] = R"(#pragma once
struct sem_t { alignas(long) char bytes[32]; };
extern "C" int sem_init(sem_t* semaphore, int shared, unsigned value);
extern "C" int sem_destroy(sem_t* semaphore);
extern "C" int sem_post(sem_t* semaphore);
extern "C" int sem_wait(sem_t* semaphore);
)";
  prelude["time.h"] = R"(#pragma once
#define CLOCK_MONOTONIC 1
struct timespec { long tv_sec; long tv_nsec; };
extern "C" int clock_gettime(int clock, timespec* time);
)";
  prelude["xmmintrin.h"] = R"(#pragma once
unsigned _mm_getcsr();
void _mm_setcsr(unsigned value);
)";
  prelude["immintrin.h"] = R"(#pragma once
#include <xmmintrin.h>
typedef float __m256 __attribute__((vector_size(32)));
typedef float __m512 __attribute__((vector_size(64)));
__m256 _mm256_fmadd_ps(__m256 a, __m256 b, __m256 c);
__m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c);
void _mm512_stream_ps(void* to, __m512 value);
void _mm_sfence();
)";
  return prelude;
}

}  // namespace mambac
