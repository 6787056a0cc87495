#include "generator/checkpoint/initialize.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "generator/checkpoint/safetensors.h"
#include "generator/error.h"

namespace mambac {
namespace {

// Random numbers that depend on seed, tensor and position alone: SplitMix64 (Steele, Lea, Flood 2014) of a counter.
// Arithmetic is written so that no compiler can fuse a product and a sum on its own: same bits everywhere.
class Random {
 public:
  Random(uint64_t seed, std::string_view tensor) : key_(mix(seed)) {
    for (const char letter : tensor) key_ = mix(key_ ^ static_cast<unsigned char>(letter));
  }

  // Uniform on (-1, 1): an odd multiple of 2^-53.
  double symmetric(uint64_t counter) const {
    const uint64_t bits = mix(key_ + (counter + 1) * 0x9e3779b97f4a7c15) >> 11;  // 53 of them
    return (static_cast<double>(bits) - 0x1p52) * 0x1p-52 + 0x1p-53;
  }

  // Standard normal, by the polar method (Marsaglia, Bray 1964); element i takes counters of its own.
  double normal(uint64_t i) const {
    for (uint64_t attempt = 0;; attempt += 2) {
      const uint64_t counter = i << 8 | attempt;  // 128 attempts, of which each fails with probability 0.21
      const double x = symmetric(counter), y = symmetric(counter + 1);
      const double square = std::fma(x, x, y * y);
      if (square < 1) return x * std::sqrt(-2 * std::log(square) / square);
    }
  }

 private:
  static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
  }

  uint64_t key_;
};

// Element i of the flattened tensor.
using InitialValue = std::function<double(uint64_t i)>;

// Inverse of softplus at delta = exp(U[log 0.001, log 0.1]), at least 0.0001.
double initial_delta_bias(double symmetric) {
  const double low = std::log(1e-3), high = std::log(1e-1);
  const double delta = std::max(std::exp(std::fma((high - low) / 2, symmetric, (high + low) / 2)), 1e-4);
  return delta + std::log(-std::expm1(-delta));
}

InitialValue initial_value(const CheckpointTensor& tensor, const ModelConfiguration& model, const Random& random) {
  const std::string_view name = tensor.name;
  const auto last_size = static_cast<double>(tensor.shape.back());  // of a matrix: what its outputs sum over
  const auto uniform = [random](double bound) {
    return [random, bound](uint64_t i) { return bound * random.symmetric(i); };
  };
  const auto taps = [&] {
    return static_cast<double>(std::visit([](const auto& mixer) { return mixer.convolution_taps; }, model.mixer));
  };

  if (name.ends_with("norm.weight") || name.ends_with("norm_f.weight") || name.ends_with(".D")) {
    return [](uint64_t) { return 1.0; };
  }
  if (name.ends_with(".A_log") && tensor.shape.size() == 1) {  // log(U[1, 16]), one for each head
    return [random](uint64_t i) { return std::log(std::fma(7.5, random.symmetric(i), 8.5)); };
  }
  if (name.ends_with(".A_log")) {  // log(1..N) for each channel
    return [states = static_cast<uint64_t>(tensor.shape.back())](uint64_t i) {
      return std::log(static_cast<double>(i % states + 1));
    };
  }
  if (name.ends_with("embedding.weight") || name.ends_with("embeddings.weight")) {
    return [random](uint64_t i) { return 0.02 * random.normal(i); };
  }
  if (name.ends_with("dt_proj.bias") || name.ends_with(".dt_bias")) {
    return [random](uint64_t i) { return initial_delta_bias(random.symmetric(i)); };
  }
  if (name.ends_with("conv1d.weight") || name.ends_with("conv1d.bias")) return uniform(1 / std::sqrt(taps()));
  if (name.ends_with("out_proj.weight")) {
    return uniform(1 / std::sqrt(last_size * static_cast<double>(model.layers)));
  }
  for (const char* matrix :
       {"in_proj.weight", "x_proj.weight", "dt_proj.weight", "lm_head.weight", "input_proj.weight", "head.weight"}) {
    if (name.ends_with(matrix)) return uniform(1 / std::sqrt(last_size));
  }
  if (name.ends_with(".bias")) return [](uint64_t) { return 0.0; };
  fail(ExitCode::internal, "the tensor \"{}\" has no initial values", tensor.name);
}

}  // namespace

void initialize(const ModelConfiguration& model, const std::vector<CheckpointTensor>& tensors, uint64_t seed,
                const std::filesystem::path& folder) {
  std::vector<TensorDescription> descriptions;
  for (const CheckpointTensor& tensor : tensors) descriptions.push_back({tensor.name, TensorType::f32, tensor.shape});
  SafetensorsWriter writer(folder / "model.safetensors", descriptions);
  std::vector<float> piece(1 << 16);
  for (const CheckpointTensor& tensor : tensors) {
    const InitialValue value = initial_value(tensor, model, Random(seed, tensor.name));
    uint64_t count = 1;
    for (const int64_t size : tensor.shape) count *= static_cast<uint64_t>(size);
    for (uint64_t first = 0; first < count; first += piece.size()) {
      const std::span part(piece.data(), std::min<uint64_t>(piece.size(), count - first));
      for (uint64_t i = 0; i < part.size(); ++i) part[i] = static_cast<float>(value(first + i));
      writer.write(std::as_bytes(part));
    }
  }
  writer.commit();
}

}  // namespace mambac
