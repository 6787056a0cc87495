#include "generator/configuration/model_configuration.h"

#include <utility>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/json_text.h"
#include "generator/error.h"
#include "generator/families/mamba1_configuration.h"
#include "generator/families/mamba2_configuration.h"
#include "generator/families/mixer_fields.h"
#include "generator/file.h"

namespace mambac {
namespace {

constexpr Range<int64_t> layer_counts{1, 1 << 16};
constexpr double most_parameters = 0x1p40;

// What no family can compute yet, whatever the form of the file.
void refuse_what_is_not_built(ConfigurationReader& reader) {
  const nlohmann::json& attention_layers = reader.value("attn_layer_idx");
  if (!attention_layers.is_null() && !attention_layers.empty()) {
    reader.refuse("attn_layer_idx", "asks for attention layers, which are not supported");
  }
  if (reader.integer("d_intermediate", {0, widths.most}, 0) > 0) {
    reader.refuse("d_intermediate", "asks for a gated MLP in every block, which is not supported");
  }
  const std::string activation = reader.text("hidden_act", "silu");
  if (activation != "silu" && activation != "swish") {  // two names of one function
    reader.refuse("hidden_act", "asks for the activation {}, supported is silu", activation);
  }
}

// V and the tie to the head, or the sizes of continuous input and output.
void read_ends(ConfigurationReader& reader, const std::string& tie, int64_t vocabulary_multiple,
               ModelConfiguration& model) {
  const bool tied = reader.boolean(tie, true);
  if (reader.has("input_size")) {
    if (reader.has("vocab_size")) reader.refuse("input_size", "contradicts \"vocab_size\": leave one of them out");
    model.input_size = reader.integer("input_size", widths);
    model.output_size = reader.has("output_size") ? reader.integer("output_size", widths) : 0;
    model.tied_embedding = false;
    return;
  }
  if (reader.has("output_size")) reader.refuse("output_size", "needs \"input_size\": a vocabulary is its own output");
  model.vocabulary_used = reader.integer("vocab_size", widths);
  model.vocabulary = (model.vocabulary_used + vocabulary_multiple - 1) / vocabulary_multiple * vocabulary_multiple;
  model.tied_embedding = tied;
}

void read_hugging_face(ConfigurationReader& reader, ModelConfiguration& model) {
  const std::string type = reader.text("model_type");
  if (type != "mamba" && type != "falcon_mamba" && type != "mamba2") {
    reader.refuse("model_type", "is {}, supported are mamba, falcon_mamba and mamba2", type);
  }
  model.model_size = reader.integer("hidden_size", widths);
  model.layers = reader.integer("num_hidden_layers", layer_counts);
  read_ends(reader, "tie_word_embeddings", 1, model);  // vocab_size is already padded
  model.norm_epsilon = reader.number("layer_norm_epsilon", norm_epsilons, 1e-5);
  if (type == "mamba2") {
    model.family = "mamba2";
    model.mixer = read_hugging_face_mamba2(reader, model);
  } else {
    model.family = "mamba1";
    model.mixer = read_hugging_face_mamba1(reader, type == "falcon_mamba", model);
  }
  check_leftover(reader, "d_model", model.model_size, model);
  check_leftover(reader, "n_layer", model.layers, model);
  const int64_t inner_size = std::visit([](const auto& mixer) { return mixer.inner_size; }, model.mixer);
  check_leftover(reader, "d_inner", inner_size, model);
  if (!reader.value("ssm_cfg").empty()) {
    model.warnings.push_back(reader.where() +
                             ": field \"ssm_cfg\" is ignored: with \"model_type\" other fields say it");
  }
}

void read_original(ConfigurationReader& reader, ModelConfiguration& model) {
  model.model_size = reader.integer("d_model", widths);
  model.layers = reader.integer("n_layer", layer_counts);
  read_ends(reader, "tie_embeddings", reader.integer("pad_vocab_size_multiple", widths, 8), model);
  model.norm_epsilon = reader.number("norm_epsilon", norm_epsilons, 1e-5);
  ConfigurationReader mixer = reader.object("ssm_cfg");
  const std::string layer = mixer.text("layer", "Mamba1");
  if (layer == "Mamba1") {
    model.family = "mamba1";
    model.mixer = read_original_mamba1(mixer, model);
  } else if (layer == "Mamba2") {
    model.family = "mamba2";
    model.mixer = read_original_mamba2(mixer, model);
  } else {
    mixer.refuse("layer", "is {}, supported are Mamba1 and Mamba2", layer);
  }
  warn_of_unread(mixer, model);
}

// Hugging Face's files may leave out what the class behind `model_type` supplies.
nlohmann::json with_defaults(const nlohmann::json& document) {
  const bool mamba2 = document.is_object() && document.contains("model_type") && document["model_type"] == "mamba2";
  return mamba2 ? with_mamba2_defaults(document) : document;
}

void check_parameters(const ModelConfiguration& model, const std::string& where) {
  const double mixer = std::visit([&](const auto& each) { return parameters(each, model.model_size); }, model.mixer);
  const double ends = static_cast<double>(model.continuous() ? model.input_size + model.output_size
                                                             : model.vocabulary * (model.tied_embedding ? 1 : 2));
  const double total = static_cast<double>(model.layers) * mixer + ends * static_cast<double>(model.model_size);
  if (total > most_parameters) {
    fail(ExitCode::input, "{}: the sizes make a model of {:.3g} parameters, supported are up to {:.3g}", where, total,
         most_parameters);
  }
}

}  // namespace

ModelConfiguration parse_model_configuration(const std::string& text, const std::string& where) {
  const nlohmann::json document = with_defaults(parse_json(text, where));
  ConfigurationReader reader(document, where);
  ModelConfiguration model;
  refuse_what_is_not_built(reader);
  if (reader.has("model_type")) {
    read_hugging_face(reader, model);
  } else if (reader.has("d_model")) {
    read_original(reader, model);
  } else {
    fail(ExitCode::input,
         "{}: not a model's configuration: it has neither \"model_type\" (Hugging Face) nor \"d_model\" (mamba_ssm)",
         where);
  }
  // Hugging Face's own implementation has no LayerNorm; a file that asks for one was converted from mamba_ssm's and its
  // checkpoint holds the biases of LayerNorm.
  model.norm = reader.boolean("rms_norm", true) ? Norm::rms : Norm::layer;
  if (!reader.boolean("residual_in_fp32", true)) {
    model.warnings.push_back(where + ": \"residual_in_fp32\" is false, but the residual stream stays in fp32 here");
  }
  // Nothing here changes what the model computes from its weights.
  reader.accept({"_attn_implementation", "_commit_hash", "_name_or_path", "architectures", "attn_cfg", "auto_map",
                 "bos_token_id", "dtype", "eos_token_id", "fused_add_norm", "initializer_cfg", "model_type",
                 "pad_token_id", "pad_vocab_size_multiple", "torch_dtype", "transformers_version", "use_cache"});
  warn_of_unread(reader, model);
  check_parameters(model, where);
  return model;
}

ModelConfiguration read_model_configuration(const std::filesystem::path& path) {
  const bool folder = is_folder(path);
  const std::filesystem::path file = folder ? path / "config.json" : path;
  if (folder && !is_present(file)) {
    fail(ExitCode::input, "{} holds no config.json: give a model's folder or a configuration file", path.string());
  }
  return parse_model_configuration(read_text(file), file.string());
}

nlohmann::ordered_json to_json(const ModelConfiguration& model) {
  return {{"family", model.family},
          {"model_size", model.model_size},
          {"layers", model.layers},
          {"vocabulary", model.vocabulary},
          {"vocabulary_used", model.vocabulary_used},
          {"input_size", model.input_size},
          {"output_size", model.output_size},
          {"tied_embedding", model.tied_embedding},
          {"norm", model.norm == Norm::rms ? "rms" : "layer"},
          {"norm_epsilon", model.norm_epsilon},
          {"mixer", std::visit([](const auto& mixer) { return to_json(mixer); }, model.mixer)}};
}

}  // namespace mambac
