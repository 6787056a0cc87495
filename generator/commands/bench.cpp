// `mambac bench`: how long an artifact's programs take, next to the floor of this machine (bench/README.md).
#include <fmt/format.h>

#include <memory>

#include "generator/bench/device_speed.h"
#include "generator/bench/histogram.h"
#include "generator/bench/speed.h"
#include "generator/bench/tail.h"
#include "generator/bench/times.h"
#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t tail_calls = 1'000'000;
constexpr double tail_seconds = 60, speed_seconds = 10, device_seconds = 2;
constexpr size_t few_samples = 100;

struct BenchOptions {
  std::string artifact, histogram;
  std::optional<double> seconds;
  bool json = false, tail = false;
};

std::string head_of(const mambac_artifact& table) {
  return fmt::format("{}: {}, {} thread{}, batch {}", table.name, table.isa, table.threads,
                     table.threads == 1 ? "" : "s", table.batch);
}

void print_speed(const mambac_artifact& table, const Json& result) {
  fmt::print("{}\n\n", head_of(table));
  fmt::print("{:<8} {:>5} {:>6} {:>12} {:>12} {:>12} {:>12} {:>12} {:>6} {:>14} {:>8}\n", "program", "batch", "tokens",
             "median us", "p99 us", "p99.9 us", "max us", "floor us", "ratio", "p10 to p90", "samples");
  for (const Json& program : result["programs"]) {
    const auto number = [&](const char* field) { return program[field].get<double>(); };
    fmt::print("{:<8} {:>5} {:>6} {:>12.2f} {:>12.2f} {:>12.2f} {:>12.2f} {:>12.2f} {:>6.2f} {:>14} {:>8}\n",
               program["program"].get<std::string>(), program["batch"].get<int64_t>(), program["tokens"].get<int64_t>(),
               number("median_us"), number("p99_us"), number("p999_us"), number("max_us"), number("floor_us"),
               number("ratio"), fmt::format("{:.2f} to {:.2f}", number("ratio_p10"), number("ratio_p90")),
               program["samples"].get<size_t>());
  }
  const Json& limits = result["limits"];
  const auto limit = [&](const char* field) { return limits[field].get<double>(); };
  fmt::print(
      "\nLimits of this machine in the same run (median of {} rounds): {:.1f} GB/s read over {:.2f} MB, {:.1f} G\n"
      "multiply-adds a second. The floor is what they allow; ratio is median over floor, then that of the rounds\n"
      "(bench/README.md).\n",
      limits["rounds"].get<size_t>(), limit("bytes_per_second") / 1e9, limit("footprint_bytes") / 1e6,
      limit("multiply_adds_per_second") / 1e9);
  if (const int cores = limits["cores"]; cores < table.threads) {
    fmt::print("{} threads share {} core{} here, and wait for one another; the limits are those of the cores.\n",
               table.threads, cores, cores == 1 ? "" : "s");
  }
  for (const Json& program : result["programs"]) {
    const auto samples = program["samples"].get<size_t>();
    if (samples >= enough_samples) continue;
    fmt::print("{}: only {} samples, {}; --seconds gives it more time.\n", program["program"].get<std::string>(),
               samples, samples < few_samples ? "too few for p99 and p99.9" : "too few for p99.9");
  }
}

void print_device_speed(const mambac_artifact& table, const Json& result) {
  fmt::print("{}: {}, batch {}\n\n", table.name, table.isa, table.batch);
  fmt::print("{:<8} {:>6} {:>12} {:>12} {:>6}   {:>10} {:>14} {:>10} {:>10}\n", "program", "tokens", "median us",
             "floor us", "ratio", "bytes", "multiply-adds", "exps", "waiting");
  for (const Json& program : result["programs"]) {
    const auto number = [&](const char* field) { return program[field].get<double>(); };
    fmt::print("{:<8} {:>6} {:>12.2f} {:>12.2f} {:>6.2f}   {:>10.2f} {:>14.2f} {:>10.2f} {:>10.2f}\n",
               program["program"].get<std::string>(), program["tokens"].get<int64_t>(), number("median_us"),
               number("floor_us"), number("ratio"), number("bytes_us"), number("multiply_adds_us"),
               number("exponentials_us"), number("waiting_us"));
  }
  fmt::print(
      "\nThe floor is the largest of four times: bytes at the {:.2f} TB/s that copies have on this GPU in the same "
      "run,\n"
      "multiply-adds, exponentials, and waiting for exchanges or launches at what an H200 does (bench/README.md).\n"
      "Calls stand on the stream one behind the other.\n",
      result["limits"]["bytes_per_second"].get<double>() / 1e12);
}

