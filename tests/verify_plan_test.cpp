// A plan with any one thing wrong is refused before anything is made of it.
#include "generator/plan/verify_plan.h"

#include <gtest/gtest.h>

#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

Plan tiny_plan() {
  BuildRequest request = request_for("mamba1-tiny");
  request.isa = "x86-64-v3";
  return plan_model(request).plan;
}

std::string refusal(const Plan& plan) {
  return error_message([&] { verify_plan(plan); }, ExitCode::internal);
}

Operand& operand_of(Plan& plan, size_t call, const std::string& name) {
  for (auto& [argument, value] : plan.programs[0].calls[call].arguments) {
    if (argument == name) return std::get<Operand>(value);
  }
  throw std::out_of_range(name);
}

TEST(VerifyPlan, APlanPasses) { EXPECT_NO_THROW(verify_plan(tiny_plan())); }

TEST(VerifyPlan, OverlappingWeights) {
  Plan plan = tiny_plan();
  plan.weights[1].offset = plan.weights[0].offset;
  EXPECT_NE(refusal(plan).find("overlap"), std::string::npos);
}

TEST(VerifyPlan, AWeightBeyondTheEnd) {
  Plan plan = tiny_plan();
  plan.weights.back().bytes += 64;
  EXPECT_NE(refusal(plan).find("lies outside"), std::string::npos);
}

TEST(VerifyPlan, AMisalignedWeight) {
  Plan plan = tiny_plan();
  plan.weights.back().offset += 4;
  EXPECT_NE(refusal(plan).find("is not aligned"), std::string::npos);
}

TEST(VerifyPlan, OverlappingStateTensors) {
  Plan plan = tiny_plan();
  plan.state[1].offset -= 1;
  EXPECT_NE(refusal(plan).find("of the state overlap"), std::string::npos);
}

TEST(VerifyPlan, TwoLiveBuffersOnTheSameFloats) {
  Plan plan = tiny_plan();
  plan.programs[0].buffers[1].offset = plan.programs[0].buffers[0].offset;
  EXPECT_NE(refusal(plan).find("of the workspace of step overlap"), std::string::npos);
}

// The layout's own word on when a buffer lives is not what is checked.
TEST(VerifyPlan, TwoLiveBuffersWhoseLayoutDeniesIt) {
  Plan plan = tiny_plan();
  plan.programs[0].buffers[1].offset = plan.programs[0].buffers[0].offset;
  plan.programs[0].buffers[1].first_call = plan.programs[0].buffers[0].last_call + 1;
  plan.programs[0].buffers[1].last_call = plan.programs[0].buffers[0].last_call + 1;
  EXPECT_NE(refusal(plan).find("of the workspace of step overlap"), std::string::npos);
}

TEST(VerifyPlan, ABufferOfTooFewRows) {
  Plan plan = tiny_plan();
  plan.programs[1].buffers[0].rows -= 1;
  EXPECT_NE(refusal(plan).find("has 63 rows, the program 64"), std::string::npos) << refusal(plan);
}

TEST(VerifyPlan, MoreFloatsThanAnIntCounts) {
  const ModelConfiguration model = parse_model_configuration(
      R"({"model_type": "mamba", "hidden_size": 64, "num_hidden_layers": 1, "vocab_size": 1000000})", "wide.json");
  EXPECT_EQ(error_message([&] { make_plan(model, {.isa = "x86-64-v3", .batch = 4096}, "wide", false); }),
            "step: 4096 rows of 1000000 floats are more than 2^31 - 1 floats; take a smaller batch or fewer tokens");
}

TEST(VerifyPlan, AnOperandBeyondItsRow) {
  Plan plan = tiny_plan();
  operand_of(plan, 1, "output").offset += 1;
  EXPECT_NE(refusal(plan).find("layer 0, rms_norm"), std::string::npos);
}

TEST(VerifyPlan, AnOperandWithAnotherStride) {
  Plan plan = tiny_plan();
  operand_of(plan, 1, "input").row_stride += 16;
  EXPECT_NE(refusal(plan).find("has rows of"), std::string::npos);
}

TEST(VerifyPlan, AnOperandOutsideOfItsWeight) {
  Plan plan = tiny_plan();
  operand_of(plan, 1, "weight").offset += 1 << 20;
  EXPECT_NE(refusal(plan).find("lies outside"), std::string::npos);
}

TEST(VerifyPlan, ChannelsThatNoVectorDivides) {
  Plan plan = tiny_plan();
  for (Call& call : plan.programs[0].calls) {
    if (call.kernel == "convolve") call.shape[0].second = int64_t{129};
  }
  EXPECT_NE(refusal(plan).find("Channels = 129 is not a multiple of 8 lanes"), std::string::npos);
}

// One tap: the windows of many layers are empty and lie where the next tensor begins.
TEST(VerifyPlan, EmptyWindowsOfManyLayers) {
  const ModelConfiguration model = parse_model_configuration(
      R"({"model_type": "mamba", "hidden_size": 16, "num_hidden_layers": 24, "vocab_size": 64, "conv_kernel": 1})",
      "one_tap.json");
  EXPECT_NO_THROW(make_plan(model, Deployment{.isa = "x86-64-v3"}, "one_tap", false));
}

// Odd sizes everywhere: every plan passes its own verification.
TEST(VerifyPlan, EveryShippedConfigurationPasses) {
  int plans = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs")) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    for (const char* isa : {"x86-64-v3", "x86-64-v4"}) {
      BuildRequest request;
      request.model = (entry.path() / "config.json").string();
      request.isa = isa;
      request.batch = 3;
      EXPECT_NO_THROW(plan_model(request)) << entry.path();
      ++plans;
    }
  }
  EXPECT_GE(plans, 40);
}

}  // namespace
}  // namespace mambac
