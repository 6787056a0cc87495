// A state that decays into denormals costs nothing: they are zero, as inputs and as results.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "generator/checkpoint/safetensors.h"
#include "generator/run/cases.h"
#include "runtime/state_header.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"
#include "tests/golden_case.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// mamba1-continuous without the biases that reach the scan's input: fed with zeros, its state only decays.
const Artifact& decaying_artifact() {
  const fs::path golden = "tests/goldens/mamba1-continuous", model = test_folder() / "decaying";
  fs::create_directories(model);
  fs::copy_file(golden / "config.json", model / "config.json");
  std::vector<OutputTensor> tensors;
  const SafetensorsFile file = SafetensorsFile::open(golden);
  for (const auto& [name, view] : file.tensors()) {
    std::vector<float> values(view.count());
    view.read(0, std::span(values));
    if (name.ends_with("input_proj.bias") || name.ends_with("conv1d.bias")) std::fill(values.begin(), values.end(), 0);
    tensors.push_back(output_tensor(name, view.shape, std::span<const float>(values)));
  }
  write_safetensors(model / "model.safetensors", tensors);
  BuildRequest request;
  request.model = model.string();
  request.isa = "x86-64-v3";
  return built_artifact(request);
}

class Decay : public testing::Test {
 protected:
  Decay() : input_(artifact_.table().input_size), output_(artifact_.table().output_size) {}

  std::vector<float> numbers() const {
    const std::vector<std::byte> state = session_.state();
    std::vector<float> floats((state.size() - header_bytes) / sizeof(float));
    std::memcpy(floats.data(), state.data() + header_bytes, floats.size() * sizeof(float));
    return floats;
  }
  void set_numbers(const std::vector<float>& floats) {
    std::vector<std::byte> state = session_.state();
    std::memcpy(state.data() + header_bytes, floats.data(), floats.size() * sizeof(float));
    session_.set_state(state);
  }
  // Every h becomes `value`; the windows of the convolutions stay zero.
  void fill(float value) {
    session_.reset();
    std::vector<float> floats = numbers();
    for (const StateTensor& tensor : read_state_layout(artifact_.plan()).tensors) {
      if (tensor.golden_name != "ssm_state") continue;
      std::fill_n(floats.begin() + tensor.offset, tensor.shape[0] * tensor.padded_last, value);
    }
    set_numbers(floats);
  }
  void step() { session_.step(input_.data(), output_); }
  double time_from(float value) {
    using Clock = std::chrono::steady_clock;
    fill(value);
    const Clock::time_point before = Clock::now();
    step();
    return std::chrono::duration<double, std::micro>(Clock::now() - before).count();
  }

  static constexpr size_t header_bytes = sizeof(mambac_runtime::StateHeader);
  const Artifact& artifact_ = decaying_artifact();
  Session session_{artifact_};
  std::vector<float> input_, output_;
};

// Just above the least normal number, where a step's decay leads below it.
constexpr float last_normal = 1.2e-38f;

TEST_F(Decay, EndsInZeroAndNeverInADenormal) {
  fill(1);
  step();
  int decayed = 0;
  for (const float number : numbers()) decayed += number > 0 && number < 1;
  EXPECT_GT(decayed, 1000) << "nothing decays, and the test tests nothing";
  fill(last_normal);
  for (int count = 0; count < 3; ++count) {
    step();
    for (const float number : numbers()) ASSERT_NE(std::fpclassify(number), FP_SUBNORMAL) << number;
  }
  fill(1e-40f);  // as if another program had left them
  step();
  for (const float number : numbers()) ASSERT_EQ(number, 0);
}

TEST_F(Decay, CostsNothing) {
  constexpr int steps = 2001;
  std::vector<double> normal(steps), denormal(steps);
  for (int count = 0; count < steps; ++count) {
    normal[count] = time_from(1);
    denormal[count] = time_from(count % 2 == 0 ? last_normal : 1e-40f);
  }
  for (std::vector<double>* times : {&normal, &denormal})
    std::nth_element(times->begin(), times->begin() + steps / 2, times->end());
  RecordProperty("ratio", std::to_string(denormal[steps / 2] / normal[steps / 2]));
  EXPECT_LT(denormal[steps / 2], 1.2 * normal[steps / 2]);
}

}  // namespace
}  // namespace mambac
