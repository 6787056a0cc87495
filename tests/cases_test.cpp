// Case files against an artifact's state and input: what goes where, and what is refused with which words.
#include "generator/run/cases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "generator/error.h"

namespace mambac {
namespace {

// A language model of one layer: E 3, K 3, N 2, padded to 4 channels. State: window (2, 3), h (2, 3).
const nlohmann::ordered_json plan = nlohmann::ordered_json::parse(R"({
  "state_floats": 16,
  "state": [
    {"name": "layers.0.window", "golden_name": "conv_state", "layer": 0, "shape": [2, 3], "golden_order": [1, 0],
     "padded_last": 4, "offset": 0},
    {"name": "layers.0.h", "golden_name": "ssm_state", "layer": 0, "shape": [2, 3], "golden_order": [1, 0],
     "padded_last": 4, "offset": 8}]})");

mambac_artifact language_model(int32_t batch) {
  mambac_artifact artifact{};
  artifact.name = "tiny";
  artifact.batch = batch;
  artifact.vocabulary = 10;
  artifact.output_size = 10;
  return artifact;
}

mambac_artifact continuous_model(int32_t batch) {
  mambac_artifact artifact{};
  artifact.name = "tiny";
  artifact.batch = batch;
  artifact.input_size = 2;
  artifact.output_size = 3;
  return artifact;
}

OutputTensor tokens(std::vector<int64_t> shape, const std::vector<int64_t>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {"input_ids", TensorType::i64, std::move(shape), {bytes.begin(), bytes.end()}};
}

// 1, 2, 3, ...
OutputTensor counting(const std::string& name, std::vector<int64_t> shape) {
  std::vector<float> values(std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
  std::iota(values.begin(), values.end(), 1.0f);
  return output_tensor(name, std::move(shape), std::span<const float>(values));
}

class Cases : public testing::Test {
 protected:
  Case read(const std::vector<OutputTensor>& tensors, const mambac_artifact& artifact) {
    write_safetensors(path, tensors);
    return read_case(SafetensorsFile::open(path), artifact, layout);
  }

  // The message that refuses the case, without the file's name.
  std::string refusal(const std::vector<OutputTensor>& tensors, const mambac_artifact& artifact) {
    try {
      read(tensors, artifact);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input);
      const std::string message = error.what(), start = path.string() + ": ";
      EXPECT_EQ(message.substr(0, start.size()), start);
      return message.substr(start.size());
    }
    return "accepted";
  }

  const StateLayout layout = read_state_layout(plan);
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) /
      (std::string("cases-") + testing::UnitTest::GetInstance()->current_test_info()->name() + ".safetensors");
};

TEST_F(Cases, StateIsTransposedAndPadded) {
  const Case given =
      read({tokens({2}, {7, 9}), counting("conv_state_in.0", {3, 2}), counting("ssm_state_in.0", {3, 2})},
           language_model(1));
  EXPECT_FALSE(given.batched);
  EXPECT_EQ(given.count, 2);
  EXPECT_EQ(given.tokens, (std::vector<int32_t>{7, 9}));
  EXPECT_TRUE(given.values.empty());
  EXPECT_EQ(given.state, (std::vector<float>{1, 3, 5, 0, 2, 4, 6, 0, 1, 3, 5, 0, 2, 4, 6, 0}));
}

TEST_F(Cases, OneSequenceIsRepeatedForEveryRowOfTheBatch) {
  const Case given =
      read({tokens({2}, {7, 9}), counting("conv_state_in.0", {3, 2}), counting("ssm_state_in.0", {3, 2})},
           language_model(3));
  EXPECT_EQ(given.tokens, (std::vector<int32_t>{7, 9, 7, 9, 7, 9}));
  ASSERT_EQ(given.state.size(), 48u);
  for (size_t i = 16; i < 48; ++i) EXPECT_EQ(given.state[i], given.state[i - 16]);
  EXPECT_EQ(given.state[17], 3);
}

TEST_F(Cases, ABatchHasItsOwnSequences) {
  const Case given = read(
      {counting("inputs", {2, 3, 2}), counting("conv_state_in.0", {2, 3, 2}), counting("ssm_state_in.0", {2, 3, 2})},
      continuous_model(2));
  EXPECT_TRUE(given.batched);
  EXPECT_EQ(given.count, 3);
  EXPECT_EQ(given.values, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(std::vector<float>(given.state.begin() + 16, given.state.begin() + 24),
            (std::vector<float>{7, 9, 11, 0, 8, 10, 12, 0}));
}

TEST_F(Cases, StateIsZeroWithoutTensors) {
  EXPECT_EQ(read({tokens({1}, {0})}, language_model(2)).state, std::vector<float>(32));
}

TEST_F(Cases, AnswersUndoWhatReadingDid) {
  const Case given = read(
      {counting("inputs", {2, 3, 2}), counting("conv_state_in.0", {2, 3, 2}), counting("ssm_state_in.0", {2, 3, 2})},
      continuous_model(2));
  const std::vector<Answer> answers = state_answers(given.state, continuous_model(2), layout, true);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].name, "conv_state_out.0");
  EXPECT_EQ(answers[1].name, "ssm_state_out.0");
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.shape, (std::vector<int64_t>{2, 3, 2}));
    EXPECT_EQ(answer.values, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  }
}

