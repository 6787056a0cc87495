#include "generator/bench/speed.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "generator/bench/program_calls.h"
#include "generator/bench/times.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr size_t most_samples = 1'000'000;
constexpr size_t least_rounds = 5, enough_rounds = 20;
constexpr Seconds slice(0.05);    // of one program in one round
constexpr int warm_up_calls = 3;  // after a limit, which empties caches

// A program, the times of its calls and the limits that the machine had beside each round of them.
class TimedProgram {
 public:
  TimedProgram(const Artifact& artifact, const std::string& name, int32_t tokens)
      : calls_(artifact, name, tokens), samples_(most_samples) {}

  void run_round(const MachineLimits& limits) {
    for (int i = 0; i < warm_up_calls; ++i) calls_.call();
    const size_t first = count_;
    const Clock::time_point begin = Clock::now();
    Clock::time_point before = begin;
    do {
      calls_.call();
      const Clock::time_point after = Clock::now();
      if (count_ < most_samples) samples_[count_++] = Seconds(after - before).count();
      before = after;
    } while (before - begin < slice);
    if (first == count_) return;
    const double middle =
        median({samples_.begin() + static_cast<long>(first), samples_.begin() + static_cast<long>(count_)});
    ratios_.push_back(middle / floor_of(calls_.work(), limits));
  }

  bool has_enough() const { return count_ >= enough_samples; }

  nlohmann::ordered_json result(const MachineLimits& limits, int32_t batch) const {
    const std::vector<double> times(samples_.begin(), samples_.begin() + static_cast<long>(count_));
    const nlohmann::ordered_json of_times = distribution(times);
    const double floor = floor_of(calls_.work(), limits), middle = median(times);
    std::vector<double> ratios = ratios_;
    std::sort(ratios.begin(), ratios.end());
    return {{"program", calls_.name()},
            {"batch", batch},
            {"tokens", calls_.tokens()},
            {"median_us", of_times["p50_us"]},
            {"p99_us", of_times["p99_us"]},
            {"p999_us", of_times["p999_us"]},
            {"max_us", of_times["max_us"]},
            {"samples", count_},
            {"floor_us", 1e6 * floor},
            {"ratio", middle / floor},
            {"ratio_p10", percentile(ratios, 0.1)},
            {"ratio_p90", percentile(ratios, 0.9)}};
  }

 private:
  ProgramCalls calls_;
  std::vector<double> samples_;  // seconds; written to beforehand, so that no page is missing while the clock runs
  size_t count_ = 0;
  std::vector<double> ratios_;  // of each round: its median over the floor of its own limits
};

}  // namespace

nlohmann::ordered_json measure_speed(const Artifact& artifact, double seconds) {
  const mambac_artifact& table = artifact.table();
  const nlohmann::ordered_json& cost = artifact.plan().at("cost");
  const size_t footprint =
      cost.at("weight_bytes").get<size_t>() + static_cast<size_t>(table.batch) * cost.at("state_bytes").get<size_t>();
  MachineLimitMeter meter(footprint, table.threads, table.isa);
  std::vector<std::unique_ptr<TimedProgram>> programs;
  if (artifact.has_program("step")) programs.push_back(std::make_unique<TimedProgram>(artifact, "step", 1));
  if (artifact.has_program("train")) {
    programs.push_back(std::make_unique<TimedProgram>(artifact, "train", table.train_tokens));
  }
  if (artifact.has_program("forward")) {
    programs.push_back(std::make_unique<TimedProgram>(artifact, "forward", table.forward_tokens));
  }

  std::vector<double> bandwidths, peaks;
  size_t rounds = 0;
  const auto finished = [&](double elapsed) {
    if (rounds < least_rounds) return false;
    const bool all_enough =
        std::all_of(programs.begin(), programs.end(), [](const auto& program) { return program->has_enough(); });
    return elapsed >= seconds || (rounds >= enough_rounds && all_enough);
  };
  for (const Clock::time_point start = Clock::now(); !finished(Seconds(Clock::now() - start).count()); ++rounds) {
    for (const auto& program : programs) {
      bandwidths.push_back(meter.measure_bytes_per_second());
      peaks.push_back(meter.measure_multiply_adds_per_second());
      program->run_round({bandwidths.back(), peaks.back()});
    }
  }

  const MachineLimits limits{median(bandwidths), median(peaks)};
  nlohmann::ordered_json result;
  for (const auto& program : programs) result["programs"].push_back(program->result(limits, table.batch));
  result["limits"] = {{"bytes_per_second", limits.bytes_per_second},
                      {"multiply_adds_per_second", limits.multiply_adds_per_second},
                      {"footprint_bytes", footprint},
                      {"threads", table.threads},
                      {"cores", meter.cores()},
                      {"rounds", rounds}};
  return result;
}

}  // namespace mambac
