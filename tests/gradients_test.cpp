// Gradients: against the goldens, against finite differences of the double-precision executor, in blocks of tokens,
// and the same bits for any number of threads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "generator/families/families.h"
#include "generator/file.h"
#include "generator/run/training_cases.h"
#include "runtime/state_header.h"
#include "tests/allocation_guard.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"
#include "tests/golden_case.h"
#include "tests/odd_shapes.h"
#include "tests/reference_executor.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

constexpr double tolerance = 2e-6, gradient_tolerance = 1e-5;

BuildRequest training_request(const std::string& model, int64_t tokens) {
  BuildRequest request = request_for(model);
  request.isa = "x86-64-v3";
  request.weights = "f32";
  request.programs = "step,forward,train";
  request.train_tokens = tokens;
  return request;
}

std::vector<Answer> gradients_of(const BuildRequest& request, const GoldenCase& golden) {
  const Artifact& artifact = built_artifact(request);
  const StateLayout layout = read_state_layout(artifact.plan());
  Session session(artifact);
  return run_training_case(golden.golden, read_case(golden.golden, artifact.table(), layout),
                           artifact.table().train_tokens, artifact, layout, session);
}

// mamba_ssm's name of the embedding differs from Hugging Face's, which answers use.
const TensorView& right_answer(const GoldenCase& golden, const std::string& name) {
  const bool original = name == "grad.backbone.embeddings.weight" && !golden.golden.has(name);
  return golden.golden.at(original ? "grad.backbone.embedding.weight" : name);
}

void expect_golden(const std::vector<Answer>& answers, const GoldenCase& golden) {
  int64_t gradients = 0;
  for (const Answer& answer : answers) {
    const bool gradient = answer.name.starts_with("grad.");
    gradients += gradient;
    const std::vector<double> found(answer.values.begin(), answer.values.end());
    EXPECT_LT(relative_error(found, values(right_answer(golden, answer.name))),
              gradient ? gradient_tolerance : tolerance)
        << answer.name;
  }
  EXPECT_GT(gradients, 10);
}

class GoldenGradients : public testing::TestWithParam<std::string> {};

TEST_P(GoldenGradients, InOneBlock) {
  const GoldenCase golden = read_golden(GetParam());
  expect_golden(gradients_of(training_request(GetParam(), golden.count()), golden), golden);
}

// With the other tape, and the state's gradient carried from the second block to the first.
TEST(Gradients, InTwoBlocks) {
  for (const std::string name : {"falcon-tiny", "mamba1-odd", "mamba2-groups"}) {
    const GoldenCase golden = read_golden(name);
    BuildRequest request = training_request(name, golden.count() / 2 + 1);
    request.tape = "fast";
    expect_golden(gradients_of(request, golden), golden);
  }
}

