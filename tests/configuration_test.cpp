// Models' configurations: every form, every trap that published files hold, and what is said about bad ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "generator/configuration/json_text.h"
#include "generator/configuration/model_configuration.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const nlohmann::json hugging_face = {
    {"model_type", "mamba"}, {"vocab_size", 50280}, {"hidden_size", 1024}, {"num_hidden_layers", 48}};
const nlohmann::json original = {{"d_model", 768}, {"n_layer", 24}, {"vocab_size", 50277}};
const nlohmann::json continuous = {
    {"model_type", "mamba"}, {"input_size", 10}, {"hidden_size", 48}, {"num_hidden_layers", 2}};

// `base` with `changes`; a change to null removes the field.
nlohmann::json changed(nlohmann::json base, const nlohmann::json& changes) {
  base.merge_patch(changes);
  return base;
}

ModelConfiguration parse(const nlohmann::json& json) { return parse_model_configuration(json.dump(), "config.json"); }

std::string refusal_of_text(const std::string& text) {
  return error_message([&] { parse_model_configuration(text, "config.json"); });
}
std::string refusal(const nlohmann::json& json) { return refusal_of_text(json.dump()); }

const Mamba1Mixer& mixer(const ModelConfiguration& model) { return std::get<Mamba1Mixer>(model.mixer); }

TEST(HuggingFace, TakesItsOwnDefaults) {
  const ModelConfiguration model = parse(hugging_face);
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba1","model_size":1024,"layers":48,"vocabulary":50280,"vocabulary_used":50280,)"
            R"("input_size":0,"output_size":0,"tied_embedding":true,"norm":"rms","norm_epsilon":1e-05,)"
            R"("mixer":{"inner_size":2048,"state_size":16,"convolution_taps":4,"delta_rank":64,)"
            R"("convolution_bias":true,"projection_bias":false}})");
  EXPECT_THAT(model.warnings, IsEmpty());
  EXPECT_EQ(model.outputs(), 50280);
}

TEST(HuggingFace, ReadsEveryField) {
  const ModelConfiguration model = parse(changed(hugging_face, {{"vocab_size", 331},
                                                                {"hidden_size", 40},
                                                                {"num_hidden_layers", 3},
                                                                {"state_size", 12},
                                                                {"conv_kernel", 3},
                                                                {"intermediate_size", 84},
                                                                {"time_step_rank", 5},
                                                                {"layer_norm_epsilon", 1e-6},
                                                                {"use_bias", true},
                                                                {"use_conv_bias", false},
                                                                {"tie_word_embeddings", false}}));
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba1","model_size":40,"layers":3,"vocabulary":331,"vocabulary_used":331,)"
            R"("input_size":0,"output_size":0,"tied_embedding":false,"norm":"rms","norm_epsilon":1e-06,)"
            R"("mixer":{"inner_size":84,"state_size":12,"convolution_taps":3,"delta_rank":5,)"
            R"("convolution_bias":false,"projection_bias":true}})");
}

TEST(HuggingFace, RankAutoIsASixteenthRoundedUp) {
  for (const auto& [model_size, rank] : {std::pair{1, 1}, {16, 1}, {17, 2}, {1000, 63}, {2560, 160}}) {
    const nlohmann::json sized = changed(hugging_face, {{"hidden_size", model_size}});
    EXPECT_EQ(mixer(parse(sized)).delta_rank, rank) << model_size;
    EXPECT_EQ(mixer(parse(changed(sized, {{"time_step_rank", "auto"}}))).delta_rank, rank) << model_size;
  }
  EXPECT_EQ(refusal(changed(hugging_face, {{"time_step_rank", "large"}})),
            "config.json: field \"time_step_rank\" must be an integer or \"auto\"");
  EXPECT_EQ(refusal(changed(hugging_face, {{"time_step_rank", 0}})),
            "config.json: field \"time_step_rank\" is 0, must be 1 to 16777216");
}

