#include "tests/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "generator/error.h"

namespace mambac {
namespace {

template <typename Value>
const Value& find(const std::map<std::string, Value>& values, const std::string& name) {
  auto found = values.find(name);
  if (found == values.end()) fail(ExitCode::internal, "the plan gives no argument `{}`", name);
  return found->second;
}

double silu(double x) { return x / (1 + std::exp(-x)); }

// As the models' own implementations have it: the identity above 20.
double softplus(double x) { return x > 20 ? x : std::log1p(std::exp(x)); }

// A tensor that the kernel takes whole must be as large as the kernel's shape says.
void check_size(const Memory& memory, const std::string& name, int64_t size) {
  if (memory.columns() != size) {
    fail(ExitCode::internal, "`{}` has {} values, the kernel's shape says {}", name, memory.columns(), size);
  }
}

// output[row] = table[tokens[row]]; how the table is packed does not matter here.
void embed(const KernelArguments& arguments) {
  const int64_t size = arguments.size("Size");
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    const auto token = static_cast<int64_t>(arguments.memory("tokens").read(row, 1)[0]);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), size);
    std::ranges::copy(arguments.memory("table").read(token * size, size), output.begin());
  }
}

// output = input / sqrt(mean(input^2) + epsilon) * weight
void rms_norm(const KernelArguments& arguments) {
  const int64_t size = arguments.size("Size");
  const double epsilon = arguments.number("epsilon");
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("input").read(row * arguments.size("InputStride"), size);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), size);
    double squares = 0;
    for (double value : input) squares += value * value;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(size) + epsilon);
    for (int64_t i = 0; i < size; ++i) output[i] = input[i] * scale;
    if (!arguments.flag("Weighted")) continue;
    auto weight = arguments.memory("weight").read(0, size);
    for (int64_t i = 0; i < size; ++i) output[i] *= weight[i];
  }
}

// output = (input - mean) / sqrt(variance + epsilon) * weight + bias
void layer_norm(const KernelArguments& arguments) {
  const int64_t size = arguments.size("Size");
  const double epsilon = arguments.number("epsilon");
  auto weight = arguments.memory("weight").read(0, size), bias = arguments.memory("bias").read(0, size);
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("input").read(row * arguments.size("InputStride"), size);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), size);
    double sum = 0, squares = 0;
    for (double value : input) sum += value;
    const double mean = sum / static_cast<double>(size);
    for (double value : input) squares += (value - mean) * (value - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(size) + epsilon);
    for (int64_t i = 0; i < size; ++i) output[i] = (input[i] - mean) * scale * weight[i] + bias[i];
  }
}

// output = weights input (+ bias) (+ output); weights are (Outputs, Inputs) here, however they are packed.
void project(const KernelArguments& arguments) {
  const int64_t inputs = arguments.size("Inputs"), outputs = arguments.size("Outputs");
  const Memory& weights = arguments.memory("weights");
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("input").read(row * arguments.size("InputStride"), inputs);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), outputs);
    for (int64_t o = 0; o < outputs; ++o) {
      auto weight = weights.read(o * inputs, inputs);
      double sum = 0;
      for (int64_t i = 0; i < inputs; ++i) sum += weight[i] * input[i];
      if (arguments.flag("Bias")) sum += arguments.memory("bias").read(o, 1)[0];
      if (arguments.flag("Accumulate")) sum += output[o];
      output[o] = sum;
    }
  }
}

// output_t = silu(sum_k taps[k] x_{t-K+1+k} + bias), where the window holds the K-1 values before the first token.
void convolve(const KernelArguments& arguments) {
  const int64_t channels = arguments.size("Channels"), taps = arguments.size("Taps"),
                tokens = arguments.count("tokens");
  check_size(arguments.memory("taps"), "taps", taps * channels);
  check_size(arguments.memory("window"), "window", (taps - 1) * channels);
  auto weights = arguments.memory("taps").read(0, taps * channels);
  for (int64_t sequence = 0; sequence < arguments.count("sequences"); ++sequence) {
    auto window = arguments.memory("window").write(sequence * arguments.size("StateStride"), (taps - 1) * channels);
    std::vector<double> recent(window.begin(), window.end());  // (taps, channels) once the current row is appended
    for (int64_t row = sequence * tokens; row < (sequence + 1) * tokens; ++row) {
      auto input = arguments.memory("input").read(row * arguments.size("InputStride"), channels);
      recent.insert(recent.end(), input.begin(), input.end());
      auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), channels);
      for (int64_t channel = 0; channel < channels; ++channel) {
        double sum = arguments.flag("Bias") ? arguments.memory("bias").read(channel, 1)[0] : 0;
        for (int64_t k = 0; k < taps; ++k) sum += weights[k * channels + channel] * recent[k * channels + channel];
        output[channel] = silu(sum);
      }
      recent.erase(recent.begin(), recent.begin() + channels);
    }
    std::ranges::copy(recent, window.begin());
  }
}

