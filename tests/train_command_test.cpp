// `mambac train` as a user meets it: what it learns, that a killed run goes on with the same bits, what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "generator/file.h"
#include "tests/command.h"
#include "tests/error_message.h"
#include "tests/lesson.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

TEST(Train, LearnsASentence) {
  const Lesson lesson = byte_lesson();
  const CommandResult result = mambac(byte_arguments(lesson, "--steps 200 --out " + lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_LT(last_loss(lesson.out, false), 0.1);
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
  EXPECT_LT(last_loss(lesson.out, false), 2e-3);  // the mean square of the series is 0.5
}

TEST(Train, GoesOnAfterItWasKilled) { expect_the_same_after(3); }  // 20 times: training_long_test.cpp

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

// No file may grow beyond two thirds of a save, which is three times a model: what was saved before stays as it was.
TEST(Train, NoSpaceLeavesTheLastSave) {
  const Lesson lesson(std::regex_replace(byte_model, std::regex("32|64"), "128"), sentence(60));
  const std::string arguments = byte_arguments(lesson, "--steps 100000000 --save-every 1 ");
  const CommandResult interrupted = mambac(arguments + "--out " + lesson.out, "timeout -s INT 15");
  ASSERT_NE(interrupted.output.find("interrupted and saved"), std::string::npos) << interrupted.output;
  const std::string saved = read_text(lesson.out + "/training.safetensors");
  const CommandResult result =
      run_command(fmt::format("sh -c 'trap \"\" XFSZ; ulimit -f {}; exec generator/mambac {} --resume {}'",
                              saved.size() / 512 * 2 / 3, arguments, lesson.out));
  EXPECT_EQ(result.exit_code, static_cast<int>(ExitCode::environment)) << result.output;
  EXPECT_NE(result.output.find("training.safetensors"), std::string::npos) << result.output;
  EXPECT_TRUE(read_text(lesson.out + "/training.safetensors") == saved);
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

TEST(Train, LearnsASentenceWithMamba2) {
  const Lesson lesson(R"({"d_model": 32, "n_layer": 1, "vocab_size": 256,
    "ssm_cfg": {"layer": "Mamba2", "headdim": 16, "d_state": 16}})",
                      sentence(60));
  const CommandResult result = mambac(byte_arguments(lesson, "--steps 200 --out " + lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_LT(last_loss(lesson.out, false), 0.1);
}

}  // namespace
}  // namespace mambac
