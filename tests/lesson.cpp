#include "tests/lesson.h"

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

// Runs `mambac ARGUMENTS` and kills it `milliseconds` after it has written `file` anew, or after a minute without that.
CommandResult killed_after_writing(const fs::path& file, int milliseconds, const std::string& arguments) {
  return run_command(
      fmt::format("(written() {{ stat -c %z {0} 2>/dev/null; }}; before=$(written); generator/mambac {1} & run=$!\n"
                  "for look in $(seq 3000); do [ \"$(written)\" = \"$before\" ] || break; sleep 0.02; done\n"
                  "sleep {2:.3f}; kill -KILL $run; wait $run)",
                  file.string(), arguments, milliseconds / 1000.0));
}

}  // namespace

const char* const byte_model = R"({"model_type": "mamba", "vocab_size": 256, "hidden_size": 32,
  "num_hidden_layers": 1, "state_size": 8, "conv_kernel": 4, "intermediate_size": 64, "time_step_rank": 4,
  "tie_word_embeddings": true, "use_bias": false, "use_conv_bias": true})";
const char* const series_model = R"({"model_type": "mamba", "input_size": 1, "output_size": 1, "hidden_size": 16,
  "num_hidden_layers": 1, "state_size": 8, "conv_kernel": 4, "intermediate_size": 32, "time_step_rank": 2,
  "use_bias": false, "use_conv_bias": true})";

Lesson::Lesson(const std::string& model, const std::string& text)
    : folder(test_folder()),
      configuration((folder / "model.json").string()),
      data((folder / "data").string()),
      out((folder / "out").string()) {
  write_text(configuration, model);
  write_text(data, text);
}

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

double last_loss(const fs::path& folder, bool validation) {
  double loss = std::nan("");
  for (const LossPoint& point : read_loss_csv(folder / "loss.csv")) {
    if (point.validation == validation) loss = point.loss;
  }
  return loss;
}

void expect_the_same_after(int kills) {
  const Lesson lesson = byte_lesson();
  const std::string steps = "--steps 400 --save-every 1 ";
  ASSERT_EQ(mambac(byte_arguments(lesson, steps + "--out " + lesson.out)).exit_code, 0);
  const fs::path killed = lesson.folder / "killed";
  for (int kill = 0; kill < kills; ++kill) {
    const bool begun = fs::exists(killed / "training.safetensors");
    const std::string where = (begun ? "--resume " : "--out ") + killed.string();
    // Into the saves: each writes four files, one after the other.
    const CommandResult result =
        killed_after_writing(killed / "loss.csv", kill * 7 % 40, byte_arguments(lesson, steps + where));
    ASSERT_EQ(result.exit_code, 137) << result.output;
    if (!fs::exists(killed / "training.safetensors")) fs::remove_all(killed);  // before the first save was whole
  }
  const std::string resumed = (fs::exists(killed) ? "--resume " : "--out ") + killed.string();
  const CommandResult rest = mambac(byte_arguments(lesson, steps + resumed));
  ASSERT_EQ(rest.exit_code, 0) << rest.output;
  for (const char* file : {"loss.csv", "model.safetensors"}) {
    EXPECT_TRUE(read_text(killed / file) == read_text(lesson.out + "/" + file)) << file;
  }
}

}  // namespace mambac
