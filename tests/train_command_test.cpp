// `mambac train` as a user meets it: what it learns, that a killed run goes on with the same bits, what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "generator/file.h"
#include "generator/train/loss_curve.h"
#include "tests/command.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

constexpr const char* byte_model = R"({"model_type": "mamba", "vocab_size": 256, "hidden_size": 32,
  "num_hidden_layers": 1, "state_size": 8, "conv_kernel": 4, "intermediate_size": 64, "time_step_rank": 4,
  "tie_word_embeddings": true, "use_bias": false, "use_conv_bias": true})";
constexpr const char* series_model = R"({"model_type": "mamba", "input_size": 1, "output_size": 1, "hidden_size": 16,
  "num_hidden_layers": 1, "state_size": 8, "conv_kernel": 4, "intermediate_size": 32, "time_step_rank": 2,
  "use_bias": false, "use_conv_bias": true})";

// Folder of a test with a configuration and a file to learn.
struct Lesson {
  fs::path folder = test_folder();
  std::string configuration = (folder / "model.json").string(), data = (folder / "data").string(),
              out = (folder / "out").string();

  Lesson(const std::string& model, const std::string& text) {
    write_text(configuration, model);
    write_text(data, text);
  }
};

std::string sentence(int times) {
  std::string text;
  for (int time = 0; time < times; ++time) text += "It is a truth universally acknowledged. ";
  return text;
}

Lesson byte_lesson() { return Lesson(byte_model, sentence(60)); }
std::string byte_arguments(const Lesson& lesson, const std::string& more) {
  return fmt::format("train {} --tokenizer bytes --text {} --batch 4 --tokens 24 --learning-rate 1e-2 {}",
                     lesson.configuration, lesson.data, more);
}

double last_training_loss(const fs::path& folder) {
  double loss = std::nan("");
  for (const LossPoint& point : read_loss_csv(folder / "loss.csv")) {
    if (!point.validation) loss = point.loss;
  }
  return loss;
}

TEST(Train, LearnsASentence) {
  const Lesson lesson = byte_lesson();
  const CommandResult result = mambac(byte_arguments(lesson, "--steps 200 --out " + lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_LT(last_training_loss(lesson.out), 0.1);
  expect_only(lesson.out,
              {"config.json", "loss.csv", "loss.svg", "model.safetensors", "training.json", "training.safetensors"});
  EXPECT_EQ(mambac("build " + lesson.out + " --out " + lesson.out + "-library").exit_code, 0);
}

// The trained folder writes text, also where only the configuration of a folder was given.
TEST(Train, TakesTheTokenizerAlong) {
  const Lesson lesson(byte_model, sentence(10));
  const CommandResult result = mambac(fmt::format(
      "train configs/austen-mamba/config.json --init-seed 1 --text {} --batch 1 --tokens 8 --steps 1 --out {}",
      lesson.data, lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const std::string name : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    EXPECT_EQ(read_text(lesson.out + "/" + name), read_text("configs/austen-mamba/" + name));
  }
}

TEST(Train, LearnsASine) {
  std::string series = "height\n";
  for (int step = 0; step < 1000; ++step) series += fmt::format("{:.6f}\n", std::sin(0.2 * step));
  const Lesson lesson(series_model, series);
  const CommandResult result =
      mambac(fmt::format("train {} --series {} --batch 8 --tokens 32 --learning-rate 1e-2 --steps 300 --out {}",
                         lesson.configuration, lesson.data, lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_LT(last_training_loss(lesson.out), 2e-3);  // the mean square of the series is 0.5
}

// Killed in the middle again and again, a run ends with the losses of one that was left alone.
TEST(Train, GoesOnAfterItWasKilled) {
  const Lesson lesson = byte_lesson();
  const std::string steps = "--steps 600 --save-every 20 ";
  ASSERT_EQ(mambac(byte_arguments(lesson, steps + "--out " + lesson.out)).exit_code, 0);
  const fs::path killed = lesson.folder / "killed";
  int kills = 0;
  for (int attempt = 0; attempt < 40; ++attempt) {
    const bool begun = fs::exists(killed / "training.safetensors");
    if (!begun) fs::remove_all(killed);
    const std::string where = (begun ? "--resume " : "--out ") + killed.string();
    const bool last = kills == 3;
    const CommandResult result =
        mambac(byte_arguments(lesson, steps + where), last ? "" : fmt::format("timeout -s KILL {}", 3 + attempt));
    if (result.exit_code == 0) break;
    ASSERT_EQ(result.exit_code, 137) << result.output;
    kills += fs::exists(killed / "training.safetensors");
  }
  EXPECT_EQ(read_text(killed / "loss.csv"), read_text(lesson.out + "/loss.csv"));
  EXPECT_EQ(read_text(killed / "model.safetensors"), read_text(lesson.out + "/model.safetensors"));
}

TEST(Train, InterruptedItSaves) {
  const Lesson lesson = byte_lesson();
  const CommandResult result =
      mambac(byte_arguments(lesson, "--steps 100000000 --out " + lesson.out), "timeout -s INT 25");
  EXPECT_NE(result.output.find("interrupted and saved"), std::string::npos) << result.output;
  EXPECT_TRUE(fs::exists(lesson.out + "/training.safetensors"));
}

TEST(Train, RefusesAnotherRunsFolder) {
  const Lesson lesson = byte_lesson();
  ASSERT_EQ(mambac(byte_arguments(lesson, "--steps 2 --out " + lesson.out)).exit_code, 0);
  expect_refusal(mambac(byte_arguments(lesson, "--steps 3 --resume " + lesson.out)), ExitCode::input,
                 "is a run of another steps: 2 there, 3 here");
  expect_refusal(mambac(byte_arguments(lesson, "--steps 2 --out " + lesson.out)), ExitCode::input,
                 "is not an empty folder");
  fs::resize_file(lesson.out + "/training.safetensors", 1000);
  expect_refusal(mambac(byte_arguments(lesson, "--steps 2 --resume " + lesson.out)), ExitCode::input,
                 "training.safetensors");
}

TEST(Train, StopsWhereTheLossIsNoNumber) {
  const Lesson lesson = byte_lesson();
  const CommandResult result = mambac(fmt::format(
      "train {} --tokenizer bytes --text {} --batch 4 --tokens 24 --learning-rate 1e5 --warm-up 0 --steps 50 "
      "--out {}",
      lesson.configuration, lesson.data, lesson.out));
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::difference)) << result.output;
  EXPECT_NE(result.output.find("not finite"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("lower --learning-rate"), std::string::npos) << result.output;
}

TEST(Train, RefusesBadData) {
  Lesson text(byte_model, "");
  expect_refusal(mambac(byte_arguments(text, "--steps 2 --out " + text.out)), ExitCode::input, "holds no text");
  write_text(text.data, "too short");
  expect_refusal(mambac(byte_arguments(text, "--steps 2 --out " + text.out)), ExitCode::input, "needs at least 25");
  EXPECT_FALSE(fs::exists(text.out));

  const auto series = [&](const std::string& rows) {
    write_text(text.data, rows);
    write_text(text.configuration, series_model);
    return mambac(fmt::format("train {} --series {} --steps 2 --out {}", text.configuration, text.data, text.out));
  };
  expect_refusal(series("1\n2\n\n4\n"), ExitCode::input, ":3: column 1 is empty");
  expect_refusal(series("1\n2,3\n"), ExitCode::input, ":2: has 2 columns, the model's input has 1");
  expect_refusal(series("1\nx\n"), ExitCode::input, ":2: column 1 is \"x\", not a finite number");
}

}  // namespace
}  // namespace mambac
