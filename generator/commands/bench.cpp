// `mambac bench`: how long an artifact's programs take, next to the floor of this machine (bench/README.md).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/run/host.h"
#include "generator/run/machine_limits.h"
#include "generator/text/random.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr size_t enough_samples = 10'000;  // for p99.9
constexpr size_t most_samples = 1'000'000;
constexpr size_t least_rounds = 5, enough_rounds = 20;
constexpr Seconds slice(0.05);    // of one program in one round
constexpr int warm_up_calls = 3;  // after a limit, which empties caches
constexpr size_t inputs = 256;    // different ones, that calls take in turn
constexpr uint64_t seed = 1;

// The nearest-rank percentile.
double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

// Tokens or values of `inputs` calls of `forward_tokens` tokens.
class Inputs {
 public:
  Inputs(const Artifact& artifact, int32_t tokens_of_call) {
    const mambac_artifact& table = artifact.table();
    if (table.vocabulary > 0) {
      const auto real = artifact.plan().at("model").at("vocabulary_used").get<uint64_t>();
      stride_ = static_cast<size_t>(table.batch) * tokens_of_call;
      tokens_.resize(inputs * stride_);
      for (size_t i = 0; i < tokens_.size(); ++i) tokens_[i] = static_cast<int32_t>(random_bits(seed, i) % real);
    } else {
      stride_ = static_cast<size_t>(table.batch) * tokens_of_call * table.input_size;
      values_.resize(inputs * stride_);
      for (size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(2 * random_uniform(seed, i) - 1);
    }
  }

  const void* of_call(size_t call) const {
    const size_t first = call % inputs * stride_;
    return tokens_.empty() ? static_cast<const void*>(&values_[first]) : static_cast<const void*>(&tokens_[first]);
  }

 private:
  size_t stride_ = 0;
  std::vector<int32_t> tokens_;
  std::vector<float> values_;
};

// A program and the times of its calls.
class Measured {
 public:
  Measured(const Artifact& artifact, std::string name, int32_t tokens)
      : name_(std::move(name)),
        tokens_(tokens),
        session_(artifact),
        inputs_(artifact, tokens),
        output_(static_cast<size_t>(artifact.table().batch) * artifact.table().output_size),
        work_(work_of(artifact.plan().at("cost"), artifact.table().batch, tokens, 1)) {
    samples_.reserve(most_samples);
  }

  // Calls for the length of a slice, at least once; no allocation between two looks at the clock or around them.
  void run() {
    for (int i = 0; i < warm_up_calls; ++i) call();
    const Clock::time_point begin = Clock::now();
    Clock::time_point before = begin;
    do {
      call();
      const Clock::time_point after = Clock::now();
      if (samples_.size() < most_samples) samples_.push_back(Seconds(after - before).count());
      before = after;
    } while (before - begin < slice);
  }

