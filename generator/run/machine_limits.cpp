#include "generator/run/machine_limits.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t largest_footprint = size_t{1} << 30;
constexpr size_t read_step = 512;  // bytes that one turn of a reading loop reads; parts are multiples of it
constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t least_read = size_t{1} << 20;  // bytes between two looks at the clock
constexpr int64_t multiply_add_turns = 20'000;  // of a multiply-add loop: some tens of microseconds
constexpr int64_t accumulators = 12;            // enough to hide the latency of two multiply-adds a cycle
constexpr double exponential_multiply_adds = 16;
constexpr std::chrono::milliseconds least_time(1);

// Assembly, so that neither the compiler's level of optimization nor its cleverness changes what is measured.
#if defined(__x86_64__)

// Reads four streams at once, for one alone does not saturate the memory behind the caches. A turn takes 128 bytes of
// each; %0 is in the first stream, %1 in the last, %2 counts turns, %3 is the distance between streams.
#define MAMBAC_READ_LOOP(instructions)               \
  const std::byte* last = from + 3 * stream_bytes;   \
  size_t turns = stream_bytes / 128;                 \
  asm volatile("1:\n" instructions                   \
               "add $128, %0\n"                      \
               "add $128, %1\n"                      \
               "dec %2\n"                            \
               "jnz 1b\n"                            \
               "vzeroupper\n"                        \
               : "+r"(from), "+r"(last), "+r"(turns) \
               : "r"(stream_bytes)                   \
               : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7")

void read_avx512(const std::byte* from, size_t stream_bytes) {
  MAMBAC_READ_LOOP(
      "vmovaps (%0), %%zmm0\n vmovaps 64(%0), %%zmm1\n"
      "vmovaps (%0,%3), %%zmm2\n vmovaps 64(%0,%3), %%zmm3\n"
      "vmovaps (%0,%3,2), %%zmm4\n vmovaps 64(%0,%3,2), %%zmm5\n"
      "vmovaps (%1), %%zmm6\n vmovaps 64(%1), %%zmm7\n");
}

void read_avx2(const std::byte* from, size_t stream_bytes) {
  MAMBAC_READ_LOOP(
      "vmovaps (%0), %%ymm0\n vmovaps 32(%0), %%ymm1\n vmovaps 64(%0), %%ymm2\n vmovaps 96(%0), %%ymm3\n"
      "vmovaps (%0,%3), %%ymm4\n vmovaps 32(%0,%3), %%ymm5\n vmovaps 64(%0,%3), %%ymm6\n vmovaps 96(%0,%3), %%ymm7\n"
      "vmovaps (%0,%3,2), %%ymm0\n vmovaps 32(%0,%3,2), %%ymm1\n"
      "vmovaps 64(%0,%3,2), %%ymm2\n vmovaps 96(%0,%3,2), %%ymm3\n"
      "vmovaps (%1), %%ymm4\n vmovaps 32(%1), %%ymm5\n vmovaps 64(%1), %%ymm6\n vmovaps 96(%1), %%ymm7\n");
}

// Registers 0 to 11 accumulate; all values are zero.
#define MAMBAC_MULTIPLY_ADD(v, n) "vfmadd231ps %%" v "12, %%" v "13, %%" v #n "\n"
#define MAMBAC_CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define MAMBAC_MULTIPLY_ADD_LOOP(v) \
  asm volatile(MAMBAC_CLEAR(0) MAMBAC_CLEAR(1) MAMBAC_CLEAR(2) MAMBAC_CLEAR(3) MAMBAC_CLEAR(4) MAMBAC_CLEAR(5)       \
                   MAMBAC_CLEAR(6) MAMBAC_CLEAR(7) MAMBAC_CLEAR(8) MAMBAC_CLEAR(9) MAMBAC_CLEAR(10) MAMBAC_CLEAR(11) \
                       MAMBAC_CLEAR(12) MAMBAC_CLEAR(13)                                                             \
               "1:\n" MAMBAC_MULTIPLY_ADD(v, 0) MAMBAC_MULTIPLY_ADD(v, 1) MAMBAC_MULTIPLY_ADD(v, 2)                  \
                   MAMBAC_MULTIPLY_ADD(v, 3) MAMBAC_MULTIPLY_ADD(v, 4) MAMBAC_MULTIPLY_ADD(v, 5)                     \
                       MAMBAC_MULTIPLY_ADD(v, 6) MAMBAC_MULTIPLY_ADD(v, 7) MAMBAC_MULTIPLY_ADD(v, 8)                 \
                           MAMBAC_MULTIPLY_ADD(v, 9) MAMBAC_MULTIPLY_ADD(v, 10) MAMBAC_MULTIPLY_ADD(v, 11)           \
               "dec %0\n"                                                                                            \
               "jnz 1b\n"                                                                                            \
               "vzeroupper\n"                                                                                        \
               : "+r"(count)                                                                                         \
               :                                                                                                     \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",      \
                 "xmm11", "xmm12", "xmm13")

void loop_in_registers(int64_t turns) { asm volatile("1:\n dec %0\n jnz 1b\n" : "+r"(turns) : : "cc"); }

void multiply_add_avx512(int64_t count) { MAMBAC_MULTIPLY_ADD_LOOP("zmm"); }
void multiply_add_avx2(int64_t count) { MAMBAC_MULTIPLY_ADD_LOOP("ymm"); }

#else
#error "Write down here how this architecture reads memory and multiplies and adds at its best."
#endif

// Cores that this process may run on.
int usable_cores() {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? std::max(1, CPU_COUNT(&cores)) : 1;
}

// Huge pages, so that the limit is the memory's and not the page table's.
void* allocate(size_t bytes) {
  const size_t rounded = (bytes + huge_page - 1) / huge_page * huge_page;
  void* memory = std::aligned_alloc(huge_page, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  madvise(memory, rounded, MADV_HUGEPAGE);  // only a wish
  std::memset(memory, 0, rounded);
  return memory;
}

}  // namespace

MachineLimitMeter::MachineLimitMeter(size_t footprint_bytes, int threads, const std::string& isa)
    : threads_(std::min(threads, usable_cores())),
      avx512_(isa == "x86-64-v4"),
      part_bytes_((std::min(footprint_bytes, largest_footprint) / threads_ + read_step) / read_step * read_step),
      memory_(allocate(part_bytes_ * threads_), std::free) {}

double MachineLimitMeter::measure(const std::function<double(int)>& work) const {
  std::atomic<int> waiting{threads_};
  std::vector<double> rates(threads_);
  const auto run = [&](int thread) {
    work(thread);
    waiting.fetch_sub(1);
    while (waiting.load() > 0) {
    }
    std::vector<double> of_thread;
    const Clock::time_point start = Clock::now();
    Clock::time_point before = start;
    do {
      const double amount = work(thread);
      const Clock::time_point after = Clock::now();
      of_thread.push_back(amount / std::chrono::duration<double>(after - before).count());
      before = after;
    } while (before - start < least_time);
    std::nth_element(of_thread.begin(), of_thread.begin() + of_thread.size() / 2, of_thread.end());
    rates[thread] = of_thread[of_thread.size() / 2];
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < threads_; ++thread) others.emplace_back(run, thread);
  run(0);
  others.clear();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

double MachineLimitMeter::measure_bytes_per_second() {
  return measure([this](int thread) {
    const std::byte* part = static_cast<const std::byte*>(memory_.get()) + thread * part_bytes_;
    const size_t passes = 1 + least_read / part_bytes_;
    for (size_t pass = 0; pass < passes; ++pass) (avx512_ ? read_avx512 : read_avx2)(part, part_bytes_ / 4);
    return static_cast<double>(passes * part_bytes_);
  });
}

double MachineLimitMeter::measure_multiply_adds_per_second() {
  return measure([this](int) {
    (avx512_ ? multiply_add_avx512 : multiply_add_avx2)(multiply_add_turns);
    return static_cast<double>(multiply_add_turns * accumulators * (avx512_ ? 16 : 8));
  });
}

void spin_in_registers(int64_t turns) { loop_in_registers(turns); }

Work work_of(const nlohmann::ordered_json& cost, int64_t batch, int64_t tokens, int64_t output_tokens) {
  const auto of = [&](const char* name) { return cost.at(name).get<double>(); };
  const double sequences = static_cast<double>(batch);
  Work work;
  work.bytes = of("weight_bytes") + 2 * sequences * of("state_bytes");
  work.multiply_adds = sequences * (tokens * (of("matrix_multiply_adds") + of("recurrence_multiply_adds")) +
                                    output_tokens * of("head_multiply_adds"));
  work.exponentials = sequences * tokens * of("exponentials");
  return work;
}

Work training_work_of(const nlohmann::ordered_json& cost, int64_t batch, int64_t tokens, int64_t parameters) {
  const auto of = [&](const char* name) { return cost.at(name).get<double>(); };
  const double sequences = static_cast<double>(batch), rows = sequences * static_cast<double>(tokens);
  const double gradient_bytes = static_cast<double>(parameters) * sizeof(float);
  Work work;
  work.bytes = 2 * of("weight_bytes") + 2 * gradient_bytes + 2 * sequences * of("state_bytes");
  work.multiply_adds =
      rows * (3 * (of("matrix_multiply_adds") + of("head_multiply_adds")) + of("recurrence_multiply_adds"));
  work.exponentials = rows * of("exponentials");
  return work;
}

double floor_of(const Work& work, const MachineLimits& limits) {
  return std::max(work.bytes / limits.bytes_per_second, work.multiply_adds / limits.multiply_adds_per_second) +
         exponential_multiply_adds * work.exponentials / limits.multiply_adds_per_second;
}

}  // namespace mambac
