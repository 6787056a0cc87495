// Deployments: defaults, bad ones, and that the shipped schema says what the reader does.
#include "generator/configuration/deployment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "generator/file.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Deployment parse(const nlohmann::json& json) { return parse_deployment(json.dump(), "deployment.json"); }

bool accepted(const nlohmann::json& json) {
  try {
    parse(json);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string refusal(const std::string& text) {
  return error_message([&] { parse_deployment(text, "deployment.json"); });
}

TEST(Deployment, HasDefaults) {
  EXPECT_EQ(to_json(parse(nlohmann::json::object())).dump(),
            R"({"target":"cpu","isa":"native","weights":"auto","batch":1,"forward_tokens":64,"threads":1,)"
            R"("programs":["step","forward"]})");
}

TEST(Deployment, ReadsEveryField) {
  const std::string text =
      R"({"target":"cpu","isa":"x86-64-v4","weights":"bf16","batch":3,"forward_tokens":17,"threads":2,)"
      R"("programs":["forward","step"]})";
  EXPECT_EQ(to_json(parse_deployment(text, "deployment.json")).dump(), text);
}

TEST(Deployment, ReadsEveryFieldOfTraining) {
  const std::string text =
      R"({"target":"cpu","isa":"x86-64-v4","weights":"f32","batch":3,"forward_tokens":17,"threads":2,)"
      R"("programs":["step","train"],"train_tokens":40,"tape":"fast"})";
  EXPECT_EQ(to_json(parse_deployment(text, "deployment.json")).dump(), text);
}

TEST(Deployment, ReadsEveryFieldOfAGpu) {
  const std::string text =
      R"({"target":"cuda","arch":"sm_80","weights":"f32","batch":3,"blocks":64,"forward_tokens":17,)"
      R"("programs":["step"]})";
  EXPECT_EQ(to_json(parse_deployment(text, "deployment.json")).dump(), text);
}

TEST(Deployment, RefusesByName) {
  EXPECT_EQ(refusal(R"({"thread": 2})"),
            "deployment.json: field \"thread\" is unknown; known are: target, isa, arch, weights, batch, "
            "forward_tokens, threads, blocks, programs, train_tokens, tape");
  EXPECT_EQ(refusal(R"({"batch": 0})"), "deployment.json: field \"batch\" is 0, must be 1 to 4096");
  EXPECT_EQ(refusal(R"({"batch": 1, "batch": 2})"), "deployment.json: field \"batch\" is given twice");
  EXPECT_EQ(refusal(R"({"batch": null})"),
            "deployment.json: field \"batch\" is null: leave it out to take the default");
  EXPECT_EQ(refusal(R"({"threads": "2"})"), "deployment.json: field \"threads\" must be an integer");
  EXPECT_EQ(refusal(R"({"threads": 257})"), "deployment.json: field \"threads\" is 257, must be 1 to 256");
  EXPECT_EQ(refusal(R"({"isa": "avx2"})"),
            "deployment.json: field \"isa\" is \"avx2\", must be one of: native, x86-64-v3, x86-64-v4");
  EXPECT_EQ(refusal(R"({"target": "metal"})"),
            "deployment.json: field \"target\" is \"metal\", must be one of: cpu, cuda");
  EXPECT_EQ(refusal(R"({"target": "cuda", "arch": "sm_90"})"),
            "deployment.json: field \"arch\" is \"sm_90\", must be one of: sm_80, sm_89, sm_90a, sm_100a, sm_120");
  EXPECT_EQ(refusal(R"({"target": "cuda", "threads": 2})"),
            "deployment.json: field \"threads\" does not belong to target cuda; leave it out");
  EXPECT_EQ(refusal(R"({"blocks": 64})"),
            "deployment.json: field \"blocks\" does not belong to target cpu; leave it out");
  EXPECT_EQ(refusal(R"({"programs": []})"),
            "deployment.json: field \"programs\" lacks step, which every library has; add it");
  EXPECT_EQ(refusal(R"({"programs": ["forward"]})"),
            "deployment.json: field \"programs\" lacks step, which every library has; add it");
  EXPECT_EQ(refusal(R"({"programs": "step"})"), "deployment.json: field \"programs\" must be a list of strings");
  EXPECT_EQ(refusal(R"({"programs": ["step", "step"]})"), "deployment.json: field \"programs\" names step twice");
  EXPECT_EQ(refusal(R"({"programs": ["backward"]})"),
            "deployment.json: field \"programs\" is \"backward\", must be one of: step, forward, steps, generate, train");
  EXPECT_EQ(refusal(R"({"programs": ["step", "train"], "weights": "bf16"})"),
            "deployment.json: field \"weights\" is bf16, but the program train needs f32");
  EXPECT_EQ(refusal(R"({"programs": ["step", "train"], "target": "cuda"})"),
            "deployment.json: field \"programs\" names train, which target cuda does not have yet; leave it out");
  EXPECT_EQ(refusal(R"({"tape": "large"})"),
            "deployment.json: field \"tape\" is \"large\", must be one of: small, fast");
  EXPECT_THAT(refusal("step"), StartsWith("deployment.json: not JSON: "));
  EXPECT_EQ(refusal("[]"), "deployment.json: must be a JSON object, not array");
}

TEST(Deployment, OptionsAreCheckedLikeAFile) {
  Deployment deployment;
  EXPECT_NO_THROW(check(deployment));
  deployment.forward_tokens = 65537;
  EXPECT_EQ(error_message([&] { check(deployment); }, ExitCode::usage),
            "--forward-tokens is 65537, must be 1 to 65536");
  deployment = {};
  deployment.isa = "avx2";
  EXPECT_EQ(error_message([&] { check(deployment); }, ExitCode::usage),
            "--isa is \"avx2\", must be one of: native, x86-64-v3, x86-64-v4");
}

TEST(Deployment, ShippedFilesAreRead) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("configs/deployments")) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_NO_THROW(read_deployment(entry.path())) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 2);
  EXPECT_EQ(read_deployment("configs/deployments/batch-of-eight.json").batch, 8);
}

