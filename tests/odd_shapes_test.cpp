// Shapes that no published model has, where vectors, panels and segments do not fit: each artifact against the
// reference executor, in step and in forward, with two threads and a batch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "generator/checkpoint/initialize.h"
#include "generator/families/families.h"
#include "generator/file.h"
#include "generator/run/cases.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"
#include "tests/reference_executor.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

struct Shape {
  const char* name;
  const char* configuration;
};

const Shape shapes[] = {
    {"LayerNormWithBias", R"({"d_model": 37, "n_layer": 2, "vocab_size": 17, "pad_vocab_size_multiple": 1,
      "rms_norm": false, "ssm_cfg": {"layer": "Mamba1", "bias": true, "d_state": 5, "expand": 1}})"},
    {"NoConvolutionBias", R"({"d_model": 19, "n_layer": 1, "vocab_size": 70, "pad_vocab_size_multiple": 1,
      "tie_embeddings": false, "ssm_cfg": {"conv_bias": false, "d_conv": 2, "d_state": 1, "dt_rank": 1}})"},
    {"OneTap", R"({"model_type": "mamba", "hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 65,
      "state_size": 33, "conv_kernel": 1, "intermediate_size": 45, "time_step_rank": 7})"},
    {"FalconOdd", R"({"model_type": "falcon_mamba", "hidden_size": 30, "num_hidden_layers": 1, "vocab_size": 33,
      "state_size": 3, "intermediate_size": 50, "time_step_rank": 2, "use_bias": true})"},
    {"ContinuousWithoutHead", R"({"model_type": "mamba", "hidden_size": 21, "num_hidden_layers": 1, "input_size": 5,
      "state_size": 4, "intermediate_size": 21, "time_step_rank": 2})"},
    {"Mamba2NarrowHeads", R"({"d_model": 27, "n_layer": 2, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "expand": 2, "d_ssm": 54, "headdim": 3, "ngroups": 3, "d_state": 7, "d_conv": 2}})"},
    {"Mamba2WideHeads", R"({"d_model": 50, "n_layer": 1, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "d_ssm": 76, "headdim": 38, "ngroups": 2, "d_state": 9, "rmsnorm": false,
      "D_has_hdim": true, "bias": true, "conv_bias": false, "dt_limit": [0.01, 0.3]}})"},
    {"Mamba2ManyVectors", R"({"d_model": 40, "n_layer": 1, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "d_ssm": 80, "headdim": 80, "d_state": 5, "norm_before_gate": true}})"},
};

class OddShapes : public testing::TestWithParam<Shape> {};

// A model's folder with weights none of which has a neutral value.
fs::path make_model(const Shape& shape) {
  const fs::path folder = test_folder() / "model";
  fs::create_directories(folder);
  write_text(folder / "config.json", shape.configuration);
  const ModelConfiguration model = read_model_configuration(folder);
  initialize(model, make_graph(model).checkpoint, 1, folder);
  std::vector<OutputTensor> tensors;
  {
    std::mt19937 random(1);
    const SafetensorsFile fresh = SafetensorsFile::open(folder);
    for (const auto& [name, view] : fresh.tensors()) {
      std::vector<float> values(view.count());
      view.read(0, values);
      for (float& value : values) value += static_cast<float>(random() % 2001) / 5000.0f - 0.2f;
      tensors.push_back(output_tensor(name, view.shape, std::span<const float>(values)));
    }
  }
  write_safetensors(folder / "model.safetensors", tensors);
  return folder;
}

TEST_P(OddShapes, AgreeWithTheExecutor) {
  BuildRequest request;
  request.model = make_model(GetParam()).string();
  request.name = "odd";
  request.isa = "x86-64-v3";
  request.batch = 2;
  request.threads = 2;
  request.forward_tokens = 5;
  const fs::path folder = fs::path(request.model).parent_path().string() + ".artifact";
  fs::remove_all(folder);
  build_artifact(request, folder, true);
  const Artifact artifact(folder);
  const mambac_artifact& table = artifact.table();
  const Plan plan = plan_model(request).plan;
  const SafetensorsFile weights = SafetensorsFile::open(request.model);
  Executor executor(plan, weights);

  constexpr int64_t count = 11;
  std::mt19937 random(2);
  std::vector<int32_t> tokens;
  std::vector<float> values;
  for (int64_t index = 0; index < table.batch * count; ++index) {
    if (table.vocabulary > 0) tokens.push_back(static_cast<int32_t>(random() % table.vocabulary));
    for (int64_t value = 0; value < table.input_size; ++value) {
      values.push_back(static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
    }
  }
  std::vector<double> input(tokens.begin(), tokens.end());
  input.insert(input.end(), values.begin(), values.end());
  const std::vector<double> expected = executor.run("forward", input, count);
  for (const char* program : {"step", "forward"}) {
    Session session(artifact);
    const std::vector<float> found = run_program(program, artifact, session, tokens, values, count);
    EXPECT_LT(relative_error(std::vector<double>(found.begin(), found.end()), expected), 2e-6) << program;
  }
  run_program_with(folder / "odd_test.cpp", {folder}, (folder / "odd.weights").string());
}

INSTANTIATE_TEST_SUITE_P(All, OddShapes, testing::ValuesIn(shapes),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace mambac
