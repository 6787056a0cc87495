// The reference executor against the goldens, and against plans that are wrong on purpose.
#include "tests/reference_executor.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "generator/error.h"
#include "generator/run/cases.h"
#include "tests/first_wrong_call.h"
#include "tests/golden_case.h"
#include "tests/golden_run.h"

namespace mambac {
namespace {

constexpr double tolerance = 1e-10;

Plan plan_of(const ModelConfiguration& model, int64_t forward_tokens, int64_t batch = 1,
             const std::string& weights = "f32") {
  Deployment deployment;
  deployment.isa = "x86-64-v3";
  deployment.weights = weights;
  deployment.batch = batch;
  deployment.forward_tokens = forward_tokens;
  return make_plan(model, deployment, "golden", false);
}

// What the golden stores as F32 is right to half a unit in the last place.
void expect_golden(const std::vector<double>& given, const GoldenCase& golden, const std::string& name) {
  const TensorView& right = golden.golden.at(name);
  EXPECT_LE(relative_error(given, values(right)), right.type == TensorType::f64 ? tolerance : 5e-8) << name;
}

void expect_golden(const std::map<std::string, std::vector<double>>& answers, const GoldenCase& golden) {
  for (const auto& [name, given] : answers) expect_golden(given, golden, name);
}

class Goldens : public testing::TestWithParam<std::string> {
 protected:
  GoldenCase golden = read_golden(GetParam());
  std::vector<double> input = golden.input();
  int64_t count = golden.count();
};

TEST_P(Goldens, EveryProgramGivesOutputsResidualsAndStates) {
  // 24 tokens in blocks of 24, of 5 (4 in the last), of 1.
  for (const int64_t forward_tokens : {64, 5, 1}) {
    for (const std::string program : {"step", "forward"}) {
      SCOPED_TRACE(fmt::format("{} of {}", program, forward_tokens));
      const Plan plan = plan_of(golden.model, forward_tokens);
      Executor executor(plan, golden.weights);
      expect_golden(run_golden(executor, golden, program), golden);

      set_golden_state(executor, golden);
      const auto wrong =
          first_wrong_layer(executor, program, input, count, values(golden.golden.at("residuals")), tolerance);
      EXPECT_FALSE(wrong) << wrong->sentence;
    }
  }
}

TEST_P(Goldens, LastOutputIsTheLastOfAll) {
  const Plan plan = plan_of(golden.model, 7);
  Executor executor(plan, golden.weights);
  for (const std::string program : {"step", "forward"}) {
    set_golden_state(executor, golden);
    const std::vector<double> all = executor.run(program, input, count);
    set_golden_state(executor, golden);
    const std::vector<double> last = executor.run(program, input, count, Executor::Outputs::last);
    EXPECT_EQ(last, std::vector<double>(all.end() - golden.model.outputs(), all.end())) << program;
  }
}

TEST_P(Goldens, RunsGoOnFromEachOthersState) {
  const Plan plan = plan_of(golden.model, 64);
  Executor executor(plan, golden.weights);
  const int64_t width = static_cast<int64_t>(input.size()) / count;
  for (const int64_t split : {1, 11, 23}) {
    set_golden_state(executor, golden);
    std::vector<double> outputs = executor.run("forward", std::span(input).first(split * width), split);
    std::ranges::copy(executor.run("step", std::span(input).subspan(split * width), count - split),
                      std::back_inserter(outputs));
    expect_golden(outputs, golden, "outputs");
    expect_golden(golden_states(executor), golden);
  }
}

TEST_P(Goldens, RowsOfABatchAreWhatTheyAreAlone) {
  constexpr int64_t batch = 3;
  const Plan alone_plan = plan_of(golden.model, 5), batch_plan = plan_of(golden.model, 5, batch);
  Executor alone(alone_plan, golden.weights), together(batch_plan, golden.weights);
  // Sequence s runs the golden's input from s tokens later on, in a circle; the last one starts from zero.
  const int64_t width = static_cast<int64_t>(input.size()) / count;
  std::vector<double> inputs;
  for (int64_t sequence = 0; sequence < batch; ++sequence) {
    std::vector<double> turned = input;
    std::ranges::rotate(turned, turned.begin() + sequence * width);
    inputs.insert(inputs.end(), turned.begin(), turned.end());
  }
  for (const std::string program : {"step", "forward"}) {
    together.reset();
    set_golden_state(together, golden, 0);
    set_golden_state(together, golden, 1);
    const std::vector<double> outputs = together.run(program, inputs, count);
    const int64_t size = static_cast<int64_t>(outputs.size()) / batch;
    for (int64_t sequence = 0; sequence < batch; ++sequence) {
      alone.reset();
      if (sequence < 2) set_golden_state(alone, golden);
      const std::vector<double> right =
          alone.run(program, std::span(inputs).subspan(sequence * input.size(), input.size()), count);
      EXPECT_EQ(std::vector<double>(outputs.begin() + sequence * size, outputs.begin() + (sequence + 1) * size), right);
      for (const StateTensor& tensor : alone_plan.state) {
        EXPECT_EQ(together.state(sequence, tensor.name), alone.state(0, tensor.name)) << tensor.name;
      }
    }
  }
}

TEST_P(Goldens, Bf16RoundsTheMatricesAlone) {
  // A checkpoint whose matrices hold bfloat16 values already.
  const Plan plan = plan_of(golden.model, 64), rounded_plan = plan_of(golden.model, 64, 1, "bf16");
  std::vector<OutputTensor> tensors;
  for (const auto& [name, view] : golden.weights.tensors()) {
    std::vector<float> values(view.count());
    view.read(0, std::span(values));
    const bool matrix = std::ranges::any_of(plan.checkpoint, [&](const CheckpointTensor& tensor) {
      return tensor.matrix && (tensor.name == name || name == "backbone.embedding.weight");
    });
    for (float& value : values) {
      // Eight bits of significand, ties to even: what nearbyint does in the default rounding mode.
      int exponent = 0;
      const float significand = std::frexp(value, &exponent);
      if (matrix) value = std::ldexp(std::nearbyint(std::ldexp(significand, 8)), exponent - 8);
    }
    tensors.push_back(output_tensor(name, view.shape, std::span<const float>(values)));
  }
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / (GetParam() + "-rounded.safetensors");
  write_safetensors(path, tensors);
  const SafetensorsFile rounded_weights = SafetensorsFile::open(path);

  Executor rounding(rounded_plan, golden.weights), rounded(plan, rounded_weights);
  const std::vector<double> outputs = rounding.run("forward", input, count);
  EXPECT_EQ(outputs, rounded.run("forward", input, count));
  Executor exact(plan, golden.weights);
  EXPECT_GT(relative_error(outputs, exact.run("forward", input, count)), 1e-4);
}

TEST_P(Goldens, EveryCallThatIsMovedIsFound) {
  const Plan plan = plan_of(golden.model, 64);
  Executor right(plan, golden.weights);
  const std::vector<double> residuals = values(golden.golden.at("residuals"));
  const std::vector<Call>& calls = plan.program("forward").calls;
  for (size_t index = 0; index < calls.size(); ++index) {
    Plan moved = plan;
    auto& program = *std::ranges::find(moved.programs, "forward", &Program::name);
    // The first activation that the call reads is read one float too late; one that has no room is written there.
    for (auto& [name, argument] : program.calls[index].arguments) {
      auto* operand = std::get_if<Operand>(&argument);
      if (operand == nullptr || operand->space != Space::workspace) continue;
      operand->offset += 1;
      break;
    }
    moved.workspace_floats += 1;
    SCOPED_TRACE(fmt::format("call {}: {}", index, calls[index].about));
    Executor wrong(moved, golden.weights);
    set_golden_state(wrong, golden);
    set_golden_state(right, golden);
    const auto call = first_wrong_call(wrong, right, "forward", input, count, tolerance);
    ASSERT_TRUE(call);
    // Reading elsewhere shows in this call; writing elsewhere, when the value is read.
    EXPECT_GE(call->position.index, static_cast<int64_t>(index));
    EXPECT_LE(call->position.index, static_cast<int64_t>(index) + 1);

    set_golden_state(wrong, golden);
    const auto layer = first_wrong_layer(wrong, "forward", input, count, residuals, tolerance);
    ASSERT_TRUE(layer);
    EXPECT_EQ(layer->position.call->layer, std::max<int64_t>(calls[index].layer, 0));
    EXPECT_NE(layer->sentence.find(fmt::format("layer {} (residual += out_proj ", layer->position.call->layer)),
              std::string::npos)
        << layer->sentence;
  }
}

std::string name_of_golden(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Mamba1, Goldens, testing::ValuesIn(mamba1_goldens()), name_of_golden);
INSTANTIATE_TEST_SUITE_P(Mamba2, Goldens, testing::ValuesIn(mamba2_goldens()), name_of_golden);

class Trained : public testing::TestWithParam<std::string> {};

TEST_P(Trained, GreedyTokensInBothWeightTypes) {
  const GoldenCase golden = read_golden(GetParam());
  const Plan plan = plan_of(golden.model, 64), rounded_plan = plan_of(golden.model, 64, 1, "bf16");
  Executor executor(plan, golden.weights), rounding(rounded_plan, golden.weights);
  std::vector<double> outputs = executor.run("forward", golden.input(), golden.count());
  expect_golden(outputs, golden, "outputs");
  // Its matrices are bfloat16 as they are.
  EXPECT_EQ(rounding.run("forward", golden.input(), golden.count()), outputs);

  std::vector<double> tokens;
  for (size_t i = 0; i < 256; ++i) {
    tokens.push_back(
        static_cast<double>(std::distance(outputs.end() - golden.model.vocabulary,
                                          std::max_element(outputs.end() - golden.model.vocabulary, outputs.end()))));
    outputs = executor.run("step", std::span(&tokens.back(), 1), 1);
  }
  EXPECT_EQ(tokens, values(golden.golden.at("greedy_ids")));
}

INSTANTIATE_TEST_SUITE_P(Austen, Trained, testing::Values("austen-mamba", "austen-mamba2"), name_of_golden);

TEST(Executor, StopsAfterAnyCall) {
  const GoldenCase golden = read_golden("mamba1-tiny");
  const Plan plan = plan_of(golden.model, 64);
  Executor executor(plan, golden.weights);
  std::vector<double> embedded;
  const std::vector<double> outputs = executor.run("forward", golden.input(), golden.count(), Executor::Outputs::all,
                                                   [&](const Executor::Position& position) {
                                                     EXPECT_EQ(position.index, 0);
                                                     embedded = executor.values("output");
                                                     return false;
                                                   });
  ASSERT_EQ(embedded.size(), static_cast<size_t>(golden.count() * golden.model.model_size));
  const std::vector<double> table = values(golden.weights.at("backbone.embeddings.weight"));
  const auto token = static_cast<int64_t>(golden.input()[1]);
  EXPECT_EQ(embedded[golden.model.model_size], table[token * golden.model.model_size]);
  EXPECT_TRUE(std::ranges::all_of(outputs, [](double value) { return std::isnan(value); }));
}

TEST(Executor, FindsOperandsThatThePlanUnderstates) {
  const GoldenCase golden = read_golden("mamba1-tiny");
  Plan plan = plan_of(golden.model, 64);
  for (auto& [name, argument] : plan.programs.front().calls[1].arguments) {
    if (auto* operand = std::get_if<Operand>(&argument); name == "output") operand->columns -= 1;
  }
  Executor executor(plan, golden.weights);
  try {
    executor.run(plan.programs.front().name, golden.input(), golden.count());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_STREQ(error.what(), "values 0 to 64 of `normed` are outside its 1 rows of 63 values, 64 apart");
  }
}

}  // namespace
}  // namespace mambac
