#include "tests/allocation_guard.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>

#include "tests/sanitizers.h"

#if MAMBAC_SANITIZED
// Of <sanitizer/allocator_interface.h>, which g++ does not bring along.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, size_t),
                                                         void (*free_hook)(const volatile void*));
#endif

namespace mambac {

namespace {

std::atomic<bool> armed = false;
std::atomic<int64_t> allocations = 0, locks = 0, system_calls = 0;

void count(std::atomic<int64_t>& counter) {
  if (armed.load(std::memory_order_relaxed)) counter.fetch_add(1, std::memory_order_relaxed);
}

int64_t page_faults_of_thread() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

}  // namespace

AllocationGuard::AllocationGuard() {
  allocations = locks = system_calls = 0;
  page_faults_before_ = page_faults_of_thread();
  armed = true;
}

AllocationGuard::~AllocationGuard() { armed = false; }

GuardedCalls AllocationGuard::calls() const {
  return {allocations, locks, system_calls, page_faults_of_thread() - page_faults_before_};
}

GuardedCalls guarded_calls_of(const std::function<void()>& work) {
  GuardedCalls sum;
  for (int round = 0; round < 3; ++round) {
    const AllocationGuard guard;
    work();
    const GuardedCalls calls = guard.calls();
    sum.allocations += calls.allocations, sum.locks += calls.locks, sum.system_calls += calls.system_calls;
    sum.page_faults = round == 0 ? calls.page_faults : std::min(sum.page_faults, calls.page_faults);
    if (sum.page_faults == 0) break;
  }
  return sum;
}

#if MAMBAC_SANITIZED

const bool guard_counts_everything = false;

namespace {
[[maybe_unused]] const int hooks_installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { count(allocations); }, [](const volatile void*) { count(allocations); });
}  // namespace

}  // namespace mambac

#else

const bool guard_counts_everything = true;

namespace {

// The C library's own function behind one that this file replaces. Looked up at the first call, which may come before
// any constructor has run.
template <typename Function>
Function* original(std::atomic<Function*>& known, const char* name) {
  Function* function = known.load(std::memory_order_relaxed);
  if (function == nullptr) {
    function = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
    known.store(function, std::memory_order_relaxed);
  }
  return function;
}

}  // namespace

}  // namespace mambac

// The heap of glibc under its second names: dlsym allocates, and so cannot find it.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

#define COUNT_AND_FORWARD(counter, result, name, parameters, arguments) \
  extern "C" result name parameters {                                   \
    static std::atomic<result(*) parameters> known;                     \
    mambac::count(mambac::counter);                                     \
    return mambac::original(known, #name) arguments;                    \
  }

extern "C" {

void* malloc(size_t bytes) {
  mambac::count(mambac::allocations);
  return __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) {
  mambac::count(mambac::allocations);
  return __libc_calloc(count, bytes);
}

void* realloc(void* memory, size_t bytes) {
  mambac::count(mambac::allocations);
  return __libc_realloc(memory, bytes);
}

void free(void* memory) {
  mambac::count(mambac::allocations);
  __libc_free(memory);
}

void* memalign(size_t alignment, size_t bytes) {
  mambac::count(mambac::allocations);
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

// Six arguments, the most that a system call has; those that were not given are not looked at.
long syscall(long number, ...) {
  static std::atomic<long (*)(long, ...)> known;
  mambac::count(mambac::system_calls);
  va_list list;
  va_start(list, number);
  long argument[6];
  for (long& value : argument) value = va_arg(list, long);
  va_end(list);
  return mambac::original(known, "syscall")(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                                            argument[5]);
}
}

COUNT_AND_FORWARD(allocations, void*, mmap, (void* at, size_t bytes, int protection, int flags, int file, off_t offset),
                  (at, bytes, protection, flags, file, offset))
COUNT_AND_FORWARD(allocations, int, munmap, (void* at, size_t bytes), (at, bytes))
COUNT_AND_FORWARD(locks, int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
COUNT_AND_FORWARD(locks, int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex),
                  (condition, mutex))
COUNT_AND_FORWARD(locks, int, pthread_cond_signal, (pthread_cond_t * condition), (condition))
COUNT_AND_FORWARD(locks, int, pthread_cond_broadcast, (pthread_cond_t * condition), (condition))
COUNT_AND_FORWARD(system_calls, int, sem_wait, (sem_t * semaphore), (semaphore))
COUNT_AND_FORWARD(system_calls, int, sem_post, (sem_t * semaphore), (semaphore))
COUNT_AND_FORWARD(system_calls, int, sched_yield, (), ())
COUNT_AND_FORWARD(system_calls, int, nanosleep, (const timespec* duration, timespec* rest), (duration, rest))

#endif
