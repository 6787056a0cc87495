#include "generator/bench/device_speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "generator/bench/random_inputs.h"
#include "generator/bench/times.h"
#include "generator/error.h"
#include "generator/run/machine_limits.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Json = nlohmann::ordered_json;

// What an H200 does at best, as bench/README.md tells; an H100 the same but for its memory, which is measured.
constexpr double tensor_core_multiply_adds = 395e12;  // a second, float16
constexpr double f32_multiply_adds = 33e12;
constexpr double exponentials_a_second = 4.2e12;
constexpr double seconds_of_exchange = 0.93e-6;          // among all multiprocessors
constexpr double seconds_of_cluster_exchange = 0.25e-6;  // among those of a cluster
constexpr double seconds_of_launch = 0.55e-6;            // of a kernel that waits for the one before

constexpr int32_t generated_tokens = 64;  // of one call of generate

// What one call cannot do without.
struct DeviceWork {
  Work work;
  bool tensor_cores = false;
  double waiting = 0;  // seconds: exchanges or launches, one after the other
};

// Launches of a program's plan, and exchanges inside of them.
double waiting_of(const Json& program, int64_t layers) {
  double seconds = 0;
  const Json& calls = program.at("calls");
  const Json& outputs = program.at(program.at("name") == "forward" ? "outputs_last" : "outputs_all");
  for (const Json& call : calls) {
    const std::string kernel = call.at("kernel");
    if (kernel == "decode") seconds += 3 * static_cast<double>(layers) * seconds_of_exchange;
    if (kernel == "decode_cluster") seconds += 2 * static_cast<double>(layers) * seconds_of_cluster_exchange;
  }
  return seconds > 0 ? seconds : static_cast<double>(calls.size() + outputs.size()) * seconds_of_launch;
}

DeviceWork work_of_program(const Json& plan, const std::string& name, int64_t tokens, int64_t output_tokens) {
  const Json& cost = plan.at("cost");
  const int64_t batch = plan.at("deployment").at("batch");
  DeviceWork work{.work = work_of(cost, batch, tokens, output_tokens)};
  // Every weight once a call. A plan may hold them twice.
  const double element = plan.at("weight_type") == "bf16" ? 2 : 4;
  const double weights =
      element * (cost.at("matrix_multiply_adds").get<double>() + cost.at("head_multiply_adds").get<double>());
  work.work.bytes = weights + 2.0 * static_cast<double>(batch) * cost.at("state_bytes").get<double>();
  for (const Json& program : plan.at("programs")) {
    if (program.at("name") != name) continue;
    work.waiting = waiting_of(program, plan.at("model").at("layers"));
    for (const Json& call : program.at("calls")) work.tensor_cores |= call.at("kernel") == "project_tiles";
  }
  if (name == "generate") {  // a token after the other, each from all weights
    work.work.bytes *= static_cast<double>(tokens);
    work.waiting *= static_cast<double>(tokens);
  }
  return work;
}

Json floor_of(const DeviceWork& work, double bytes_per_second) {
  const double peak = work.tensor_cores ? tensor_core_multiply_adds : f32_multiply_adds;
  const double bytes = work.work.bytes / bytes_per_second, products = work.work.multiply_adds / peak;
  const double exponentials = work.work.exponentials / exponentials_a_second;
  return {{"floor_us", 1e6 * std::max({bytes, products, exponentials, work.waiting})},
          {"bytes_us", 1e6 * bytes},
          {"multiply_adds_us", 1e6 * products},
          {"exponentials_us", 1e6 * exponentials},
          {"waiting_us", 1e6 * work.waiting}};
}

// Artifact, memory and inputs on the device; states go on from call to call.
class DeviceCalls {
 public:
  explicit DeviceCalls(const Artifact& artifact)
      : artifact_(artifact),
        table_(artifact.table()),
        workspace_memory_(table_, table_.workspace_bytes),
        state_(table_, table_.state_bytes),
        input_(table_, sizeof(int32_t) * table_.batch * table_.forward_tokens * std::max(table_.input_size, 1)),
        output_(table_, sizeof(float) * table_.batch * table_.output_size),
        marks_(table_, std::max(table_.vocabulary, 1)),
        chosen_(table_, generated_tokens * sizeof(int32_t)) {
    std::array<char, 1024> message{};
    if (table_.workspace_open(workspace_memory_.data(), &workspace_, message.data(), message.size()) != MAMBAC_OK) {
      fail(ExitCode::environment, "{}", message.data());
    }
    std::vector<std::byte> state(table_.state_bytes);
    table_.state_reset(state.data());
    state_.write(state.data(), state.size());
    input_.write(random_inputs(artifact, input_.bytes() / sizeof(int32_t), 1).from(0), input_.bytes());
  }

