// Built artifacts against the goldens, the reference executor and their own contracts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "generator/error.h"
#include "generator/run/cases.h"
#include "tests/allocation_guard.h"
#include "tests/built_artifact.h"
#include "tests/golden_case.h"
#include "tests/golden_run.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

constexpr double tolerance = 2e-6;  // that every header states

// What an artifact answers on a golden case, under the golden's names.
std::map<std::string, std::vector<double>> answers(const Artifact& artifact, const GoldenCase& golden,
                                                   const std::string& program) {
  const StateLayout layout = read_state_layout(artifact.plan());
  Session session(artifact);
  std::map<std::string, std::vector<double>> result;
  for (const Answer& answer :
       run_case(read_case(golden.golden, artifact.table(), layout), program, artifact, layout, session)) {
    result[answer.name] = {answer.values.begin(), answer.values.end()};
  }
  return result;
}

std::vector<std::string> goldens() {
  std::vector<std::string> all = mamba1_goldens();
  all.insert(all.end(), mamba2_goldens().begin(), mamba2_goldens().end());
  return all;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, F32AgreesWithTheGolden) {
  const GoldenCase golden = read_golden(GetParam());
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  for (const char* program : {"step", "forward"}) {
    for (const auto& [name, found] : answers(built_artifact(request), golden, program)) {
      EXPECT_LT(relative_error(found, values(golden.golden.at(name))), tolerance) << program << " " << name;
    }
  }
}

TEST_P(Golden, Bf16AgreesWithTheExecutorOnTheRoundedWeights) {
  const GoldenCase golden = read_golden(GetParam());
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  request.weights = "bf16";
  const Artifact& artifact = built_artifact(request);
  const Plan plan = plan_model(request).plan;
  Executor executor(plan, golden.weights);
  const auto expected = run_golden(executor, golden, "forward");
  for (const char* program : {"step", "forward"}) {
    for (const auto& [name, found] : answers(artifact, golden, program)) {
      EXPECT_LT(relative_error(found, expected.at(name)), tolerance) << program << " " << name;
    }
  }
}

