// Mamba-2's configurations: both forms, every trap that published files hold, and what is said about bad ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "generator/configuration/model_configuration.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double infinity = std::numeric_limits<double>::infinity();

const nlohmann::json hugging_face = {{"model_type", "mamba2"}, {"vocab_size", 256}, {"hidden_size", 64},
                                     {"num_hidden_layers", 2}, {"state_size", 32},  {"head_dim", 32},
                                     {"num_heads", 4},         {"n_groups", 1}};
const nlohmann::json original = {
    {"d_model", 768}, {"n_layer", 24}, {"vocab_size", 50277}, {"ssm_cfg", {{"layer", "Mamba2"}}}};

// `base` with `changes`; a change to null removes the field.
nlohmann::json changed(nlohmann::json base, const nlohmann::json& changes) {
  base.merge_patch(changes);
  return base;
}

ModelConfiguration parse(const nlohmann::json& json) { return parse_model_configuration(json.dump(), "config.json"); }

std::string refusal(const nlohmann::json& json) {
  return error_message([&] { parse(json); });
}

const Mamba2Mixer& mixer(const ModelConfiguration& model) { return std::get<Mamba2Mixer>(model.mixer); }

TEST(HuggingFaceMamba2, ReadsEveryField) {
  const ModelConfiguration model = parse({{"model_type", "mamba2"},
                                          {"vocab_size", 331},
                                          {"hidden_size", 40},
                                          {"num_hidden_layers", 3},
                                          {"expand", 3},
                                          {"num_heads", 6},
                                          {"head_dim", 20},
                                          {"state_size", 24},
                                          {"n_groups", 1},
                                          {"conv_kernel", 3},
                                          {"chunk_size", 16},
                                          {"time_step_limit", {0.001, 0.5}},
                                          {"time_step_rank", 7},
                                          {"layer_norm_epsilon", 1e-6},
                                          {"use_bias", true},
                                          {"use_conv_bias", false},
                                          {"tie_word_embeddings", true}});
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba2","model_size":40,"layers":3,"vocabulary":331,"vocabulary_used":331,)"
            R"("input_size":0,"output_size":0,"tied_embedding":true,"norm":"rms","norm_epsilon":1e-06,)"
            R"("mixer":{"inner_size":120,"recurrent_size":120,"state_size":24,"head_size":20,"groups":1,)"
            R"("convolution_taps":3,"delta_least":0.001,"delta_most":0.5,"skip_per_channel":false,)"
            R"("gated_norm":true,"gated_norm_epsilon":1e-06,"norm_before_gate":false,)"
            R"("convolution_bias":false,"projection_bias":true}})");
  EXPECT_THAT(model.warnings, IsEmpty());
  EXPECT_EQ(mixer(model).heads(), 6);
}

TEST(HuggingFaceMamba2, AbsentFieldsAreCodestrals) {
  const ModelConfiguration model = parse({{"model_type", "mamba2"}});
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba2","model_size":4096,"layers":64,"vocabulary":32768,"vocabulary_used":32768,)"
            R"("input_size":0,"output_size":0,"tied_embedding":false,"norm":"rms","norm_epsilon":1e-05,)"
            R"("mixer":{"inner_size":8192,"recurrent_size":8192,"state_size":128,"head_size":64,"groups":8,)"
            R"("convolution_taps":4,"delta_least":0.0,"delta_most":null,"skip_per_channel":false,)"
            R"("gated_norm":true,"gated_norm_epsilon":1e-05,"norm_before_gate":false,)"
            R"("convolution_bias":true,"projection_bias":false}})");
  // Each by itself: it is Codestral's value whatever the others say.
  EXPECT_EQ(parse({{"model_type", "mamba2"}, {"num_hidden_layers", nullptr}}).layers, 64);
  EXPECT_FALSE(parse(hugging_face).tied_embedding);
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"state_size", nullptr}}))).state_size, 128);
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"n_groups", nullptr}, {"num_heads", 8}, {"head_dim", 16}}))).groups, 8);
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"head_dim", nullptr}, {"num_heads", 2}}))).head_size, 64);
  EXPECT_EQ(refusal(changed(hugging_face, {{"n_groups", nullptr}})),
            "config.json: field \"n_groups\" is 8, must divide the 4 heads");
}