  void step() { check(table_.step(artifact_.weights(), workspace_, state_.data(), input_.data(), output())); }
  void forward() {
    check(table_.forward(artifact_.weights(), workspace_, state_.data(), input_.data(), table_.forward_tokens,
                         MAMBAC_LAST, output()));
  }
  // By temperature and top-p; no token ends the text.
  void generate() {
    constexpr mambac_sampling sampling{0.9f, 0, 0.95f, 0, 1, 1};
    check(table_.generate(artifact_.weights(), workspace_, state_.data(), static_cast<const int32_t*>(input_.data()), 1,
                          &sampling, static_cast<unsigned char*>(marks_.data()), generated_tokens,
                          static_cast<int32_t*>(chosen_.data())));
  }
  void synchronize() { check(table_.device->synchronize()); }

  // Bytes read and written a second by copies of this size.
  double measure_bytes_per_second(size_t bytes) {
    constexpr int copies = 8;
    ArtifactMemory from(table_, bytes), to(table_, bytes);
    double best = 0;
    for (int round = 0; round < 5; ++round) {
      synchronize();
      const Clock::time_point start = Clock::now();
      for (int copy = 0; copy < copies; ++copy) check(table_.device->copy_within(to.data(), from.data(), bytes));
      synchronize();
      best = std::max(best, 2.0 * copies * static_cast<double>(bytes) / Seconds(Clock::now() - start).count());
    }
    return best;
  }

 private:
  float* output() { return static_cast<float*>(output_.data()); }
  void check(int status) const {
    if (status != MAMBAC_OK) fail(ExitCode::environment, "{}: {}", table_.name, table_.status_message(status));
  }
  const Artifact& artifact_;
  const mambac_artifact& table_;
  ArtifactMemory workspace_memory_, state_, input_, output_, marks_, chosen_;
  mambac_workspace* workspace_ = nullptr;
};

// Seconds of a call, many of them on the stream at a time; a sample is their mean.
std::vector<double> time_calls(DeviceCalls& calls, double seconds, const std::function<void()>& call) {
  constexpr double least_of_sample = 2e-3;
  for (int warm_up = 0; warm_up < 3; ++warm_up) call();
  calls.synchronize();
  Clock::time_point start = Clock::now();
  call();
  calls.synchronize();
  const int at_once = std::max(1, static_cast<int>(least_of_sample / Seconds(Clock::now() - start).count()));
  std::vector<double> samples;
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
  do {
    start = Clock::now();
    for (int index = 0; index < at_once; ++index) call();
    calls.synchronize();
    samples.push_back(Seconds(Clock::now() - start).count() / at_once);
  } while (Clock::now() < end);
  return samples;
}

}  // namespace

Json measure_device_speed(const Artifact& artifact, double seconds) {
  const mambac_artifact& table = artifact.table();
  const Json& plan = artifact.plan();
  DeviceCalls calls(artifact);
  const size_t footprint = std::max<size_t>(plan.at("weight_bytes").get<size_t>(), size_t{64} << 20);
  const double bytes_per_second = calls.measure_bytes_per_second(std::min<size_t>(footprint, size_t{1} << 30));
  Json result;
  const auto add = [&](const std::string& name, int32_t tokens, const std::function<void()>& call) {
    if (!artifact.has_program(name)) return;
    const std::vector<double> samples = time_calls(calls, seconds, call);
    const Json of_times = distribution(samples);
    const int64_t output_tokens = name == "generate" ? tokens : 1;
    const Json floor = floor_of(work_of_program(plan, name, tokens, output_tokens), bytes_per_second);
    Json program = {{"program", name},
                    {"batch", table.batch},
                    {"tokens", tokens},
                    {"median_us", of_times["p50_us"]},
                    {"max_us", of_times["max_us"]},
                    {"samples", samples.size()}};
    program.update(floor);
    program["ratio"] = program["median_us"].get<double>() / floor["floor_us"].get<double>();
    result["programs"].push_back(program);
  };
  add("step", 1, [&] { calls.step(); });
  add("forward", table.forward_tokens, [&] { calls.forward(); });
  add("generate", generated_tokens, [&] { calls.generate(); });
  result["limits"] = {{"bytes_per_second", bytes_per_second}, {"footprint_bytes", footprint}};
  return result;
}

}  // namespace mambac