// The test that is emitted with every artifact: step is forward for every split, rows are independent, states are plain
// bytes, errors leave the state as it was.
TEST_P(Golden, KeepsItsContracts) {
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  const Artifact& artifact = built_artifact(request);
  const std::string name = artifact.table().name;
  const std::string output = run_program_with(artifact.folder() / (name + "_test.cpp"), {artifact.folder()},
                                              (artifact.folder() / (name + ".weights")).string());
  EXPECT_NE(output.find("all contracts hold"), std::string::npos) << output;
}

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::ValuesIn(goldens()), [](const auto& parameter) {
  std::string name = parameter.param;
  for (char& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

// One model in many deployments: all of them give the same bits.
class Deployments : public testing::TestWithParam<std::string> {};

TEST_P(Deployments, BatchThreadsAndInstructionSetDoNotChangeABit) {
  const GoldenCase golden = read_golden(GetParam());
  BuildRequest base = request_for(GetParam());
  base.isa = "x86-64-v3";
  const auto expected = answers(built_artifact(base), golden, "forward");
  std::vector<std::pair<int64_t, int64_t>> batches_and_threads = {{1, 2}, {3, 1}, {3, 2}};
  for (const auto& [batch, threads] : batches_and_threads) {
    BuildRequest request = base;
    request.batch = batch;
    request.threads = threads;
    request.forward_tokens = 7;  // not a divisor of the 24 tokens
    const Artifact& artifact = built_artifact(request);
    for (const char* program : {"step", "forward"}) {
      EXPECT_EQ(answers(artifact, golden, program), expected)
          << program << " batch " << batch << " threads " << threads;
    }
    const std::string name = artifact.table().name;
    run_program_with(artifact.folder() / (name + "_test.cpp"), {artifact.folder()},
                     (artifact.folder() / (name + ".weights")).string());
  }
}

TEST_P(Deployments, Avx512GivesTheBitsOfAvx2) {
  if (native_isa() != "x86-64-v4") GTEST_SKIP() << "this machine has no AVX-512";
  const GoldenCase golden = read_golden(GetParam());
  BuildRequest narrow = request_for(GetParam()), wide = narrow;
  narrow.isa = "x86-64-v3";
  wide.isa = "x86-64-v4";
  for (const char* weights : {"f32", "bf16"}) {
    narrow.weights = wide.weights = weights;
    for (const char* program : {"step", "forward"}) {
      EXPECT_EQ(answers(built_artifact(wide), golden, program), answers(built_artifact(narrow), golden, program));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Odd, Deployments, testing::Values("mamba1-odd", "mamba2-groups"),
                         [](const auto& parameter) { return parameter.param == "mamba1-odd" ? "Mamba1" : "Mamba2"; });

class Austen : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Austen, WritesTheGoldensText) {
  const auto [model, weights] = GetParam();
  BuildRequest request = request_for(model);
  request.weights = weights;
  const Artifact& artifact = built_artifact(request);
  const GoldenCase golden = read_golden(model);
  const std::vector<double> prompt = golden.input(), expected = values(golden.golden.at("greedy_ids"));
  ASSERT_EQ(expected.size(), 256u);
  Session session(artifact);
  std::vector<float> logits(artifact.table().output_size);
  const std::vector<int32_t> tokens(prompt.begin(), prompt.end());
  session.forward(tokens.data(), static_cast<int32_t>(tokens.size()), MAMBAC_LAST, logits);
  for (size_t index = 0; index < expected.size(); ++index) {
    const auto next = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    ASSERT_EQ(next, static_cast<int32_t>(expected[index])) << "token " << index;
    session.step(&next, logits);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Austen,
                         testing::Values(std::pair("austen-mamba", "f32"), std::pair("austen-mamba", "bf16"),
                                         std::pair("austen-mamba2", "f32"), std::pair("austen-mamba2", "bf16")));

TEST(Artifact, AStateGoesOnInAnyOtherArtifactOfTheModel) {
  const GoldenCase golden = read_golden("mamba1-tiny");
  BuildRequest f32 = request_for("mamba1-tiny"), bf16 = f32;
  f32.isa = bf16.isa = "x86-64-v3";
  bf16.weights = "bf16";
  const Artifact &first = built_artifact(f32), &second = built_artifact(bf16);
  ASSERT_EQ(first.table().state_bytes, second.table().state_bytes);
  EXPECT_STREQ(first.table().model_hash, second.table().model_hash);
  EXPECT_STRNE(first.table().plan_hash, second.table().plan_hash);
  Session here(first), there(second);
  const int32_t token = 17;
  std::vector<float> output(first.table().output_size), other(output);
  here.step(&token, output);
  there.set_state(here.state());
  here.step(&token, output);
  there.step(&token, other);
  EXPECT_LT(relative_error(std::vector<double>(other.begin(), other.end()),
                           std::vector<double>(output.begin(), output.end())),
            0.05)
      << "only the rounding of the weights lies between the two";
}

TEST(Artifact, AStateOfAnotherModelIsRefused) {
  BuildRequest request = request_for("mamba1-tiny"), other = request_for("falcon-tiny");
  request.isa = other.isa = "x86-64-v3";
  const mambac_artifact& table = built_artifact(request).table();
  Session session(built_artifact(request));
  ArtifactMemory state(table, table.state_bytes);
  built_artifact(other).table().state_reset(state.data());
  session.set_state(std::span(static_cast<const std::byte*>(state.data()), state.bytes()));
  const int32_t token = 1;
  std::vector<float> output(table.output_size);
  EXPECT_THROW(session.step(&token, output), Error);
}

TEST(Artifact, AStateOfAnotherBatchIsRefused) {
  BuildRequest one = request_for("mamba1-odd"), three = one;
  one.isa = three.isa = "x86-64-v3";
  three.batch = 3;
  three.forward_tokens = 7;
  Session session(built_artifact(three));
  const mambac_artifact& table = built_artifact(three).table();
  ArtifactMemory state(table, table.state_bytes);
  built_artifact(one).table().state_reset(state.data());
  session.set_state(std::span(static_cast<const std::byte*>(state.data()), state.bytes()));
  const int32_t tokens[] = {1, 2, 3};
  std::vector<float> output(3 * built_artifact(three).table().output_size);
  EXPECT_THROW(session.step(tokens, output), Error);
}

TEST(Artifact, WeightsOfAnotherDeploymentAreRefusedByName) {
  BuildRequest f32 = request_for("mamba1-tiny"), bf16 = f32;
  f32.isa = bf16.isa = "x86-64-v3";
  bf16.weights = "bf16";
  const Artifact &first = built_artifact(f32), &second = built_artifact(bf16);
  mambac_weights weights;
  char message[512];
  const std::string path = (second.folder() / (std::string(second.table().name) + ".weights")).string();
  EXPECT_EQ(first.table().weights_open(path.c_str(), &weights, message, sizeof message), MAMBAC_WRONG_WEIGHTS);
  EXPECT_NE(std::string(message).find("mambac build"), std::string::npos) << message;
}

TEST(Artifact, StepAndForwardAllocateNothingAndAskTheSystemForNothing) {
  BuildRequest request = request_for("austen-mamba");
  request.isa = "x86-64-v3";
  const Artifact& artifact = built_artifact(request);
  Session session(artifact);
  std::vector<float> logits(artifact.table().output_size);
  const std::vector<int32_t> tokens(artifact.table().forward_tokens, 5);
  session.step(tokens.data(), logits);
  session.forward(tokens.data(), artifact.table().forward_tokens, MAMBAC_LAST, logits);
  const GuardedCalls calls = guarded_calls_of([&] {
    for (int count = 0; count < 1000; ++count) session.step(tokens.data(), logits);
    for (int count = 0; count < 20; ++count) {
      session.forward(tokens.data(), artifact.table().forward_tokens, MAMBAC_LAST, logits);
    }
  });
  EXPECT_EQ(calls.allocations, 0);
  EXPECT_EQ(calls.locks, 0);
  EXPECT_EQ(calls.system_calls, 0);
  EXPECT_EQ(calls.page_faults, 0);
}

TEST(Artifact, TheSameInputGivesTheSameBytes) {
  const BuildRequest request = request_for("mamba1-tiny");
  const fs::path first = fs::path(testing::TempDir()) / "here/one", second = fs::path(testing::TempDir()) / "there/two";
  fs::create_directories(first.parent_path());
  fs::create_directories(second.parent_path());
  build_artifact(request, first, true);
  build_artifact(request, second, true);
  const CommandResult difference = run_command(fmt::format("diff -r {} {}", first.string(), second.string()));
  EXPECT_EQ(difference.exit_code, 0) << difference.output;
}

TEST(Artifact, TwoLinkIntoOneProgram) {
  BuildRequest one = request_for("mamba1-tiny"), two = request_for("falcon-tiny");
  one.isa = two.isa = "x86-64-v3";
  one.threads = 2;
  const Artifact &first = built_artifact(one), &second = built_artifact(two);
  const std::string output = run_program_with(
      "tests/two_artifacts.cpp", {first.folder(), second.folder()},
      (first.folder() / "mamba1_tiny.weights").string() + " " + (second.folder() / "falcon_tiny.weights").string());
  EXPECT_EQ(output, "mamba1_tiny falcon_tiny\n");
}

// All of an artifact's source under the sanitizers, running its own test.
class Sanitized : public testing::TestWithParam<const char*> {};

TEST_P(Sanitized, FindsNothing) {
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  request.batch = 2;
  request.threads = 2;
  const Artifact& artifact = built_artifact(request);
  const std::string folder = artifact.folder().string(), name = artifact.table().name;
  const CommandResult result = run_command(fmt::format(
      "cd {0} && clang++-19 -std=c++20 -O1 -g -march=x86-64-v3 -ffp-contract=off -fsanitize=address,undefined "
      "-fno-sanitize-recover=all -I. {1}.cpp {1}_step.cpp {1}_step_until.cpp {1}_forward.cpp {1}_test.cpp "
      "runtime/*.cpp -pthread "
      "-o sanitized_test && ./sanitized_test {1}.weights",
      folder, name));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("all contracts hold"), std::string::npos) << result.output;
}

INSTANTIATE_TEST_SUITE_P(Two, Sanitized, testing::Values("mamba1-odd", "mamba2-groups"));

}  // namespace
}  // namespace mambac