TEST(HuggingFaceMamba2, HeadsMustFillTheInnerWidth) {
  const std::string defaults =
      " (absent fields take Mamba2Config's defaults: num_heads 128, head_dim 64, expand 2, hidden_size 4096)";
  EXPECT_EQ(refusal(changed(hugging_face, {{"num_heads", nullptr}})),
            "config.json: field \"num_heads\" is 128, times \"head_dim\" 32 makes 4096, but \"expand\" times "
            "\"hidden_size\" makes 128: they must be equal" +
                defaults);
  EXPECT_EQ(refusal(changed(hugging_face, {{"hidden_size", nullptr}})),
            "config.json: field \"num_heads\" is 4, times \"head_dim\" 32 makes 128, but \"expand\" times "
            "\"hidden_size\" makes 8192: they must be equal" +
                defaults);
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"expand", 4}, {"num_heads", 8}}))).inner_size, 256);
  // Unlike in FalconMamba's files nothing reads intermediate_size.
  EXPECT_THAT(parse(changed(hugging_face, {{"intermediate_size", 96}})).warnings,
              ElementsAre("config.json: field \"intermediate_size\" is ignored: the other fields make it 128"));
  EXPECT_THAT(parse(changed(hugging_face, {{"intermediate_size", 128}})).warnings, IsEmpty());
}

TEST(HuggingFaceMamba2, SaysWhereItDiffersFromHuggingFace) {
  EXPECT_THAT(parse(changed(hugging_face, {{"n_groups", 2}})).warnings,
              ElementsAre("config.json: \"n_groups\" is 2: the gated norm is taken over each group by itself, as in "
                          "the original implementation; Hugging Face's ignores the groups there and gives other "
                          "outputs"));
  const ModelConfiguration model = parse(changed(hugging_face, {{"norm_before_gate", true}}));
  EXPECT_FALSE(mixer(model).norm_before_gate);
  EXPECT_THAT(model.warnings, ElementsAre("config.json: field \"norm_before_gate\" is ignored: Hugging Face's Mamba-2 "
                                          "always has the gate before the norm"));
  EXPECT_THAT(parse(changed(hugging_face, {{"norm_before_gate", false}})).warnings, IsEmpty());
}

TEST(HuggingFaceMamba2, ContinuousInputHasNoVocabulary) {
  const ModelConfiguration model = parse(changed(hugging_face, {{"vocab_size", nullptr}, {"input_size", 10}}));
  EXPECT_TRUE(model.continuous());
  EXPECT_EQ(model.input_size, 10);
  EXPECT_EQ(model.outputs(), 64);
}

TEST(OriginalMamba2, TakesItsOwnDefaults) {
  const ModelConfiguration model = parse(original);
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba2","model_size":768,"layers":24,"vocabulary":50280,"vocabulary_used":50277,)"
            R"("input_size":0,"output_size":0,"tied_embedding":true,"norm":"rms","norm_epsilon":1e-05,)"
            R"("mixer":{"inner_size":1536,"recurrent_size":1536,"state_size":128,"head_size":64,"groups":1,)"
            R"("convolution_taps":4,"delta_least":0.0,"delta_most":null,"skip_per_channel":false,)"
            R"("gated_norm":true,"gated_norm_epsilon":1e-05,"norm_before_gate":false,)"
            R"("convolution_bias":true,"projection_bias":false}})");
  EXPECT_THAT(model.warnings, IsEmpty());
}