TEST(HuggingFace, IntermediateSizeWinsOverExpand) {
  const ModelConfiguration model = parse(changed(hugging_face, {{"expand", 16}, {"intermediate_size", 8192}}));
  EXPECT_EQ(mixer(model).inner_size, 8192);
  EXPECT_THAT(model.warnings,
              ElementsAre("config.json: field \"expand\" is ignored because \"intermediate_size\" is given: 8192"));
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"expand", 3}}))).inner_size, 3072);
  EXPECT_EQ(mixer(parse(changed(hugging_face, {{"hidden_size", 33}, {"expand", 1.5}}))).inner_size, 49);
}

TEST(HuggingFace, FalconHasNormsOnDeltaBAndC) {
  const nlohmann::json falcon = changed(hugging_face, {{"model_type", "falcon_mamba"}});
  EXPECT_EQ(mixer(parse(falcon)).delta_b_c_norm_epsilon, 1e-6);
  EXPECT_EQ(mixer(parse(changed(falcon, {{"mixer_rms_eps", 1e-5}}))).delta_b_c_norm_epsilon, 1e-5);
  EXPECT_EQ(mixer(parse(hugging_face)).delta_b_c_norm_epsilon, std::nullopt);
  EXPECT_EQ(to_json(parse(falcon))["mixer"]["delta_b_c_norm_epsilon"], 1e-6);
}

TEST(HuggingFace, RefusesAStateThatNoKernelWritesOut) {
  EXPECT_NO_THROW(parse(changed(hugging_face, {{"state_size", 1024}})));
  EXPECT_EQ(error_message([&] { parse(changed(hugging_face, {{"state_size", 1025}})); }),
            "config.json: field \"state_size\" is 1025, must be 1 to 1024");
}

TEST(HuggingFace, NamesTheFieldThatAMisspellingMeans) {
  nlohmann::json misspelt = changed(hugging_face, {{"time_step_rnak", 5}, {"layer_norm_epsilom", 1e-3}});
  for (const char* name : {"time_step_rank", "layer_norm_epsilon"}) misspelt.erase(name);
  EXPECT_THAT(parse(misspelt).warnings,
              ElementsAre("config.json: field \"layer_norm_epsilom\" is unknown and ignored; if \"layer_norm_epsilon\" "
                          "is meant, correct it: its default was taken",
                          "config.json: field \"time_step_rnak\" is unknown and ignored; if \"time_step_rank\" is "
                          "meant, correct it: its default was taken"));
  misspelt.erase("hidden_size");
  misspelt["hiden_size"] = 1024;
  EXPECT_EQ(error_message([&] { parse(misspelt); }),
            "config.json: field \"hidden_size\" is missing; is \"hiden_size\" a misspelling of it?");
}

TEST(HuggingFace, NamesFieldsThatItIgnores) {
  // The fields that published files carry along from mamba_ssm, wrong d_inner and d_model included.
  const ModelConfiguration model = parse(changed(hugging_face, {{"d_inner", 160},
                                                                {"d_model", 2048},
                                                                {"dt_rank", "auto"},
                                                                {"fused_add_norm", true},
                                                                {"n_layer", 48},
                                                                {"pad_vocab_size_multiple", 16},
                                                                {"ssm_cfg", nlohmann::json::object()},
                                                                {"flux_capacitor", {{"deep", {1, 2}}}},
                                                                {"rms_norm", true},
                                                                {"torch_dtype", "float16"}}));
  EXPECT_THAT(model.warnings, ElementsAre("config.json: field \"d_model\" is ignored: the other fields make it 1024",
                                          "config.json: field \"d_inner\" is ignored: the other fields make it 2048",
                                          "config.json: field \"flux_capacitor\" is unknown and ignored"));
  EXPECT_EQ(model.vocabulary, 50280);  // padded already
  EXPECT_THAT(parse(changed(hugging_face, {{"dt_rank", 32}})).warnings,
              ElementsAre("config.json: field \"dt_rank\" is ignored: the other fields make it 64"));
  EXPECT_THAT(parse(changed(hugging_face, {{"ssm_cfg", {{"d_state", 8}}}})).warnings,
              ElementsAre("config.json: field \"ssm_cfg\" is ignored: with \"model_type\" other fields say it"));
}

