#include "generator/bench/tail.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "generator/bench/program_calls.h"
#include "generator/bench/times.h"
#include "generator/run/machine_limits.h"
#include "generator/text/random.h"
#include "runtime/state_header.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr size_t warm_up_calls = 100;

template <typename Call>
double time_of(Call call) {
  const Clock::time_point before = Clock::now();
  call();
  return Seconds(Clock::now() - before).count();
}

template <typename Call>
double median_time(size_t calls, Call call) {
  std::vector<double> times(calls);
  for (double& time : times) time = time_of(call);
  return median(times);
}

// Turns of the loop that take as long.
int64_t turns_of(double seconds) {
  constexpr int64_t probe = 20'000;
  return std::max<int64_t>(1,
                           static_cast<int64_t>(probe * seconds / median_time(101, [] { spin_in_registers(probe); })));
}

// Every float behind the header becomes a denormal, of either sign.
void fill_with_denormals(std::span<std::byte> state) {
  constexpr uint32_t mantissa = 0x007fffff, sign = 0x80000000;
  for (size_t at = sizeof(mambac_runtime::StateHeader); at + sizeof(float) <= state.size(); at += sizeof(float)) {
    const auto bits = static_cast<uint32_t>(random_bits(2, at)) & (mantissa | sign);
    std::memcpy(&state[at], &bits, sizeof bits);
  }
}

}  // namespace

TailTimes measure_tail(const Artifact& artifact, size_t calls, double seconds) {
  ProgramCalls steps(artifact, "step", 1);
  const int64_t turns = turns_of(median_time(warm_up_calls, [&] { steps.call(); }));
  // Written to beforehand, so that no page is missing while the clock runs.
  TailTimes times{std::vector<double>(calls), std::vector<double>(calls)};
  size_t count = 0;
  const Clock::time_point start = Clock::now();
  while (count < calls && (count < warm_up_calls || Seconds(Clock::now() - start).count() < seconds)) {
    times.step[count] = time_of([&] { steps.call(); });
    times.registers[count] = time_of([&] { spin_in_registers(turns); });
    ++count;
  }
  times.step.resize(count);
  times.registers.resize(count);
  return times;
}

DenormalTimes measure_denormals(const Artifact& artifact) {
  constexpr size_t calls = 1000;
  constexpr double seconds = 3;
  ProgramCalls steps(artifact, "step", 1);
  for (size_t i = 0; i < warm_up_calls; ++i) steps.call();
  const std::vector<std::byte> usual = steps.state();
  std::vector<std::byte> denormal = usual;
  fill_with_denormals(denormal);
  std::vector<double> times_usual, times_denormal;
  const auto measure = [&](const std::vector<std::byte>& state, std::vector<double>& times) {
    steps.set_state(state);
    times.push_back(time_of([&] { steps.call(); }));
  };
  const Clock::time_point start = Clock::now();
  while (times_usual.size() < calls && (times_usual.empty() || Seconds(Clock::now() - start).count() < seconds)) {
    measure(usual, times_usual);
    measure(denormal, times_denormal);
  }
  return {median(times_usual), median(times_denormal)};
}

}  // namespace mambac