TEST(OriginalMamba2, ReadsEveryField) {
  const ModelConfiguration model = parse({{"d_model", 40},
                                          {"n_layer", 3},
                                          {"vocab_size", 331},
                                          {"norm_epsilon", 1e-6},
                                          {"ssm_cfg",
                                           {{"layer", "Mamba2"},
                                            {"d_state", 24},
                                            {"d_conv", 3},
                                            {"expand", 3},
                                            {"headdim", 16},
                                            {"d_ssm", 96},
                                            {"ngroups", 3},
                                            {"D_has_hdim", true},
                                            {"rmsnorm", true},
                                            {"norm_before_gate", true},
                                            {"dt_limit", {0.005, 0.2}},
                                            {"bias", true},
                                            {"conv_bias", false},
                                            {"conv_init", nullptr},
                                            {"A_init_range", {1, 16}},
                                            {"dt_min", 0.001},
                                            {"dt_max", 0.1},
                                            {"dt_init_floor", 1e-4},
                                            {"chunk_size", 64},
                                            {"use_mem_eff_path", true}}}});
  EXPECT_EQ(to_json(model)["mixer"].dump(),
            R"({"inner_size":120,"recurrent_size":96,"state_size":24,"head_size":16,"groups":3,)"
            R"("convolution_taps":3,"delta_least":0.005,"delta_most":0.2,"skip_per_channel":true,)"
            R"("gated_norm":true,"gated_norm_epsilon":1e-05,"norm_before_gate":true,)"
            R"("convolution_bias":false,"projection_bias":true})");
  EXPECT_EQ(mixer(model).heads(), 6);
  // One group is usual, and mamba_ssm does what is asked for: nothing to warn of.
  EXPECT_THAT(model.warnings, IsEmpty());
}

TEST(OriginalMamba2, WithoutTheNormItsPlaceDoesNotMatter) {
  const nlohmann::json without = changed(original, {{"ssm_cfg", {{"rmsnorm", false}}}});
  EXPECT_FALSE(mixer(parse(without)).gated_norm);
  EXPECT_EQ(to_json(parse(without)), to_json(parse(changed(without, {{"ssm_cfg", {{"norm_before_gate", true}}}}))));
}

TEST(OriginalMamba2, RefusesSizesThatDoNotFit) {
  const auto with = [](const nlohmann::json& changes) { return changed(original, {{"ssm_cfg", changes}}); };
  const std::string start = "config.json, field \"ssm_cfg\": field ";
  EXPECT_EQ(refusal(with({{"headdim", 100}})), start + "\"headdim\" is 100, must divide the recurrence's width 1536");
  EXPECT_EQ(refusal(with({{"d_ssm", 100}})), start + "\"headdim\" is 64, must divide the recurrence's width 100");
  EXPECT_EQ(refusal(with({{"d_ssm", 1600}})), start + "\"d_ssm\" is 1600, must be 1 to 1536");
  EXPECT_EQ(refusal(with({{"ngroups", 5}})), start + "\"ngroups\" is 5, must divide the 24 heads");
  EXPECT_EQ(refusal(with({{"ngroups", 48}})), start + "\"ngroups\" is 48, must divide the 24 heads");
  EXPECT_EQ(refusal(with({{"d_state", 0}})), start + "\"d_state\" is 0, must be 1 to 65536");
  EXPECT_THAT(parse(with({{"dt_rank", 48}})).warnings,
              ElementsAre("config.json, field \"ssm_cfg\": field \"dt_rank\" is unknown and ignored"));
}

TEST(DeltaLimit, IsReadInEverySpelling) {
  const auto limits_of = [](const std::string& spelling) {
    const std::string start =
        R"({"model_type": "mamba2", "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1, "num_heads": 2, )"
        R"("head_dim": 8, "n_groups": 1, "time_step_limit": )";
    const ModelConfiguration model = parse_model_configuration(start + spelling + "}", "config.json");
    return std::pair(mixer(model).delta_least, mixer(model).delta_most);
  };
  EXPECT_EQ(limits_of("null"), std::pair(0.0, infinity));
  EXPECT_EQ(limits_of("[0.0, Infinity]"), std::pair(0.0, infinity));
  EXPECT_EQ(limits_of(R"([0.0, {"__float__": "Infinity"}])"), std::pair(0.0, infinity));
  EXPECT_EQ(limits_of("[0, 1e+30]"), std::pair(0.0, 1e30));
  EXPECT_EQ(limits_of("[0, 1e+300]"), std::pair(0.0, infinity));  // no float is larger
  EXPECT_EQ(limits_of("[0.005, 0.2]"), std::pair(0.005, 0.2));
  EXPECT_EQ(limits_of("[0.1, 0.1]"), std::pair(0.1, 0.1));
  for (const char* wrong :
       {"[]", "[0.1]", "[0, 1, 2]", "[-0.1, 1]", "[0.2, 0.1]", "[NaN, 1]", "[0, NaN]", "[Infinity, Infinity]"}) {
    EXPECT_EQ(error_message([&] { limits_of(wrong); }),
              "config.json: field \"time_step_limit\" must be two numbers, of which the first is at least 0 and the "
              "second not below it")
        << wrong;
  }
  for (const char* wrong : {"0.1", "[0, \"inf\"]", "{\"__float__\": \"Infinity\"}"}) {
    EXPECT_EQ(error_message([&] { limits_of(wrong); }),
              "config.json: field \"time_step_limit\" must be a list of numbers")
        << wrong;
  }
  EXPECT_EQ(refusal(changed(original, {{"ssm_cfg", {{"dt_limit", {1, 0}}}}})),
            "config.json, field \"ssm_cfg\": field \"dt_limit\" must be two numbers, of which the first is at least 0 "
            "and the second not below it");
}

