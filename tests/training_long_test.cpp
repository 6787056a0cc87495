// Training as long as its promises: a crash loop, and a small model's first three hundred steps on a novel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/command.h"
#include "tests/lesson.h"

namespace mambac {
namespace {

TEST(TrainingLong, GoesOnAfterTwentyKills) { expect_the_same_after(20); }

// PyTorch in f32 reaches 3.28 nats on the held-out tokens with the same recipe.
TEST(TrainingLong, LearnsANovelAsWellAsPyTorch) {
  const Lesson lesson(byte_model, "");
  const CommandResult result = mambac(fmt::format(
      "train configs/austen-mamba/config.json --init-seed 1 --text tests/data/pride-and-prejudice.txt --steps 300 "
      "--batch 16 --tokens 128 --learning-rate 3e-3 --warm-up 30 --weight-decay 0.1 --clip 1 --threads 2 --out {}",
      lesson.out));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const double held_out = last_loss(lesson.out, true);
  RecordProperty("held_out_nats", std::to_string(held_out));
  EXPECT_LT(held_out, 3.35);
  EXPECT_GT(held_out, 3.0) << "no model of this size knows the novel so well: the held-out text was trained on";
}

}  // namespace
}  // namespace mambac
