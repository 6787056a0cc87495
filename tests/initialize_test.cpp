// Fresh weights: their distributions, and that they are the same bytes everywhere.
#include "generator/checkpoint/initialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "generator/checkpoint/safetensors.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

constexpr int64_t model_size = 24, inner_size = 48, states = 16, taps = 4, rank = 5, layers = 4, vocabulary = 3000;

ModelConfiguration small_model() {
  ModelConfiguration model;
  model.family = "mamba1";
  model.model_size = model_size;
  model.layers = layers;
  model.vocabulary = vocabulary;
  Mamba1Mixer mixer;
  mixer.inner_size = inner_size;
  mixer.delta_rank = rank;
  model.mixer = mixer;
  return model;
}

const std::string mixer = "backbone.layers.1.mixer.";

// One tensor of every kind.
std::vector<CheckpointTensor> small_tensors() {
  return {{"backbone.embeddings.weight", {vocabulary, model_size}},
          {"backbone.input_proj.weight", {model_size, 10}},
          {"backbone.input_proj.bias", {model_size}},
          {"backbone.layers.1.norm.weight", {model_size}},
          {"backbone.layers.1.norm.bias", {model_size}},
          {mixer + "in_proj.weight", {2 * inner_size, model_size}},
          {mixer + "in_proj.bias", {2 * inner_size}},
          {mixer + "conv1d.weight", {inner_size, 1, taps}},
          {mixer + "conv1d.bias", {inner_size}},
          {mixer + "x_proj.weight", {rank + 2 * states, inner_size}},
          {mixer + "dt_proj.weight", {inner_size, rank}},
          {mixer + "dt_proj.bias", {inner_size}},
          {mixer + "A_log", {inner_size, states}},
          {mixer + "D", {inner_size}},
          {mixer + "out_proj.weight", {model_size, inner_size}},
          {mixer + "out_proj.bias", {model_size}},
          {"backbone.norm_f.weight", {model_size}},
          {"backbone.norm_f.bias", {model_size}},
          {"head.weight", {7, model_size}},
          {"head.bias", {7}},
          {"lm_head.weight", {vocabulary, model_size}}};
}

SafetensorsFile initialized(uint64_t seed, const std::string& name,
                            const std::vector<CheckpointTensor>& tensors = small_tensors()) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("initialize_test." + name);
  std::filesystem::create_directories(folder);
  initialize(small_model(), tensors, seed, folder);
  return SafetensorsFile::open(folder);
}

std::vector<double> values_of(const SafetensorsFile& file, const std::string& name) {
  std::vector<double> values(static_cast<size_t>(file.at(name).count()));
  file.at(name).read(0, values);
  return values;
}

double mean(const std::vector<double>& values, int power) {
  double sum = 0;
  for (const double value : values) sum += std::pow(value, power);
  return sum / static_cast<double>(values.size());
}

TEST(Initialize, WritesEveryTensorInF32) {
  const SafetensorsFile file = initialized(1, "every");
  EXPECT_EQ(file.tensors().size(), small_tensors().size());
  for (const CheckpointTensor& tensor : small_tensors()) {
    EXPECT_EQ(file.at(tensor.name).type, TensorType::f32) << tensor.name;
    EXPECT_EQ(file.at(tensor.name).shape, tensor.shape) << tensor.name;
  }
}

TEST(Initialize, ConstantsAreExact) {
  const SafetensorsFile file = initialized(1, "constants");
  for (const std::string& name :
       {std::string("backbone.layers.1.norm.weight"), std::string("backbone.norm_f.weight"), mixer + "D"}) {
    EXPECT_THAT(values_of(file, name), testing::Each(1.0)) << name;
  }
  for (const std::string& name :
       {std::string("backbone.layers.1.norm.bias"), std::string("backbone.norm_f.bias"), mixer + "in_proj.bias",
        mixer + "out_proj.bias", std::string("backbone.input_proj.bias"), std::string("head.bias")}) {
    EXPECT_THAT(values_of(file, name), testing::Each(0.0)) << name;
  }
  const std::vector<double> logarithms = values_of(file, mixer + "A_log");
  for (size_t i = 0; i < logarithms.size(); ++i) {
    EXPECT_EQ(logarithms[i], static_cast<float>(std::log(1.0 + static_cast<double>(i % states))));
  }
}