TEST_F(Cases, RowsOfOneSequenceMustHaveTheSameBits) {
  Case given = read({tokens({1}, {7}), counting("conv_state_in.0", {3, 2}), counting("ssm_state_in.0", {3, 2})},
                    language_model(2));
  const std::vector<Answer> answers = state_answers(given.state, language_model(2), layout, false);
  EXPECT_EQ(answers[1].shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(answers[1].values, (std::vector<float>{1, 2, 3, 4, 5, 6}));

  given.state[16 + 9] = std::nextafter(given.state[16 + 9], 10.0f);
  try {
    state_answers(given.state, language_model(2), layout, false);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::difference);
    EXPECT_STREQ(error.what(),
                 "`ssm_state_out.0`: sequence 1 of the batch has other bits than sequence 0 on the same input");
  }
}

TEST_F(Cases, RefusesWhatDoesNotFit) {
  const mambac_artifact language = language_model(1), continuous = continuous_model(1);
  EXPECT_EQ(refusal({counting("inputs", {3, 2})}, language),
            "the tensor `input_ids` is missing (there is `inputs`): tiny takes tokens");
  EXPECT_EQ(refusal({counting("outputs", {3, 2})}, continuous),
            "the tensor `inputs` is missing: tiny takes continuous input");
  EXPECT_EQ(refusal({tokens({1, 1, 1}, {0})}, language),
            "`input_ids` has shape (1, 1, 1); expected (T) or (B, T), at least one token");
  EXPECT_EQ(refusal({tokens({0}, {})}, language),
            "`input_ids` has shape (0); expected (T) or (B, T), at least one token");
  EXPECT_EQ(refusal({counting("inputs", {3})}, continuous),
            "`inputs` has shape (3); expected (T, 2) or (B, T, 2), at least one token");
  EXPECT_EQ(refusal({counting("inputs", {2})}, continuous),
            "`inputs` has shape (2); expected (T, 2) or (B, T, 2), at least one token");
  EXPECT_EQ(refusal({tokens({2, 1}, {0, 0})}, language),
            "`input_ids` holds 2 sequences, tiny is built for a batch of 1; build one with --batch 2");
  EXPECT_EQ(refusal({tokens({3}, {0, 10, 0})}, language),
            "`input_ids` holds token 10 at position 1; the vocabulary has 10 tokens");
  EXPECT_EQ(refusal({tokens({1}, {-1})}, language),
            "`input_ids` holds token -1 at position 0; the vocabulary has 10 tokens");
  EXPECT_EQ(refusal({counting("input_ids", {3})}, language), "`input_ids` has type F32; expected I64 or I32");
  EXPECT_EQ(refusal({tokens({1}, {0}), counting("conv_state_in.0", {3, 2})}, language),
            "`ssm_state_in.0` is missing, but `conv_state_in.0` is there; give the whole state or none of it");
  EXPECT_EQ(
      refusal({tokens({1}, {0}), counting("conv_state_in.0", {2, 3}), counting("ssm_state_in.0", {3, 2})}, language),
      "`conv_state_in.0` has shape (2, 3); expected (3, 2)");
  EXPECT_EQ(
      refusal({tokens({1, 1}, {0}), counting("conv_state_in.0", {3, 2}), counting("ssm_state_in.0", {3, 2})}, language),
      "`conv_state_in.0` has shape (3, 2); expected (1, 3, 2)");
}

TEST(PlanJson, DamagedIsRefused) {
  try {
    read_state_layout({{"state_floats", 16}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_NE(std::string(error.what()).find("plan.json does not describe the state"), std::string::npos);
  }
}

TEST(RelativeError, IsNormOverNorm) {
  const std::vector<double> right = {3, 4}, given = {3, 4.5}, zero = {0, 0}, nothing;
  EXPECT_DOUBLE_EQ(relative_error(given, right), 0.1);
  EXPECT_EQ(relative_error(right, right), 0);
  EXPECT_EQ(relative_error(zero, zero), 0);
  EXPECT_EQ(relative_error(nothing, nothing), 0);
  EXPECT_EQ(relative_error(right, zero), std::numeric_limits<double>::infinity());
  const std::vector<double> broken = {3, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(relative_error(broken, right) <= 1e9);
}

}  // namespace
}  // namespace mambac