// delta = softplus(delta); h = exp(delta a) h + delta x B; output = (h C + d x) silu(gate)
void selective_scan(const KernelArguments& arguments) {
  const int64_t channels = arguments.size("Channels"), states = arguments.size("States");
  const int64_t tokens = arguments.count("tokens");
  check_size(arguments.memory("a"), "a", states * channels);
  check_size(arguments.memory("h"), "h", states * channels);
  auto a = arguments.memory("a").read(0, states * channels), d = arguments.memory("d").read(0, channels);
  for (int64_t sequence = 0; sequence < arguments.count("sequences"); ++sequence) {
    auto h = arguments.memory("h").write(sequence * arguments.size("StateStride"), states * channels);
    for (int64_t row = sequence * tokens; row < (sequence + 1) * tokens; ++row) {
      auto delta = arguments.memory("delta_input").read(row * arguments.size("DeltaStride"), channels);
      auto input = arguments.memory("x").read(row * arguments.size("InputStride"), channels);
      auto gate = arguments.memory("gate").read(row * arguments.size("GateStride"), channels);
      auto b = arguments.memory("b").read(row * arguments.size("BCStride"), states);
      auto c = arguments.memory("c").read(row * arguments.size("BCStride"), states);
      auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), channels);
      for (int64_t channel = 0; channel < channels; ++channel) {
        const double step = softplus(delta[channel]), x = input[channel];
        double y = d[channel] * x;
        for (int64_t n = 0; n < states; ++n) {
          double& state = h[n * channels + channel];
          state = std::exp(step * a[n * channels + channel]) * state + step * x * b[n];
          y += state * c[n];
        }
        output[channel] = y * silu(gate[channel]);
      }
    }
  }
}

// delta = clamp(softplus(dt + dt_bias)); decay = exp(delta a)
void discretize(const KernelArguments& arguments) {
  const int64_t heads = arguments.size("Heads");
  auto a = arguments.memory("a").read(0, heads), bias = arguments.memory("dt_bias").read(0, heads);
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("dt").read(row * arguments.size("InputStride"), heads);
    auto delta = arguments.memory("delta").write(row * arguments.size("OutputStride"), heads);
    auto decay = arguments.memory("decay").write(row * arguments.size("OutputStride"), heads);
    for (int64_t head = 0; head < heads; ++head) {
      const double step = softplus(input[head] + bias[head]);
      delta[head] = std::clamp(step, arguments.number("least"), arguments.number("most"));
      decay[head] = std::exp(delta[head] * a[head]);
    }
  }
}

// h = decay h + delta x B; output = h C + d x; heads share B and C by groups
void head_scan(const KernelArguments& arguments) {
  const int64_t heads = arguments.size("Heads"), head_size = arguments.size("HeadSize");
  const int64_t states = arguments.size("States"), groups = arguments.size("Groups");
  const int64_t padded = round_up(head_size, channel_padding), tokens = arguments.count("tokens");
  const bool skip_per_channel = arguments.flag("SkipPerChannel");
  check_size(arguments.memory("h"), "h", heads * states * padded);
  auto d = arguments.memory("d").read(0, skip_per_channel ? heads * head_size : heads);
  for (int64_t sequence = 0; sequence < arguments.count("sequences"); ++sequence) {
    auto h = arguments.memory("h").write(sequence * arguments.size("StateStride"), heads * states * padded);
    for (int64_t row = sequence * tokens; row < (sequence + 1) * tokens; ++row) {
      auto x = arguments.memory("x").read(row * arguments.size("InputStride"), heads * head_size);
      auto b = arguments.memory("b").read(row * arguments.size("BCStride"), groups * states);
      auto c = arguments.memory("c").read(row * arguments.size("BCStride"), groups * states);
      auto delta = arguments.memory("delta").read(row * arguments.size("DeltaStride"), heads);
      auto decay = arguments.memory("decay").read(row * arguments.size("DeltaStride"), heads);
      auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), heads * head_size);
      for (int64_t channel = 0; channel < heads * head_size; ++channel) {
        const int64_t head = channel / head_size, group = head / (heads / groups);
        double y = d[skip_per_channel ? channel : head] * x[channel];
        for (int64_t n = 0; n < states; ++n) {
          double& state = h[(head * states + n) * padded + channel % head_size];
          state = decay[head] * state + delta[head] * x[channel] * b[group * states + n];
          y += state * c[group * states + n];
        }
        output[channel] = y;
      }
    }
  }
}