TEST(Original, TakesItsOwnDefaultsWithOrWithoutSsmCfg) {
  const std::string expected =
      R"({"family":"mamba1","model_size":768,"layers":24,"vocabulary":50280,"vocabulary_used":50277,)"
      R"("input_size":0,"output_size":0,"tied_embedding":true,"norm":"rms","norm_epsilon":1e-05,)"
      R"("mixer":{"inner_size":1536,"state_size":16,"convolution_taps":4,"delta_rank":48,)"
      R"("convolution_bias":true,"projection_bias":false}})";
  EXPECT_EQ(to_json(parse(original)).dump(), expected);
  for (const char* patch : {R"({"ssm_cfg": {}})", R"({"ssm_cfg": {"layer": "Mamba1"}})"}) {
    const ModelConfiguration model = parse(changed(original, nlohmann::json::parse(patch)));
    EXPECT_EQ(to_json(model).dump(), expected) << patch;
    EXPECT_THAT(model.warnings, IsEmpty());
  }
  EXPECT_EQ(to_json(parse_model_configuration(
                        R"({"d_model": 768, "n_layer": 24, "vocab_size": 50277, "ssm_cfg": null})", "config.json"))
                .dump(),
            expected);
}

TEST(Original, ReadsEveryField) {
  const ModelConfiguration model = parse({{"d_model", 40},
                                          {"d_intermediate", 0},
                                          {"n_layer", 3},
                                          {"vocab_size", 331},
                                          {"ssm_cfg",
                                           {{"d_state", 12},
                                            {"d_conv", 3},
                                            {"expand", 3},
                                            {"dt_rank", 5},
                                            {"conv_bias", false},
                                            {"bias", true},
                                            {"dt_min", 0.01}}},
                                          {"attn_layer_idx", nlohmann::json::array()},
                                          {"attn_cfg", nlohmann::json::object()},
                                          {"rms_norm", false},
                                          {"residual_in_fp32", true},
                                          {"fused_add_norm", true},
                                          {"pad_vocab_size_multiple", 1},
                                          {"tie_embeddings", false}});
  EXPECT_EQ(to_json(model).dump(),
            R"({"family":"mamba1","model_size":40,"layers":3,"vocabulary":331,"vocabulary_used":331,)"
            R"("input_size":0,"output_size":0,"tied_embedding":false,"norm":"layer","norm_epsilon":1e-05,)"
            R"("mixer":{"inner_size":120,"state_size":12,"convolution_taps":3,"delta_rank":5,)"
            R"("convolution_bias":false,"projection_bias":true}})");
  EXPECT_THAT(model.warnings, IsEmpty());
}

TEST(Original, PadsTheVocabulary) {
  for (const auto& [multiple, padded] : {std::pair{1, 50277}, {8, 50280}, {16, 50288}}) {
    const ModelConfiguration model = parse(changed(original, {{"pad_vocab_size_multiple", multiple}}));
    EXPECT_EQ(model.vocabulary, padded);
    EXPECT_EQ(model.vocabulary_used, 50277);
    EXPECT_EQ(model.outputs(), padded);
  }
}

TEST(Original, NamesUnknownFields) {
  const ModelConfiguration model = parse(changed(original, {{"ssm_cfg", {{"headdim", 64}}}, {"colour", "blue"}}));
  EXPECT_THAT(model.warnings, ElementsAre("config.json, field \"ssm_cfg\": field \"headdim\" is unknown and ignored",
                                          "config.json: field \"colour\" is unknown and ignored"));
}

TEST(Continuous, HasSizesInPlaceOfAVocabulary) {
  const ModelConfiguration model = parse(changed(continuous, {{"output_size", 7}}));
  EXPECT_TRUE(model.continuous());
  EXPECT_EQ(model.input_size, 10);
  EXPECT_EQ(model.outputs(), 7);
  EXPECT_FALSE(model.tied_embedding);
  EXPECT_EQ(parse(continuous).outputs(), 48);  // the final norm
  EXPECT_EQ(parse({{"d_model", 48}, {"n_layer", 2}, {"input_size", 10}}).outputs(), 48);
  EXPECT_EQ(refusal(changed(continuous, {{"vocab_size", 5}})),
            "config.json: field \"input_size\" contradicts \"vocab_size\": leave one of them out");
  EXPECT_EQ(refusal(changed(hugging_face, {{"output_size", 5}})),
            "config.json: field \"output_size\" needs \"input_size\": a vocabulary is its own output");
  EXPECT_EQ(refusal(changed(continuous, {{"output_size", 0}})),
            "config.json: field \"output_size\" is 0, must be 1 to 16777216");
}