TEST(Initialize, UniformTensorsFillTheirBounds) {
  const SafetensorsFile file = initialized(1, "uniform");
  for (const auto& [name, bound] : {std::pair{std::string("backbone.input_proj.weight"), 1 / std::sqrt(10.0)},
                                    {mixer + "in_proj.weight", 1 / std::sqrt(24.0)},
                                    {mixer + "conv1d.weight", 0.5},
                                    {mixer + "conv1d.bias", 0.5},
                                    {mixer + "x_proj.weight", 1 / std::sqrt(48.0)},
                                    {mixer + "dt_proj.weight", 1 / std::sqrt(5.0)},
                                    {mixer + "out_proj.weight", 1 / std::sqrt(48.0) / std::sqrt(4.0)},
                                    {std::string("head.weight"), 1 / std::sqrt(24.0)},
                                    {std::string("lm_head.weight"), 1 / std::sqrt(24.0)}}) {
    SCOPED_TRACE(name);
    const std::vector<double> values = values_of(file, name);
    const auto [least, most] = std::ranges::minmax(values);
    const double count = static_cast<double>(values.size());
    EXPECT_LT(most, bound);
    EXPECT_GT(least, -bound);
    // None of the values this close to a bound has probability exp(-8).
    EXPECT_GT(most, bound * (1 - 16 / count));
    EXPECT_LT(least, -bound * (1 - 16 / count));
    // Within four standard errors of the moments of a uniform distribution.
    EXPECT_NEAR(mean(values, 1) / bound, 0, 4 * std::sqrt(1.0 / 3 / count));
    EXPECT_NEAR(mean(values, 2) / (bound * bound), 1.0 / 3, 4 * std::sqrt(4.0 / 45 / count));
  }
}