// As a field of either target, or of a library that trains.
bool accepted(const std::string& name, const nlohmann::json& value) {
  nlohmann::json on_gpu = {{"target", "cuda"}}, trains = {{"programs", {"step", "train"}}};
  on_gpu[name] = value;
  trains[name] = value;
  return accepted({{name, value}}) || accepted(on_gpu) || accepted(trains);
}

TEST(Deployment, NamesFieldsThatNothingReads) {
  EXPECT_THAT(error_message([] { parse({{"tape", "fast"}}); }), HasSubstr("says nothing without the program train"));
  EXPECT_THAT(error_message([] { parse({{"train_tokens", 64}}); }), HasSubstr("\"train_tokens\""));
}

// Every statement of the schema is put to the reader.
TEST(Schema, SaysWhatTheReaderDoes) {
  const nlohmann::json schema = nlohmann::json::parse(read_text("docs/deployment.schema.json"));
  EXPECT_EQ(schema["additionalProperties"], false);
  nlohmann::json defaults = to_json(Deployment{});
  defaults.update(to_json(Deployment{.target = "cuda"}));
  defaults.update(to_json(Deployment{.programs = {"train"}}));
  defaults["programs"] = Deployment{}.programs;
  ASSERT_EQ(schema["properties"].size(), defaults.size());
  for (const auto& [name, property] : schema["properties"].items()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(property.at("default"), defaults.at(name));
    EXPECT_FALSE(property.at("description").get<std::string>().empty());
    EXPECT_TRUE(accepted(name, property["default"]));
    for (const nlohmann::json& wrong : {nlohmann::json(), nlohmann::json(1.5), nlohmann::json::object(),
                                        nlohmann::json(true), nlohmann::json("nonsense")}) {
      EXPECT_FALSE(accepted(name, wrong)) << wrong;
    }
    if (property["type"] == "string") {
      for (const nlohmann::json& value : property.at("enum")) {
        EXPECT_TRUE(accepted(name, value)) << value;
        // The reader's list of choices has as many entries as the schema's.
        const std::string message = error_message([&] { parse({{name, "nonsense"}}); });
        EXPECT_THAT(message, HasSubstr(value.get<std::string>()));
        EXPECT_EQ(std::ranges::count(message.substr(message.rfind(": ")), ','), property["enum"].size() - 1);
      }
    } else if (property["type"] == "integer") {
      const int64_t least = property.at("minimum"), most = property.at("maximum");
      EXPECT_TRUE(accepted(name, least));
      EXPECT_TRUE(accepted(name, most));
      EXPECT_FALSE(accepted(name, least - 1));
      EXPECT_FALSE(accepted(name, most + 1));
    } else {
      ASSERT_EQ(property["type"], "array");
      for (const nlohmann::json& value : property.at("items").at("enum")) {
        const bool first = value == property.at("contains").at("const");
        EXPECT_TRUE(accepted(name, first ? nlohmann::json{value} : nlohmann::json{"step", value})) << value;
        EXPECT_EQ(accepted(name, nlohmann::json::array({value})), first) << value;
        EXPECT_EQ(property["uniqueItems"], true);
        EXPECT_FALSE(accepted(name, nlohmann::json::array({value, value}))) << value;
      }
      EXPECT_FALSE(accepted(name, nlohmann::json::array()));
    }
  }
}

TEST(NativeIsa, IsTheHighestThatTheMachineLists) {
  const std::string processor = read_text("/proc/cpuinfo");
  const bool has_avx2 = processor.find(" avx2 ") != processor.npos;
  const bool has_avx512 = processor.find(" avx512vl ") != processor.npos;
  if (!has_avx2) {
    EXPECT_THAT(error_message([] { native_isa(); }, ExitCode::environment), HasSubstr("x86-64-v3 (AVX2)"));
  } else {
    EXPECT_EQ(native_isa(), has_avx512 ? "x86-64-v4" : "x86-64-v3");
  }
}

}  // namespace
}  // namespace mambac