Json tail_of(const Artifact& artifact, const TailTimes& times) {
  const DenormalTimes denormals = measure_denormals(artifact);
  const Json step = distribution(times.step), registers = distribution(times.registers);
  Json ratio;
  for (const auto& [name, value] : step.items()) {
    ratio[name.substr(0, name.size() - 3)] = value.get<double>() / registers[name].get<double>();
  }
  return {{"samples", times.step.size()},
          {"step", step},
          {"registers", registers},
          {"ratio", ratio},
          {"denormals",
           {{"usual_us", 1e6 * denormals.usual},
            {"denormal_us", 1e6 * denormals.denormal},
            {"ratio", denormals.denormal / denormals.usual}}}};
}

void print_tail(const mambac_artifact& table, const Json& tail, const Histogram& histogram) {
  fmt::print("{}: {} steps, each followed by a loop over registers alone that is as long\n\n", head_of(table),
             tail["samples"].get<size_t>());
  fmt::print("{:<10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "us", "p50", "p99", "p99.9", "p99.99", "max");
  for (const char* name : {"step", "registers", "ratio"}) {
    std::string line = fmt::format("{:<10}", name);
    for (const auto& [field, value] : tail[name].items()) line += fmt::format(" {:>10.2f}", value.get<double>());
    fmt::print("{}\n", line);
  }
  if (tail["samples"].get<size_t>() < 10 * enough_samples) {
    fmt::print("Fewer than {} steps: p99.99 is a guess; --seconds gives it more time.\n", 10 * enough_samples);
  }
  fmt::print("\n{}\n", histogram.text());
  const Json& denormals = tail["denormals"];
  fmt::print("A state of denormals: {:.2f} us, {:.2f} times the {:.2f} us from a usual state (medians).\n",
             denormals["denormal_us"].get<double>(), denormals["ratio"].get<double>(),
             denormals["usual_us"].get<double>());
}

void run_tail(const Artifact& artifact, const BenchOptions& options) {
  if (!artifact.has_program("step")) {
    fail(ExitCode::input, "{} has no program step, whose tail could be measured", options.artifact);
  }
  const TailTimes times = measure_tail(artifact, tail_calls, options.seconds.value_or(tail_seconds));
  const Json tail = tail_of(artifact, times);
  const Histogram histogram({{"step", times.step}, {"registers", times.registers}});
  if (!options.histogram.empty()) write_text(options.histogram, histogram.svg(head_of(artifact.table())));
  if (options.json) {
    fmt::print("{}\n", tail.dump(2));
  } else {
    print_tail(artifact.table(), tail, histogram);
  }
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Time step and forward next to the limits of this machine.");
  command->add_option("artifact", options->artifact, "folder of a built artifact")->required();
  command
      ->add_option(
          "--seconds", options->seconds,
          fmt::format("stop after this time, even with few samples [{}, with --tail {}]", speed_seconds, tail_seconds))
      ->check(CLI::PositiveNumber);
  CLI::Option* tail = command->add_flag(
      "--tail", options->tail,
      fmt::format("the rarest steps: {} of them, in turn with a loop over registers alone", tail_calls));
  command->add_option("--histogram", options->histogram, "write the tail's histogram as SVG to this file")->needs(tail);
  command->add_flag("--json", options->json, "print JSON");
  command->footer("Example: mambac bench .mambac/product-default --tail --histogram tail.svg");
  command->callback([options] {
    const Artifact artifact(options->artifact);
    const bool on_device = artifact.table().device != nullptr;
    if (on_device && options->tail) {
      fail(ExitCode::usage, "--tail is for a CPU, and {} is for a GPU; leave it out", options->artifact);
    }
    if (options->tail) return run_tail(artifact, *options);
    const Json result = on_device ? measure_device_speed(artifact, options->seconds.value_or(device_seconds))
                                  : measure_speed(artifact, options->seconds.value_or(speed_seconds));
    if (options->json) {
      fmt::print("{}\n", result.dump(2));
    } else if (on_device) {
      print_device_speed(artifact.table(), result);
    } else {
      print_speed(artifact.table(), result);
    }
  });
}

}  // namespace mambac