// By groups of channels: output = v / sqrt(mean(v^2) + epsilon) * weight with v = input silu(gate); with the norm
// before the gate, v = input and the output is multiplied by silu(gate).
void gated_rms_norm(const KernelArguments& arguments) {
  const int64_t size = arguments.size("Size"), group_size = size / arguments.size("Groups");
  const bool norm_before_gate = arguments.flag("NormBeforeGate");
  const double epsilon = arguments.number("epsilon");
  auto weight = arguments.memory("weight").read(0, size);
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("input").read(row * arguments.size("InputStride"), size);
    auto gate = arguments.memory("gate").read(row * arguments.size("GateStride"), size);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), size);
    for (int64_t first = 0; first < size; first += group_size) {
      double squares = 0;
      for (int64_t i = first; i < first + group_size; ++i) {
        const double value = norm_before_gate ? input[i] : input[i] * silu(gate[i]);
        squares += value * value;
      }
      const double scale = 1 / std::sqrt(squares / static_cast<double>(group_size) + epsilon);
      for (int64_t i = first; i < first + group_size; ++i) output[i] = input[i] * silu(gate[i]) * scale * weight[i];
    }
  }
}

// output = input silu(gate)
void gate(const KernelArguments& arguments) {
  const int64_t size = arguments.size("Size");
  for (int64_t row = 0; row < arguments.count("rows"); ++row) {
    auto input = arguments.memory("input").read(row * arguments.size("InputStride"), size);
    auto gate = arguments.memory("gate").read(row * arguments.size("GateStride"), size);
    auto output = arguments.memory("output").write(row * arguments.size("OutputStride"), size);
    for (int64_t i = 0; i < size; ++i) output[i] = input[i] * silu(gate[i]);
  }
}

}  // namespace

std::span<double> Memory::range(int64_t offset, int64_t count) const {
  const int64_t row = row_stride_ > 0 ? offset / row_stride_ : 0;
  if (offset < 0 || row >= rows_ || offset - row * row_stride_ + count > columns_) {
    fail(ExitCode::internal, "values {} to {} of `{}` are outside its {} rows of {} values, {} apart", offset,
         offset + count, name_, rows_, columns_, row_stride_);
  }
  return {first_ + offset, static_cast<size_t>(count)};
}

std::span<const double> Memory::read(int64_t offset, int64_t count) const { return range(offset, count); }

std::span<double> Memory::write(int64_t offset, int64_t count) const {
  if (!written_) fail(ExitCode::internal, "the plan says that `{}` is only read, but the kernel writes it", name_);
  return range(offset, count);
}

std::vector<double> Memory::values() const {
  std::vector<double> values;
  for (int64_t row = 0; row < rows_; ++row) {
    const double* first = first_ + row * row_stride_;
    values.insert(values.end(), first, first + columns_);
  }
  return values;
}

int64_t KernelArguments::size(const std::string& name) const {
  if (auto* size = std::get_if<int64_t>(&find(shape, name))) return *size;
  fail(ExitCode::internal, "template argument `{}` is not a number", name);
}

bool KernelArguments::flag(const std::string& name) const {
  const auto* text = std::get_if<std::string>(&find(shape, name));
  if (text == nullptr || (*text != "true" && *text != "false")) {
    fail(ExitCode::internal, "template argument `{}` is neither true nor false", name);
  }
  return *text == "true";
}

const Memory& KernelArguments::memory(const std::string& name) const { return find(memories, name); }
double KernelArguments::number(const std::string& name) const { return find(numbers, name); }
int64_t KernelArguments::count(const std::string& name) const { return find(counts, name); }

void run_reference_kernel(const std::string& kernel, const KernelArguments& arguments) {
  static const std::map<std::string, void (*)(const KernelArguments&)> kernels = {
      {"embed", embed},
      {"embed_panels", embed},
      {"rms_norm", rms_norm},
      {"layer_norm", layer_norm},
      {"project", project},
      {"convolve", convolve},
      {"selective_scan", selective_scan},
      {"discretize", discretize},
      {"head_scan", head_scan},
      {"gated_rms_norm", gated_rms_norm},
      {"gate", gate},
  };
  auto found = kernels.find(kernel);
  if (found == kernels.end()) fail(ExitCode::internal, "the reference executor knows no kernel `{}`", kernel);
  found->second(arguments);
}

}  // namespace mambac