TEST(Residual, StaysInFp32AndSaysSo) {
  for (const nlohmann::json& base : {hugging_face, original}) {
    const ModelConfiguration model = parse(changed(base, {{"residual_in_fp32", false}}));
    EXPECT_THAT(model.warnings,
                ElementsAre("config.json: \"residual_in_fp32\" is false, but the residual stream stays in fp32 here"));
  }
}

TEST(Norm, LayerNormIsReadInEveryForm) {
  for (const nlohmann::json& base : {hugging_face, original, continuous}) {
    EXPECT_EQ(parse(base).norm, Norm::rms);
    EXPECT_EQ(parse(changed(base, {{"rms_norm", false}})).norm, Norm::layer);
  }
  for (const double epsilon : {0.0, -1e-5, 2.0}) {
    EXPECT_THAT(refusal(changed(hugging_face, {{"layer_norm_epsilon", epsilon}})),
                StartsWith("config.json: field \"layer_norm_epsilon\" is "));
  }
}

TEST(NotBuilt, IsRefusedByName) {
  for (const nlohmann::json& base : {hugging_face, original}) {
    EXPECT_EQ(refusal(changed(base, {{"attn_layer_idx", {6, 12}}})),
              "config.json: field \"attn_layer_idx\" asks for attention layers, which are not supported");
    EXPECT_EQ(refusal(changed(base, {{"d_intermediate", 2048}})),
              "config.json: field \"d_intermediate\" asks for a gated MLP in every block, which is not supported");
    EXPECT_EQ(refusal(changed(base, {{"hidden_act", "gelu"}})),
              "config.json: field \"hidden_act\" asks for the activation gelu, supported is silu");
  }
  for (const char* type : {"mamba3", "jamba", "llama"}) {
    EXPECT_EQ(
        refusal(changed(hugging_face, {{"model_type", type}})),
        fmt::format("config.json: field \"model_type\" is {}, supported are mamba, falcon_mamba and mamba2", type));
  }
  for (const char* layer : {"Mamba3", "mamba1"}) {
    EXPECT_EQ(
        refusal(changed(original, {{"ssm_cfg", {{"layer", layer}}}})),
        fmt::format("config.json, field \"ssm_cfg\": field \"layer\" is {}, supported are Mamba1 and Mamba2", layer));
  }
}

TEST(NonFinite, NumbersInTheirPublishedSpellingsAreRead) {
  const std::string start = R"({"model_type": "mamba", "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1, )";
  for (const char* infinity : {"Infinity", R"({"__float__": "Infinity"})"}) {
    const std::string limit = start + "\"time_step_limit\": [0.0, " + infinity + "]}";
    EXPECT_THAT(parse_model_configuration(limit, "config.json").warnings, IsEmpty()) << infinity;
  }
  EXPECT_THAT(parse_model_configuration(start + R"("time_step_limit": [0.0, 0.1]})", "config.json").warnings,
              ElementsAre("config.json: field \"time_step_limit\" is ignored: Mamba-1 has no such limit"));
  EXPECT_THAT(parse_model_configuration(start + R"("time_step_limit": [-Infinity, NaN]})", "config.json").warnings,
              testing::SizeIs(1));
  // Inside a string the same letters stay what they are.
  const nlohmann::json text = parse_json(R"(["Infinity", "\"NaN", "\\", -Infinity, NaN])", "text");
  EXPECT_EQ(text.dump(), R"(["Infinity","\"NaN","\\",{"__float__":"-Infinity"},{"__float__":"NaN"}])");
  EXPECT_EQ(refusal_of_text(start + R"("layer_norm_epsilon": NaN})"),
            "config.json: field \"layer_norm_epsilon\" is nan, must be 1e-12 to 1");
  EXPECT_EQ(refusal_of_text(start + R"("expand": Infinity})"),
            "config.json: field \"expand\" is inf, must be 0.0009765625 to 1024");
  EXPECT_EQ(refusal_of_text(start + R"("state_size": Infinity})"),
            "config.json: field \"state_size\" must be an integer");
}

