// Stage 1: what a model is. Read from a Hugging Face or mamba_ssm `config.json`, independent of target and deployment.
//
// Sizes follow the field's letters: D model width, L layers, V vocabulary, E inner width, N state size, K convolution
// taps, R rank of delta, H heads, P head width, G groups.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mambac {

enum class Norm { rms, layer };

// The mixer of Mamba (Gu, Dao 2023) and of FalconMamba, which adds norms without weights on delta, B and C.
struct Mamba1Mixer {
  int64_t inner_size = 0;        // E
  int64_t state_size = 16;       // N
  int64_t convolution_taps = 4;  // K
  int64_t delta_rank = 0;        // R
  bool convolution_bias = true;
  bool projection_bias = false;                  // in_proj and out_proj
  std::optional<double> delta_b_c_norm_epsilon;  // FalconMamba's mixer_rms_eps; empty: no such norms
};

// The mixer of Mamba-2 (Dao, Gu 2024).
struct Mamba2Mixer {
  int64_t inner_size = 0;        // E: the part that runs through the recurrence and the gated MLP beside it
  int64_t recurrent_size = 0;    // d_ssm = H P; smaller than E: the rest is a gated MLP of width E - d_ssm
  int64_t state_size = 128;      // N
  int64_t head_size = 64;        // P
  int64_t groups = 1;            // G: B and C are shared by H / G heads each
  int64_t convolution_taps = 4;  // K
  double delta_least = 0;        // delta is clamped to these (dt_limit)
  double delta_most = std::numeric_limits<double>::infinity();
  bool skip_per_channel = false;     // D_has_hdim: D has H P values, not H
  bool gated_norm = true;            // rmsnorm: the norm of each group behind (or before) the gate
  double gated_norm_epsilon = 1e-5;  // 1e-5 in mamba_ssm, the blocks' own in Hugging Face
  bool norm_before_gate = false;
  bool convolution_bias = true;
  bool projection_bias = false;  // in_proj and out_proj

  int64_t heads() const { return recurrent_size / head_size; }
};

using Mixer = std::variant<Mamba1Mixer, Mamba2Mixer>;

struct ModelConfiguration {
  std::string family;           // name of the file in generator/families that plans it: "mamba1"
  int64_t model_size = 0;       // D
  int64_t layers = 0;           // L
  int64_t vocabulary = 0;       // V, padded as the checkpoint is; 0: continuous input
  int64_t vocabulary_used = 0;  // tokens below this one are real, the rest is padding
  int64_t input_size = 0;       // continuous input; 0: tokens
  int64_t output_size = 0;      // width of the head on continuous input; 0: output is the final norm, of size D
  bool tied_embedding = true;   // lm_head shares the embedding's weight
  Norm norm = Norm::rms;        // of the blocks and the final one
  double norm_epsilon = 1e-5;
  Mixer mixer;
  std::vector<std::string> warnings;  // one sentence each: ignored fields, choices that differ from the file's

  bool continuous() const { return vocabulary == 0; }
  // Values per token of the model's output: V, output_size or D.
  int64_t outputs() const { return !continuous() ? vocabulary : output_size > 0 ? output_size : model_size; }
};

// Reads `path`, a `config.json` or a folder that holds one. Throws Error (ExitCode::input) with the file and the field:
// not JSON, a field missing, of the wrong type or absurd, a family that is not supported, or a choice that changes the
// mathematics and is not built (attention layers, a gated MLP, another activation).
ModelConfiguration read_model_configuration(const std::filesystem::path& path);

// The same from text; `where` names the file in messages.
ModelConfiguration parse_model_configuration(const std::string& text, const std::string& where);

// Everything that decides the mathematics, for the plan and its hash. Warnings are not part of it.
nlohmann::ordered_json to_json(const ModelConfiguration& model);

}  // namespace mambac