  bool enough() const { return samples_.size() >= enough_samples; }
  double floor(const MachineLimits& limits) const { return floor_of(work_, limits); }
  const std::string& name() const { return name_; }
  int32_t tokens() const { return tokens_; }
  std::vector<double> sorted_samples() const {
    std::vector<double> sorted = samples_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

 private:
  void call() {
    const void* input = inputs_.of_call(calls_++);
    if (name_ == "step") {
      session_.step(input, output_);
    } else {
      session_.forward(input, tokens_, MAMBAC_LAST, output_);
    }
  }

  std::string name_;
  int32_t tokens_;
  Session session_;
  Inputs inputs_;
  std::vector<float> output_;
  Work work_;
  std::vector<double> samples_;
  size_t calls_ = 0;
};

struct Result {
  nlohmann::ordered_json programs = nlohmann::ordered_json::array();
  nlohmann::ordered_json limits;
};

// Rounds of limit, step, limit, forward, so that a drifting machine drifts under all of them.
Result measure(const Artifact& artifact, double seconds) {
  const mambac_artifact& table = artifact.table();
  const nlohmann::ordered_json& cost = artifact.plan().at("cost");
  const size_t footprint =
      cost.at("weight_bytes").get<size_t>() + static_cast<size_t>(table.batch) * cost.at("state_bytes").get<size_t>();
  MachineLimitMeter meter(footprint, table.threads, table.isa);
  std::vector<std::unique_ptr<Measured>> programs;
  if (artifact.has_program("step")) programs.push_back(std::make_unique<Measured>(artifact, "step", 1));
  if (artifact.has_program("forward")) {
    programs.push_back(std::make_unique<Measured>(artifact, "forward", table.forward_tokens));
  }

  std::vector<double> bandwidths, peaks;
  size_t rounds = 0;
  const auto finished = [&](double elapsed) {
    if (rounds < least_rounds) return false;
    const bool all_enough =
        std::all_of(programs.begin(), programs.end(), [](const auto& program) { return program->enough(); });
    return elapsed >= seconds || (rounds >= enough_rounds && all_enough);
  };
  for (const Clock::time_point start = Clock::now(); !finished(Seconds(Clock::now() - start).count()); ++rounds) {
    for (const auto& program : programs) {
      bandwidths.push_back(meter.measure_bytes_per_second());
      peaks.push_back(meter.measure_multiply_adds_per_second());
      program->run();
    }
  }

  const MachineLimits limits{median(bandwidths), median(peaks)};
  Result result;
  for (const auto& program : programs) {
    const std::vector<double> sorted = program->sorted_samples();
    const double floor = program->floor(limits), middle = percentile(sorted, 0.5);
    result.programs.push_back({{"program", program->name()},
                               {"median_us", 1e6 * middle},
                               {"p99_us", 1e6 * percentile(sorted, 0.99)},
                               {"p999_us", 1e6 * percentile(sorted, 0.999)},
                               {"max_us", 1e6 * sorted.back()},
                               {"samples", sorted.size()},
                               {"floor_us", 1e6 * floor},
                               {"ratio", middle / floor}});
  }
  result.limits = {{"bytes_per_second", limits.bytes_per_second},
                   {"multiply_adds_per_second", limits.multiply_adds_per_second},
                   {"footprint_bytes", footprint},
                   {"threads", table.threads},
                   {"rounds", rounds}};
  return result;
}

void print_table(const mambac_artifact& table, const Result& result) {
  fmt::print("{}: {}, {} thread(s), batch {}\n\n", table.name, table.isa, table.threads, table.batch);
  fmt::print("{:<12}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>8}{:>10}\n", "program", "tokens", "median us", "p99 us",
             "p99.9 us", "max us", "floor us", "ratio", "samples");
  for (const auto& program : result.programs) {
    const std::string name = program["program"];
    const auto number = [&](const char* field) { return program[field].get<double>(); };
    fmt::print("{:<12}{:>8}{:>12.2f}{:>12.2f}{:>12.2f}{:>12.2f}{:>12.2f}{:>8.2f}{:>10}\n", name,
               name == "step" ? 1 : table.forward_tokens, number("median_us"), number("p99_us"), number("p999_us"),
               number("max_us"), number("floor_us"), number("ratio"), program["samples"].get<size_t>());
  }
  const auto limit = [&](const char* field) { return result.limits[field].get<double>(); };
  fmt::print(
      "\nLimits of this machine in the same run (median of {} rounds): {:.1f} GB/s read over {:.2f} MB, {:.1f} G\n"
      "multiply-adds a second. The floor is what they allow; ratio is median over floor (bench/README.md).\n",
      result.limits["rounds"].get<size_t>(), limit("bytes_per_second") / 1e9, limit("footprint_bytes") / 1e6,
      limit("multiply_adds_per_second") / 1e9);
  for (const auto& program : result.programs) {
    if (program["samples"].get<size_t>() >= enough_samples) continue;
    fmt::print("{}: fewer than {} samples, p99.9 is a guess; --seconds gives it more time.\n",
               program["program"].get<std::string>(), enough_samples);
  }
}

}  // namespace

void add_bench_command(CLI::App& app) {
  struct BenchOptions {
    std::string artifact;
    double seconds = 10;
    bool json = false;
  };
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Time step and forward next to the limits of this machine.");
  command->add_option("artifact", options->artifact, "folder of a built artifact")->required();
  command->add_option("--seconds", options->seconds, "stop after this time, even with few samples")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  command->footer("Example: mambac bench build/product_default --json");
  command->callback([options] {
    const Artifact artifact(options->artifact);
    const Result result = measure(artifact, options->seconds);
    if (options->json) {
      fmt::print("{}\n", nlohmann::ordered_json{{"programs", result.programs}, {"limits", result.limits}}.dump(2));
    } else {
      print_table(artifact.table(), result);
    }
  });
}

}  // namespace mambac