TEST(AbsurdMamba2, IsRefusedByItsParameters) {
  const nlohmann::json wide = {
      {"d_state", 65536}, {"ngroups", 1 << 23}, {"headdim", 1}, {"layer", "Mamba2"}, {"expand", 1}};
  EXPECT_EQ(refusal({{"d_model", 1 << 23}, {"n_layer", 1}, {"vocab_size", 8}, {"ssm_cfg", wide}}),
            "config.json: the sizes make a model of 9.22e+18 parameters, supported are up to 1.1e+12");
}

// The shapes of every published model, as its name promises them.
TEST(ShippedMamba2, ConfigurationsAreRead) {
  struct Shape {
    const char* name;
    int64_t layers, model_size, heads, head_size, state_size, groups, vocabulary;
    bool tied;
  };
  for (const Shape& shape : {Shape{"mamba2-130m", 24, 768, 24, 64, 128, 1, 50288, true},
                             {"mamba2-370m", 48, 1024, 32, 64, 128, 1, 50288, true},
                             {"mamba2-780m", 48, 1536, 48, 64, 128, 1, 50288, true},
                             {"mamba2-1.3b", 48, 2048, 64, 64, 128, 1, 50288, true},
                             {"mamba2-2.7b", 64, 2560, 80, 64, 128, 1, 50288, true},
                             {"mamba-codestral-7b", 64, 4096, 128, 64, 128, 8, 32768, false},
                             {"austen-mamba2", 6, 192, 6, 64, 64, 1, 1024, true},
                             {"product2-small", 2, 64, 4, 32, 64, 1, 0, false},
                             {"product2-default", 3, 128, 4, 64, 64, 1, 0, false},
                             {"product2-medium", 4, 256, 8, 64, 64, 1, 0, false},
                             {"product2-large", 6, 512, 16, 64, 64, 1, 0, false}}) {
    SCOPED_TRACE(shape.name);
    const ModelConfiguration model = read_model_configuration(std::filesystem::path("configs") / shape.name);
    EXPECT_EQ(model.family, "mamba2");
    EXPECT_EQ(model.layers, shape.layers);
    EXPECT_EQ(model.model_size, shape.model_size);
    EXPECT_EQ(model.vocabulary, shape.vocabulary);
    EXPECT_EQ(model.input_size, model.continuous() ? shape.model_size : 0);
    EXPECT_EQ(model.tied_embedding, shape.tied);
    EXPECT_EQ(mixer(model).inner_size, 2 * shape.model_size);
    EXPECT_EQ(mixer(model).recurrent_size, 2 * shape.model_size);
    EXPECT_EQ(mixer(model).heads(), shape.heads);
    EXPECT_EQ(mixer(model).head_size, shape.head_size);
    EXPECT_EQ(mixer(model).state_size, shape.state_size);
    EXPECT_EQ(mixer(model).groups, shape.groups);
    EXPECT_EQ(mixer(model).convolution_taps, 4);
    // Codestral's: groups in the norm, and norm_before_gate.
    EXPECT_EQ(model.warnings.size(), shape.name == std::string("mamba-codestral-7b") ? 2 : 0);
  }
}

TEST(GoldensMamba2, ConfigurationsAreRead) {
  for (const char* name : {"mamba2-tiny", "mamba2-groups", "mamba2-mlp"}) {
    const ModelConfiguration model = read_model_configuration(std::filesystem::path("tests/goldens") / name);
    EXPECT_EQ(model.family, "mamba2");
    EXPECT_THAT(model.warnings, IsEmpty());
  }
}

}  // namespace
}  // namespace mambac