TEST(Initialize, EmbeddingIsNormal) {
  const std::vector<double> values = values_of(initialized(1, "normal"), "backbone.embeddings.weight");
  const double count = static_cast<double>(values.size());
  EXPECT_NEAR(mean(values, 1) / 0.02, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(mean(values, 2) / std::pow(0.02, 2), 1, 4 * std::sqrt(2 / count));
  EXPECT_NEAR(mean(values, 4) / std::pow(0.02, 4), 3, 4 * std::sqrt(96 / count));
  const auto within_one = std::ranges::count_if(values, [](double value) { return std::abs(value) < 0.02; });
  EXPECT_NEAR(static_cast<double>(within_one) / count, 0.682689, 4 * std::sqrt(0.2166 / count));
}

TEST(Initialize, DeltaBiasGivesStepsFromAThousandthToATenth) {
  std::vector<double> logarithms = values_of(initialized(1, "delta"), mixer + "dt_proj.bias");
  for (double& value : logarithms) value = std::log10(std::log1p(std::exp(value)));  // softplus
  EXPECT_GE(std::ranges::min(logarithms), -3 - 1e-6);
  EXPECT_LE(std::ranges::max(logarithms), -1 + 1e-6);
  EXPECT_LT(std::ranges::min(logarithms), -2.8);
  EXPECT_GT(std::ranges::max(logarithms), -1.2);
  EXPECT_NEAR(mean(logarithms, 1), -2, 4 * std::sqrt(1.0 / 3 / static_cast<double>(logarithms.size())));
}

// Each head has its own decay: A is uniform on [1, 16], which a mean and a mean square tell from its logarithm.
TEST(Initialize, Mamba2HasOneDecayAndOneStepForEachHead) {
  constexpr int64_t heads = 4000;
  const SafetensorsFile file = initialized(1, "mamba2",
                                           {{mixer + "A_log", {heads}},
                                            {mixer + "dt_bias", {heads}},
                                            {mixer + "D", {heads}},
                                            {mixer + "norm.weight", {inner_size}}});
  std::vector<double> decays = values_of(file, mixer + "A_log");
  for (double& value : decays) value = std::exp(value);
  EXPECT_GE(std::ranges::min(decays), 1 - 1e-6);
  EXPECT_LE(std::ranges::max(decays), 16 * (1 + 1e-6));
  EXPECT_NEAR(mean(decays, 1), 8.5, 4 * 7.5 * std::sqrt(1.0 / 3 / heads));
  for (double& value : decays) value = (value - 8.5) / 7.5;
  EXPECT_NEAR(mean(decays, 2), 1.0 / 3, 4 * std::sqrt(4.0 / 45 / heads));

  std::vector<double> steps = values_of(file, mixer + "dt_bias");
  for (double& value : steps) value = std::log10(std::log1p(std::exp(value)));  // softplus
  EXPECT_GE(std::ranges::min(steps), -3 - 1e-6);
  EXPECT_LE(std::ranges::max(steps), -1 + 1e-6);
  EXPECT_NEAR(mean(steps, 1), -2, 4 * std::sqrt(1.0 / 3 / heads));
  for (double& value : steps) value += 2;
  EXPECT_NEAR(mean(steps, 2), 1.0 / 3, 4 * std::sqrt(4.0 / 45 / heads));

  EXPECT_THAT(values_of(file, mixer + "D"), testing::Each(1.0));
  EXPECT_THAT(values_of(file, mixer + "norm.weight"), testing::Each(1.0));
}

// Computed once by an independent program from the definition of the generator.
TEST(Initialize, BitsAreTheSameEverywhere) {
  const std::string first = "backbone.layers.0.mixer.";
  const std::vector<CheckpointTensor> tensors = {{first + "in_proj.weight", {96, 24}},
                                                 {first + "dt_proj.bias", {48}},
                                                 {"backbone.embeddings.weight", {vocabulary, 24}},
                                                 {"lm_head.weight", {vocabulary, 24}}};
  const SafetensorsFile one = initialized(1, "pinned-1", tensors), two = initialized(2, "pinned-2", tensors);
  const auto start = [](const SafetensorsFile& file, const std::string& name, int64_t index = 0) {
    std::vector<double> values(3);
    file.at(name).read(index, values);
    return values;
  };
  using testing::ElementsAre;
  EXPECT_THAT(start(one, "backbone.embeddings.weight"), ElementsAre(0x1.b0b384p-7, -0x1.c5a02p-7, -0x1.3ed0fap-5));
  EXPECT_THAT(start(one, first + "in_proj.weight"), ElementsAre(0x1.102148p-4, 0x1.0142cep-3, 0x1.6f7d76p-4));
  EXPECT_THAT(start(one, first + "dt_proj.bias"), ElementsAre(-0x1.8e23c2p+2, -0x1.862b1cp+2, -0x1.5811fcp+2));
  EXPECT_THAT(start(two, "backbone.embeddings.weight"), ElementsAre(-0x1.82a6b4p-6, 0x1.36fcd4p-7, -0x1.e14474p-7));
  EXPECT_THAT(start(two, first + "in_proj.weight"), ElementsAre(0x1.fdab1ep-5, 0x1.7161b8p-3, -0x1.c72d44p-4));
  EXPECT_THAT(start(two, first + "dt_proj.bias"), ElementsAre(-0x1.900dfap+2, -0x1.3b8678p+1, -0x1.cbe4fap+1));
  // Across the pieces in which a tensor is written.
  EXPECT_THAT(start(one, "lm_head.weight", 65535), ElementsAre(0x1.3a9ddcp-4, 0x1.e171ccp-5, 0x1.6d0966p-3));
}

TEST(Initialize, DependsOnSeedAndNameNotOnOrder) {
  std::vector<CheckpointTensor> reversed = small_tensors();
  std::ranges::reverse(reversed);
  const SafetensorsFile file = initialized(7, "forth"), backwards = initialized(7, "back", reversed);
  for (const CheckpointTensor& tensor : small_tensors()) {
    EXPECT_EQ(values_of(file, tensor.name), values_of(backwards, tensor.name)) << tensor.name;
  }
  EXPECT_NE(values_of(file, "lm_head.weight"), values_of(initialized(8, "other"), "lm_head.weight"));
  const std::vector<CheckpointTensor> twins = {{"backbone.layers.0.mixer.in_proj.weight", {96, 24}},
                                               {"backbone.layers.1.mixer.in_proj.weight", {96, 24}}};
  const SafetensorsFile layers_apart = initialized(7, "twins", twins);
  EXPECT_NE(values_of(layers_apart, twins[0].name), values_of(layers_apart, twins[1].name));
}

TEST(Initialize, KnowsEveryTensorOfEveryFamily) {
  for (const char* changes :
       {R"({"layer": "Mamba1", "bias": true})", R"({"layer": "Mamba2", "headdim": 8, "d_ssm": 32, "bias": true})"}) {
    const nlohmann::json json = {{"d_model", 24},           {"n_layer", 2},
                                 {"vocab_size", 16},        {"rms_norm", false},
                                 {"tie_embeddings", false}, {"ssm_cfg", nlohmann::json::parse(changes)}};
    const ModelConfiguration model = parse_model_configuration(json.dump(), "config.json");
    const std::vector<CheckpointTensor> tensors = make_plan(model, {}, "family", false).checkpoint;
    const std::filesystem::path folder = test_folder();
    initialize(model, tensors, 1, folder);
    EXPECT_EQ(SafetensorsFile::open(folder).tensors().size(), tensors.size()) << changes;
  }
}

TEST(Initialize, RefusesWhatItDoesNotKnow) {
  const std::filesystem::path folder = test_folder();
  EXPECT_EQ(
      error_message([&] { initialize(small_model(), {{"backbone.mystery", {3}}}, 1, folder); }, ExitCode::internal),
      "the tensor \"backbone.mystery\" has no initial values");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(error_message([&] { initialize(small_model(), {}, 1, folder / "absent"); }, ExitCode::environment),
            "cannot write " + (folder / "absent" / "model.safetensors").string() + ": No such file or directory");
}

}  // namespace
}  // namespace mambac