TEST(BadInput, IsNotJson) {
  EXPECT_THAT(refusal_of_text(""), HasSubstr("config.json: not JSON: parse error at line 1, column 1: "));
  EXPECT_THAT(refusal_of_text("{\n\"model_type\": \"mamba\",\n}"),
              HasSubstr("config.json: not JSON: parse error at line 3"));
  EXPECT_THAT(refusal_of_text("{\"model_type\": \"mam"), StartsWith("config.json: not JSON: "));
  EXPECT_THAT(refusal_of_text("{\"a\": \"\xff\"}"), StartsWith("config.json: not JSON: "));
  EXPECT_THAT(refusal_of_text("{\"a\": 1e999}"), StartsWith("config.json: not JSON: number overflow"));
  EXPECT_EQ(refusal_of_text("[1, 2]"), "config.json: must be a JSON object, not array");
  EXPECT_EQ(refusal_of_text("{}"),
            "config.json: not a model's configuration: it has neither \"model_type\" (Hugging Face) nor \"d_model\" "
            "(mamba_ssm)");
  EXPECT_EQ(refusal_of_text(std::string(1000000, '[')), "config.json: nested deeper than 64 levels");
  EXPECT_EQ(refusal_of_text(R"({"d_model": 8, "d_model": 16})"), "config.json: field \"d_model\" is given twice");
}

TEST(BadInput, LacksAFieldOrHasAWrongType) {
  for (const char* field : {"vocab_size", "hidden_size", "num_hidden_layers"}) {
    EXPECT_EQ(refusal(changed(hugging_face, {{field, nullptr}})),
              "config.json: field \"" + std::string(field) + "\" is missing");
  }
  for (const char* field : {"vocab_size", "n_layer"}) {
    EXPECT_EQ(refusal(changed(original, {{field, nullptr}})),
              "config.json: field \"" + std::string(field) + "\" is missing");
  }
  EXPECT_EQ(refusal(changed(hugging_face, {{"model_type", 1}})), "config.json: field \"model_type\" must be a string");
  EXPECT_EQ(refusal(changed(hugging_face, {{"hidden_size", "768"}})),
            "config.json: field \"hidden_size\" must be an integer");
  EXPECT_EQ(refusal(changed(hugging_face, {{"hidden_size", 768.5}})),
            "config.json: field \"hidden_size\" must be an integer");
  EXPECT_EQ(refusal(changed(hugging_face, {{"use_bias", "no"}})),
            "config.json: field \"use_bias\" must be true or false");
  EXPECT_EQ(refusal(changed(hugging_face, {{"expand", "2"}})), "config.json: field \"expand\" must be a number");
  EXPECT_EQ(refusal(changed(hugging_face, {{"time_step_limit", 3}})),
            "config.json: field \"time_step_limit\" must be a list of numbers");
  EXPECT_EQ(refusal(changed(original, {{"ssm_cfg", 3}})),
            "config.json, field \"ssm_cfg\": must be a JSON object, not number");
}

TEST(BadInput, HasAnAbsurdSize) {
  for (const auto& [field, most] : {std::pair{"hidden_size", "16777216"},
                                    {"num_hidden_layers", "65536"},
                                    {"vocab_size", "16777216"},
                                    {"intermediate_size", "16777216"},
                                    {"state_size", "1024"},
                                    {"conv_kernel", "1024"},
                                    {"time_step_rank", "16777216"}}) {
    for (const char* size : {"-1", "0", "16777217", "9223372036854775808", "18446744073709551615"}) {
      EXPECT_EQ(refusal(changed(hugging_face, {{field, nlohmann::json::parse(size)}})),
                fmt::format("config.json: field \"{}\" is {}, must be 1 to {}", field, size, most));
    }
  }
  EXPECT_EQ(refusal(changed(hugging_face, {{"hidden_size", 1 << 24}})),
            "config.json: field \"expand\" makes the inner width 33554432, must be 1 to 16777216");
  EXPECT_EQ(refusal(changed(original, {{"ssm_cfg", {{"expand", 0.001}}}})),
            "config.json, field \"ssm_cfg\": field \"expand\" makes the inner width 0, must be 1 to 16777216");
  EXPECT_EQ(refusal(changed(hugging_face, {{"hidden_size", 1 << 22}, {"num_hidden_layers", 1 << 16}})),
            "config.json: the sizes make a model of 7.21e+18 parameters, supported are up to 1.1e+12");
}

