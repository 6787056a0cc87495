#include "generator/families/mamba2_configuration.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "generator/families/mixer_fields.h"

namespace mambac {
namespace {

constexpr Range<int64_t> state_sizes{1, 1 << 16};

constexpr double infinity = std::numeric_limits<double>::infinity();

// Delta's limits; beyond the range of a float the upper one is none.
void read_delta_limits(ConfigurationReader& reader, const std::string& name, Mamba2Mixer& mixer) {
  const std::vector<double> limits = reader.numbers(name, {0, infinity});
  const bool two = limits.size() == 2 && std::isfinite(limits[0]);
  if (!two || !(limits[0] >= 0 && limits[0] <= limits[1])) {  // also refuses NaN
    reader.refuse(name, "must be two numbers, of which the first is at least 0 and the second not below it");
  }
  mixer.delta_least = limits[0];
  mixer.delta_most = limits[1] > std::numeric_limits<float>::max() ? infinity : limits[1];
}

void check_groups(ConfigurationReader& reader, const std::string& name, const Mamba2Mixer& mixer) {
  if (mixer.heads() % mixer.groups != 0) {
    reader.refuse(name, "is {}, must divide the {} heads", mixer.groups, mixer.heads());
  }
}

}  // namespace

nlohmann::json with_mamba2_defaults(const nlohmann::json& document) {
  nlohmann::json complete = {{"hidden_size", 4096},
                             {"num_hidden_layers", 64},
                             {"num_heads", 128},
                             {"head_dim", 64},
                             {"n_groups", 8},
                             {"state_size", 128},
                             {"conv_kernel", 4},
                             {"expand", 2},
                             {"tie_word_embeddings", false}};
  for (const auto& [name, field] : document.items()) {
    if (!field.is_null()) complete[name] = field;
  }
  if (!complete.contains("input_size")) complete.emplace("vocab_size", 32768);
  return complete;
}

Mamba2Mixer read_hugging_face_mamba2(ConfigurationReader& reader, ModelConfiguration& model) {
  Mamba2Mixer mixer;
  mixer.inner_size = expanded(reader, model.model_size);
  mixer.head_size = reader.integer("head_dim", widths);
  const int64_t heads = reader.integer("num_heads", widths);
  mixer.recurrent_size = heads * mixer.head_size;
  if (mixer.recurrent_size != mixer.inner_size) {
    reader.refuse("num_heads",
                  "is {}, times \"head_dim\" {} makes {}, but \"expand\" times \"hidden_size\" makes {}: they must be "
                  "equal (absent fields take Mamba2Config's defaults: num_heads 128, head_dim 64, expand 2, "
                  "hidden_size 4096)",
                  heads, mixer.head_size, mixer.recurrent_size, mixer.inner_size);
  }
  mixer.state_size = reader.integer("state_size", state_sizes);
  mixer.groups = reader.integer("n_groups", widths);
  check_groups(reader, "n_groups", mixer);
  mixer.convolution_taps = reader.integer("conv_kernel", convolution_tap_counts);
  mixer.convolution_bias = reader.boolean("use_conv_bias", true);
  mixer.projection_bias = reader.boolean("use_bias", false);
  mixer.gated_norm_epsilon = model.norm_epsilon;
  read_delta_limits(reader, "time_step_limit", mixer);

  if (mixer.groups > 1) {
    model.warnings.push_back(
        fmt::format("{}: \"n_groups\" is {}: the gated norm is taken over each group by itself, as in the original "
                    "implementation; Hugging Face's ignores the groups there and gives other outputs",
                    reader.where(), mixer.groups));
  }
  // Mamba-Codestral-7B's file says true, yet neither implementation normalizes its weights before the gate.
  if (reader.boolean("norm_before_gate", false)) {
    model.warnings.push_back(
        fmt::format("{}: field \"norm_before_gate\" is ignored: Hugging Face's Mamba-2 always has the gate before "
                    "the norm",
                    reader.where()));
  }
  check_leftover(reader, "intermediate_size", mixer.inner_size, model);
  reader.accept({"chunk_size", "dt_rank", "initializer_range", "rescale_prenorm_residual", "time_step_floor",
                 "time_step_init_scheme", "time_step_max", "time_step_min", "time_step_rank", "time_step_scale"});
  return mixer;
}

Mamba2Mixer read_original_mamba2(ConfigurationReader& reader, const ModelConfiguration& model) {
  Mamba2Mixer mixer;
  mixer.inner_size = expanded(reader, model.model_size);
  mixer.recurrent_size = reader.integer("d_ssm", {1, mixer.inner_size}, mixer.inner_size);
  mixer.state_size = reader.integer("d_state", state_sizes, 128);
  mixer.head_size = reader.integer("headdim", widths, 64);
  if (mixer.recurrent_size % mixer.head_size != 0) {
    reader.refuse("headdim", "is {}, must divide the recurrence's width {}", mixer.head_size, mixer.recurrent_size);
  }
  mixer.groups = reader.integer("ngroups", widths, 1);
  check_groups(reader, "ngroups", mixer);
  mixer.convolution_taps = reader.integer("d_conv", convolution_tap_counts, 4);
  read_delta_limits(reader, "dt_limit", mixer);
  mixer.skip_per_channel = reader.boolean("D_has_hdim", false);
  mixer.gated_norm = reader.boolean("rmsnorm", true);
  mixer.norm_before_gate = reader.boolean("norm_before_gate", false) && mixer.gated_norm;
  mixer.convolution_bias = reader.boolean("conv_bias", true);
  mixer.projection_bias = reader.boolean("bias", false);
  reader.accept({"A_init_range", "chunk_size", "conv_init", "dt_init_floor", "dt_max", "dt_min", "sequence_parallel",
                 "use_mem_eff_path"});
  return mixer;
}

double parameters(const Mamba2Mixer& mixer, int64_t model_size) {
  const double model = static_cast<double>(model_size), inner = static_cast<double>(mixer.inner_size);
  const double b_and_c = 2 * static_cast<double>(mixer.groups) * static_cast<double>(mixer.state_size);
  const double convolved = static_cast<double>(mixer.recurrent_size) + b_and_c;
  // in_proj and out_proj, convolution; biases, norm and what the heads have are too few to matter.
  return model * (2 * inner + b_and_c + static_cast<double>(mixer.heads()) + inner) +
         convolved * static_cast<double>(mixer.convolution_taps);
}

nlohmann::ordered_json to_json(const Mamba2Mixer& mixer) {
  const bool limited = mixer.delta_most < infinity;
  return {{"inner_size", mixer.inner_size},
          {"recurrent_size", mixer.recurrent_size},
          {"state_size", mixer.state_size},
          {"head_size", mixer.head_size},
          {"groups", mixer.groups},
          {"convolution_taps", mixer.convolution_taps},
          {"delta_least", mixer.delta_least},
          {"delta_most", limited ? nlohmann::ordered_json(mixer.delta_most) : nullptr},  // JSON has no infinity
          {"skip_per_channel", mixer.skip_per_channel},
          {"gated_norm", mixer.gated_norm},
          {"gated_norm_epsilon", mixer.gated_norm_epsilon},
          {"norm_before_gate", mixer.norm_before_gate},
          {"convolution_bias", mixer.convolution_bias},
          {"projection_bias", mixer.projection_bias}};
}

}  // namespace mambac