TEST(Gradients, HaveTheSameBitsWithTwoThreads) {
  for (const std::string name : {"falcon-tiny", "mamba2-groups"}) {
    const GoldenCase golden = read_golden(name);
    BuildRequest request = training_request(name, golden.count());
    const std::vector<Answer> one = gradients_of(request, golden);
    request.threads = 2;
    const std::vector<Answer> two = gradients_of(request, golden);
    ASSERT_EQ(one.size(), two.size());
    for (size_t index = 0; index < one.size(); ++index) {
      ASSERT_EQ(one[index].values.size(), two[index].values.size());
      EXPECT_EQ(
          std::memcmp(one[index].values.data(), two[index].values.data(), one[index].values.size() * sizeof(float)), 0)
          << name << " " << one[index].name;
    }
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Mamba1, GoldenGradients, testing::ValuesIn(mamba1_goldens()), test_name);
INSTANTIATE_TEST_SUITE_P(Mamba2, GoldenGradients, testing::ValuesIn(mamba2_goldens()), test_name);

// Weights as the packing lays them out are those of the weights file; parameters come back.
TEST(Packing, IsThatOfTheWeightsFile) {
  for (const std::string name : {"mamba1-odd", "mamba1-tiny"}) {
    const GoldenCase golden = read_golden(name);
    const Artifact& artifact = built_artifact(training_request(name, golden.count()));
    const mambac_artifact& table = artifact.table();
    std::vector<float> parameters(table.parameters), back(table.parameters);
    ASSERT_EQ(table.weights_unpack(artifact.weights(), back.data()), MAMBAC_OK);
    const Checkpoint checkpoint(golden.folder);
    for (int32_t index = 0; index < table.parameter_count; ++index) {
      const mambac_parameter& parameter = table.parameter_table[index];
      const TensorView& tensor = checkpoint.at(parameter.name);
      tensor.read(0, std::span(parameters).subspan(parameter.offset, tensor.count()));
      const bool rounded = std::string(parameter.name).ends_with("A_log");
      for (int64_t i = parameter.offset; i < parameter.offset + tensor.count(); ++i) {
        ASSERT_NEAR(back[i], parameters[i], rounded ? 3e-7 : 0.0) << parameter.name;
      }
    }
    ArtifactMemory packed(table, table.weights_bytes);
    mambac_weights weights{};
    ASSERT_EQ(table.weights_pack(parameters.data(), packed.data(), &weights), MAMBAC_OK);
    const auto data_bytes = artifact.plan().at("weight_bytes").get<int64_t>();
    const auto* made = reinterpret_cast<const float*>(weights.data);
    const auto* right = reinterpret_cast<const float*>(artifact.weights()->data);
    for (int64_t i = 0; i < data_bytes / 4; ++i) {
      ASSERT_NEAR(made[i], right[i], 3e-7 * std::fabs(right[i])) << name << " float " << i;
    }
  }
}

// The loss sum(outputs * d_outputs) of a model in double precision.
double loss_of(const Plan& plan, const fs::path& weights, std::span<const double> input, int64_t count,
               std::span<const float> d_outputs) {
  const SafetensorsFile file = SafetensorsFile::open(weights);
  Executor executor(plan, file);
  const std::vector<double> outputs = executor.run("forward", input, count);
  double loss = 0;
  for (size_t index = 0; index < outputs.size(); ++index) loss += outputs[index] * d_outputs[index];
  return loss;
}

class OddGradients : public testing::TestWithParam<OddShape> {};

// Along a direction in every weight: the difference of two losses in double precision over the step.
TEST_P(OddGradients, AgreeWithFiniteDifferences) {
  BuildRequest request;
  request.model = make_odd_model(GetParam()).string();
  request.name = std::string("odd_") + GetParam().name;
  request.isa = "x86-64-v3";
  request.batch = 2;
  request.threads = 2;
  request.forward_tokens = 11;
  request.programs = "step,forward,train";
  request.train_tokens = 11;
  const Artifact& artifact = built_artifact(request);
  const mambac_artifact& table = artifact.table();
  const Plan plan = plan_model(request).plan;

  constexpr int64_t count = 11;
  std::mt19937 random(2);
  const auto uniform = [&] { return static_cast<float>(random() % 2001) / 1000.0f - 1.0f; };
  std::vector<int32_t> tokens;
  std::vector<float> values, d_outputs(table.batch * count * table.output_size);
  for (int64_t index = 0; index < table.batch * count; ++index) {
    if (table.vocabulary > 0) tokens.push_back(static_cast<int32_t>(random() % table.vocabulary));
    for (int64_t value = 0; value < table.input_size; ++value) values.push_back(uniform());
  }
  for (float& value : d_outputs) value = uniform();
  std::vector<double> input(tokens.begin(), tokens.end());
  input.insert(input.end(), values.begin(), values.end());

  Session session(artifact);
  ArtifactMemory tape(table, table.tape_bytes);
  std::vector<float> outputs(d_outputs.size()), gradients(table.parameters);
  const void* given = tokens.empty() ? static_cast<const void*>(values.data()) : tokens.data();
  session.train(*artifact.weights(), tape, given, count, outputs);
  session.backward(*artifact.weights(), tape, d_outputs, nullptr, gradients, nullptr, {});

  const Checkpoint checkpoint(request.model);
  const fs::path moved = test_folder() / "moved";
  fs::create_directories(moved);
  for (int32_t wanted = 0; wanted < table.parameter_count; ++wanted) {
    const mambac_parameter& parameter = table.parameter_table[wanted];
    const int64_t size = checkpoint.at(parameter.name).count();
    const std::span<const float> gradient = std::span(gradients).subspan(parameter.offset, size);
    double norm = 0;
    for (const float value : gradient) norm += static_cast<double>(value) * value;
    norm = std::sqrt(norm);
    ASSERT_GT(norm, 0) << parameter.name;
    std::vector<double> direction(size);
    for (int64_t i = 0; i < size; ++i)
      direction[i] = gradient[i] / norm + uniform() / std::sqrt(static_cast<double>(size));

    double losses[2];
    std::vector<float> ends[2];
    for (const int side : {0, 1}) {
      std::vector<OutputTensor> tensors;
      for (int32_t index = 0; index < table.parameter_count; ++index) {
        const mambac_parameter& other = table.parameter_table[index];
        const TensorView& tensor = checkpoint.at(other.name);
        std::vector<float> weights(tensor.count());
        tensor.read(0, std::span(weights));
        if (index == wanted) {
          for (int64_t i = 0; i < size; ++i)
            weights[i] += static_cast<float>((side == 0 ? -1e-3 : 1e-3) * direction[i]);
          ends[side] = weights;
        }
        tensors.push_back(output_tensor(other.name, tensor.shape, std::span<const float>(weights)));
      }
      write_safetensors(moved / "model.safetensors", tensors);
      losses[side] = loss_of(plan, moved, input, count, d_outputs);
    }
    double expected = 0, step = 0;
    for (int64_t i = 0; i < size; ++i) {
      const double change = static_cast<double>(ends[1][i]) - ends[0][i];
      expected += change * gradient[i];
      step += change * change;
    }
    EXPECT_NEAR(losses[1] - losses[0], expected, 2e-5 * norm * std::sqrt(step)) << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, OddGradients, testing::ValuesIn(odd_shapes()),
                         [](const auto& parameter) { return parameter.param.name; });

// What one training call of a model's artifact gives.
struct TrainingAnswer {
  std::vector<float> outputs, gradients, d_inputs;
  std::vector<std::byte> state, d_state;
};

// `calls` calls of an artifact of `batch` sequences, on the next sequences each; gradients add up.
TrainingAnswer train_in_calls(int64_t batch, int64_t calls, int threads) {
  constexpr int64_t count = 29;
  BuildRequest request = training_request("mamba1-tiny", 32);
  request.batch = batch;
  request.threads = threads;
  const Artifact& artifact = built_artifact(request);
  const mambac_artifact& table = artifact.table();
  const size_t output_floats = batch * count * table.output_size, input_floats = batch * count * 64;
  std::mt19937 random(5);
  TrainingAnswer answer;
  answer.gradients.resize(table.parameters);
  for (int64_t call = 0; call < calls; ++call) {
    std::vector<int32_t> tokens(batch * count);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % table.vocabulary);
    Session session(artifact);
    ArtifactMemory tape(table, table.tape_bytes), d_state_out(table, table.state_bytes),
        d_state(table, table.state_bytes);
    table.state_reset(d_state_out.data());
    std::vector<float> outputs(output_floats), d_inputs(input_floats);
    session.train(*artifact.weights(), tape, tokens.data(), count, outputs);
    session.backward(*artifact.weights(), tape, outputs, &d_state_out, answer.gradients, &d_state, d_inputs);
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    const auto without_header = [](std::span<const std::byte> whole) {
      return whole.subspan(sizeof(mambac_runtime::StateHeader));
    };
    append(answer.outputs, outputs);
    append(answer.d_inputs, d_inputs);
    const std::vector<std::byte> state = session.state();
    append(answer.state, without_header(state));
    append(answer.d_state, without_header({static_cast<const std::byte*>(d_state.data()), table.state_bytes}));
  }
  return answer;
}

// Six sequences of 32 tokens go through the layers in two groups of three: the bits of two calls with three each, and
// with two threads the same.
TEST(Training, TakesABatchInGroups) {
  BuildRequest request = training_request("mamba1-tiny", 32);
  request.batch = 6;
  ASSERT_EQ(plan_model(request).plan.training->sequences, 3);
  const TrainingAnswer apart = train_in_calls(3, 2, 1);
  for (const int threads : {1, 2}) {
    const TrainingAnswer together = train_in_calls(6, 1, threads);
    EXPECT_EQ(together.outputs, apart.outputs) << threads;
    EXPECT_EQ(together.gradients, apart.gradients) << threads;
    EXPECT_EQ(together.d_inputs, apart.d_inputs) << threads;
    EXPECT_EQ(together.state, apart.state) << threads;
    EXPECT_EQ(together.d_state, apart.d_state) << threads;
  }
}

TEST(Training, AllocatesNothing) {
  const GoldenCase golden = read_golden("mamba1-tiny");
  const Artifact& artifact = built_artifact(training_request("mamba1-tiny", golden.count()));
  const mambac_artifact& table = artifact.table();
  ArtifactMemory tape(table, table.tape_bytes), packed(table, table.weights_bytes), state(table, table.state_bytes),
      memory(table, table.workspace_bytes);
  mambac_workspace* workspace = nullptr;
  ASSERT_EQ(table.workspace_open(memory.data(), &workspace, nullptr, 0), MAMBAC_OK);
  std::vector<float> parameters(table.parameters), gradients(table.parameters), first(table.parameters),
      second(table.parameters), outputs(golden.count() * table.output_size);
  std::vector<int32_t> tokens(golden.count(), 3);
  table.weights_unpack(artifact.weights(), parameters.data());
  const AllocationGuard guard;
  for (int64_t step = 1; step <= 20; ++step) {
    mambac_weights weights{};
    table.weights_pack(parameters.data(), packed.data(), &weights);
    table.state_reset(state.data());
    table.train(&weights, workspace, state.data(), tape.data(), tokens.data(), static_cast<int32_t>(tokens.size()),
                outputs.data());
    double loss = 0;
    table.cross_entropy(outputs.data(), tokens.data(), golden.count(), -1, &loss);
    std::memset(gradients.data(), 0, gradients.size() * sizeof(float));
    table.backward(&weights, workspace, tape.data(), outputs.data(), nullptr, gradients.data(), nullptr, nullptr);
    table.clip_gradients(gradients.data(), 1);
    table.adamw(parameters.data(), gradients.data(), first.data(), second.data(), step, 1e-3f, 0.9f, 0.95f, 1e-8f,
                0.1f);
  }
  EXPECT_EQ(guard.calls().allocations, 0);
  table.workspace_close(workspace);
}

TEST(Training, RefusesAForeignTape) {
  const GoldenCase golden = read_golden("mamba1-tiny");
  const Artifact& artifact = built_artifact(training_request("mamba1-tiny", golden.count()));
  const mambac_artifact& table = artifact.table();
  ArtifactMemory tape(table, table.tape_bytes), workspace(table, table.workspace_bytes);
  mambac_workspace* opened = nullptr;
  ASSERT_EQ(table.workspace_open(workspace.data(), &opened, nullptr, 0), MAMBAC_OK);
  std::vector<float> d_outputs(golden.count() * table.output_size), gradients(table.parameters);
  EXPECT_EQ(table.backward(artifact.weights(), opened, tape.data(), d_outputs.data(), nullptr, gradients.data(),
                           nullptr, nullptr),
            MAMBAC_WRONG_TAPE);
  table.workspace_close(opened);
}

// The default product shape with 32 tokens: at most 18% of what keeping h, the h before it and exp(delta A) of every
// token takes beside the activations.
TEST(Tape, OfTheDefaultShapeIsSmall) {
  BuildRequest request;
  request.model = "configs/product-default";
  request.isa = "x86-64-v3";
  request.programs = "step,forward,train";
  const Plan plan = plan_model(request).plan;
  constexpr int64_t tokens = 32, layers = 3, size = 128, inner = 256, states = 16, rank = 8;
  const int64_t every_token = 3 * inner * states;
  // residual, xz, x, [dt, B, C], delta, y
  const int64_t activations = size + 2 * inner + inner + rank + 2 * states + inner + inner;
  EXPECT_EQ(plan.training->sequences, 1);
  EXPECT_LE(plan.training->tape_floats, tokens * layers * (every_token + activations) * 18 / 100);
}

}  // namespace
}  // namespace mambac