TEST(Path, IsAFolderOrAnyFile) {
  const std::filesystem::path folder = test_folder();
  EXPECT_EQ(error_message([&] { read_model_configuration(folder); }),
            folder.string() + " holds no config.json: give a model's folder or a configuration file");
  EXPECT_EQ(error_message([&] { read_model_configuration(folder / "absent.json"); }),
            "cannot open " + (folder / "absent.json").string() + ": No such file or directory");
  const std::string long_name(5000, 'x');
  EXPECT_EQ(error_message([&] { read_model_configuration(long_name); }),
            "cannot open " + long_name + ": File name too long");
  for (const char* name : {"config.json", "my-model.json"}) {
    std::ofstream(folder / name) << original;
    EXPECT_EQ(read_model_configuration(folder / name).model_size, 768);
  }
  EXPECT_EQ(read_model_configuration(folder).model_size, 768);
  std::ofstream(folder / "config.json") << "{}";
  EXPECT_THAT(error_message([&] { read_model_configuration(folder); }),
              StartsWith((folder / "config.json").string() + ": not a model's configuration"));
}

// The shapes of every published model, as its name promises them.
TEST(Shipped, ConfigurationsAreRead) {
  struct Shape {
    const char* name;
    int64_t layers, model_size, inner_size, delta_rank, vocabulary;
    std::optional<double> delta_b_c_norm_epsilon;
  };
  for (const Shape& shape : {Shape{"mamba-130m", 24, 768, 1536, 48, 50280, {}},
                             {"mamba-370m", 48, 1024, 2048, 64, 50280, {}},
                             {"mamba-790m", 48, 1536, 3072, 96, 50280, {}},
                             {"mamba-1.4b", 48, 2048, 4096, 128, 50280, {}},
                             {"mamba-2.8b", 64, 2560, 5120, 160, 50280, {}},
                             {"falcon-mamba-7b", 64, 4096, 8192, 256, 65024, 1e-6},
                             {"falcon3-mamba-7b", 64, 4096, 8192, 256, 65024, 1e-5},
                             {"austen-mamba", 6, 192, 384, 12, 1024, {}},
                             {"product-small", 2, 64, 128, 4, 0, {}},
                             {"product-default", 3, 128, 256, 8, 0, {}},
                             {"product-medium", 4, 256, 512, 16, 0, {}},
                             {"product-large", 6, 512, 1024, 32, 0, {}}}) {
    SCOPED_TRACE(shape.name);
    const ModelConfiguration model = read_model_configuration(std::filesystem::path("configs") / shape.name);
    EXPECT_EQ(model.layers, shape.layers);
    EXPECT_EQ(model.model_size, shape.model_size);
    EXPECT_EQ(model.vocabulary, shape.vocabulary);
    EXPECT_EQ(model.input_size, model.continuous() ? shape.model_size : 0);
    EXPECT_EQ(model.outputs(), model.continuous() ? shape.model_size : shape.vocabulary);
    EXPECT_EQ(mixer(model).inner_size, shape.inner_size);
    EXPECT_EQ(mixer(model).delta_rank, shape.delta_rank);
    EXPECT_EQ(mixer(model).state_size, 16);
    EXPECT_EQ(mixer(model).convolution_taps, 4);
    EXPECT_EQ(mixer(model).delta_b_c_norm_epsilon, shape.delta_b_c_norm_epsilon);
    EXPECT_EQ(model.warnings.size(), shape.name == std::string("falcon-mamba-7b") ? 1 : 0);  // its expand is wrong
  }
}

TEST(Goldens, ConfigurationsAreRead) {
  for (const char* name : {"mamba1-tiny", "mamba1-odd", "mamba1-continuous", "mamba1-original", "falcon-tiny"}) {
    const ModelConfiguration model = read_model_configuration(std::filesystem::path("tests/goldens") / name);
    EXPECT_EQ(model.family, "mamba1");
    EXPECT_EQ(model.warnings.size(), name == std::string("falcon-tiny") ? 1 : 0) << name;
  }
}

}  // namespace
}  // namespace mambac
