// Loading and running artifact folders, with one that is written by hand.
#include "generator/run/host.h"

#include <array>

#include "tests/error_message.h"
#include "tests/fake_artifact.h"

namespace mambac {
namespace {

// The largest logit among the real ones.
int32_t best(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.begin() + 12) - logits.begin());
}

TEST(Host, RunsAnArtifact) {
  const std::filesystem::path folder = test_folder();
  make_fake_artifact(folder);
  const Artifact artifact(folder);
  EXPECT_STREQ(artifact.table().name, "fake");
  EXPECT_TRUE(artifact.has_program("step"));
  EXPECT_FALSE(artifact.has_program("backward"));
  Session session(artifact);
  std::vector<float> logits(4 * 16);
  const std::array<int32_t, 4> tokens{5, 2, 7, 1};
  session.step(&tokens[0], logits);
  EXPECT_EQ(best(logits), 3 * 5 % 12);
  session.forward(&tokens[1], 3, MAMBAC_ALL, logits);
  EXPECT_EQ(best(std::span(logits).subspan(0)), (3 * 2 + 1) % 12);
  EXPECT_EQ(best(std::span(logits).subspan(16)), (3 * 7 + 2) % 12);
  EXPECT_EQ(best(std::span(logits).subspan(32)), (3 * 1 + 3) % 12);
  session.reset();
  session.forward(tokens.data(), 4, MAMBAC_LAST, logits);
  EXPECT_EQ(best(logits), (3 * 1 + 3) % 12);
}

TEST(Host, FeedsAnyNumberOfTokens) {
  const std::filesystem::path folder = test_folder();
  make_fake_artifact(folder);
  const Artifact artifact(folder);
  std::vector<int32_t> tokens(15);
  for (int i = 0; i < 15; ++i) tokens[i] = i * 5 % 12;
  std::vector<float> logits(16);
  for (int count = 1; count <= 15; ++count) {  // blocks of 4
    Session session(artifact);
    session.feed(std::span(tokens).first(count), logits);
    EXPECT_EQ(best(logits), (3 * tokens[count - 1] + count - 1) % 12);
  }
}

TEST(Host, StatusesBecomeErrors) {
  const std::filesystem::path folder = test_folder();
  make_fake_artifact(folder);
  const Artifact artifact(folder);
  Session session(artifact);
  std::vector<float> logits(16);
  const int32_t token = 16;
  EXPECT_EQ(error_message([&] { session.step(&token, logits); }), "step of fake: a token is outside the vocabulary");
  EXPECT_EQ(error_message([&] { session.forward(&token, 5, MAMBAC_LAST, logits); }), "forward of fake: another status");
  EXPECT_EQ(error_message([&] { session.forward(&token, 2, MAMBAC_ALL, logits); }, ExitCode::internal),
            "forward of fake needs more room for its output");
}

TEST(Host, AStateIsSavedAndGoesOn) {
  const std::filesystem::path folder = test_folder();
  make_fake_artifact(folder);
  const Artifact artifact(folder);
  Session first(artifact), second(artifact);
  std::vector<float> logits(16);
  const std::vector<int32_t> tokens{1, 2, 3};
  first.feed(tokens, logits);
  first.save_state(folder / "state", tokens);
  EXPECT_EQ(std::filesystem::file_size(folder / "state"), 16u + 12u);
  EXPECT_EQ(second.load_state(folder / "state"), tokens);
  EXPECT_EQ(first.state(), second.state());
  second.feed(std::vector<int32_t>{4}, logits);
  EXPECT_EQ(best(logits), (3 * 4 + 3) % 12);
  first.save_state(folder / "state");
  EXPECT_TRUE(second.load_state(folder / "state").empty());
}

TEST(Host, RefusesAStateThatIsNotItsOwn) {
  const std::filesystem::path folder = test_folder(), file = folder / "state";
  make_fake_artifact(folder / "one");
  make_fake_artifact(folder / "other", "-DFAKE_MODEL='\"OTHER1.0\"'");
  make_fake_artifact(folder / "three", "-DFAKE_BATCH=3");
  const Artifact one(folder / "one"), other(folder / "other"), three(folder / "three");
  Session session(one);
  Session(other).save_state(file);
  EXPECT_EQ(error_message([&] { session.load_state(file); }), file.string() + " is not a state of the model of fake for batch 1");
  write_text(file, "FAKE");
  EXPECT_EQ(error_message([&] { session.load_state(file); }), file.string() + " is not a state of the model of fake for batch 1");
  session.save_state(file);
  EXPECT_EQ(error_message([&] { Session(three).load_state(file); }),
            file.string() + " has 16 bytes, a state of fake (batch 3) has 32: truncated, or of another batch");
  session.save_state(file, std::vector<int32_t>{3, 16});
  EXPECT_EQ(error_message([&] { session.load_state(file); }),
            file.string() + " has tokens outside the vocabulary of fake: damaged, or of another batch");
}

TEST(Host, SaysWhatIsWrongWithAFolder) {
  const std::filesystem::path folder = test_folder();
  const std::string library = (folder / "lib/libfake.so").string();
  EXPECT_EQ(error_message([&] { Artifact{folder}; }),
            folder.string() + " is not an artifact: it has no plan.json; make one with mambac build MODEL --out DIR");
  write_text(folder / "plan.json", "{}");
  EXPECT_EQ(error_message([&] { Artifact{folder}; }),
            (folder / "plan.json").string() + " is not a plan of mambac; build the artifact again");
  write_text(folder / "plan.json", fake_plan().dump());
  EXPECT_EQ(error_message([&] { Artifact{folder}; }),
            library + " does not exist: the artifact was generated but not compiled; use mambac build");
  std::filesystem::create_directories(folder / "lib");
  write_text(library, "no library");
  EXPECT_NE(error_message([&] { Artifact{folder}; }).find(library + " cannot be loaded: "), std::string::npos);

  std::filesystem::remove(library);
  make_fake_artifact(folder);
  std::filesystem::remove(folder / "fake.weights");
  EXPECT_EQ(
      error_message([&] { Artifact{folder}; }),
      fmt::format("{0} does not exist: the artifact was built without weights; pack a model's: mambac pack FOLDER "
                  "--name fake --programs step,forward --isa x86-64-v3 --batch 1 --out {0}",
                  (folder / "fake.weights").string()));
  nlohmann::ordered_json plan = fake_plan();
  plan["hash"] = "another";
  write_text(folder / "plan.json", plan.dump());
  EXPECT_EQ(error_message([&] { Artifact{folder}; }), library + " was compiled from another plan than " +
                                                          (folder / "plan.json").string() +
                                                          "; build the artifact again");
  plan["name"] = "other";
  write_text(folder / "plan.json", plan.dump());
  std::filesystem::copy_file(library, folder / "lib/libother.so");
  EXPECT_EQ(error_message([&] { Artifact{folder}; }),
            (folder / "lib/libother.so").string() + " has no function other_artifact");
}

}  // namespace
}  // namespace mambac
