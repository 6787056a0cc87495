#include "generator/families/mamba1_configuration.h"

#include <limits>
#include <string>
#include <vector>

#include "generator/families/mixer_fields.h"

namespace mambac {
namespace {

constexpr Range<int64_t> state_sizes{1, 1 << 10};  // the kernels write the loop over N out

// R: an integer, or "auto" for D / 16 rounded up.
int64_t delta_rank(ConfigurationReader& reader, const std::string& name, int64_t model_size) {
  const nlohmann::json& rank = reader.value(name);
  if (rank.is_null() || rank == "auto") return (model_size + 15) / 16;
  if (!rank.is_number_integer()) reader.refuse(name, "must be an integer or \"auto\"");
  return reader.integer(name, widths);
}

}  // namespace

Mamba1Mixer read_hugging_face_mamba1(ConfigurationReader& reader, bool falcon, ModelConfiguration& model) {
  Mamba1Mixer mixer;
  const int64_t from_expand = expanded(reader, model.model_size);
  mixer.inner_size = reader.integer("intermediate_size", widths, from_expand);
  if (mixer.inner_size != from_expand && reader.has("expand")) {
    model.warnings.push_back(fmt::format("{}: field \"expand\" is ignored because \"intermediate_size\" is given: {}",
                                         reader.where(), mixer.inner_size));
  }
  mixer.state_size = reader.integer("state_size", state_sizes, 16);
  mixer.convolution_taps = reader.integer("conv_kernel", convolution_tap_counts, 4);
  mixer.delta_rank = delta_rank(reader, "time_step_rank", model.model_size);
  mixer.convolution_bias = reader.boolean("use_conv_bias", true);
  mixer.projection_bias = reader.boolean("use_bias", false);
  if (falcon) mixer.delta_b_c_norm_epsilon = reader.number("mixer_rms_eps", norm_epsilons, 1e-6);

  // Copied over from configurations of Mamba-2, which clamps delta by it.
  const std::vector<double> no_limit{0, std::numeric_limits<double>::infinity()};
  if (reader.numbers("time_step_limit", no_limit) != no_limit) {
    model.warnings.push_back(
        fmt::format("{}: field \"time_step_limit\" is ignored: Mamba-1 has no such limit", reader.where()));
  }
  check_leftover(reader, "dt_rank", mixer.delta_rank, model);
  reader.accept({"initializer_range", "rescale_prenorm_residual", "time_step_floor", "time_step_init_scheme",
                 "time_step_max", "time_step_min", "time_step_scale", "use_associative_scan", "use_falcon_mambapy",
                 "use_mambapy"});
  return mixer;
}

Mamba1Mixer read_original_mamba1(ConfigurationReader& reader, const ModelConfiguration& model) {
  Mamba1Mixer mixer;
  mixer.inner_size = expanded(reader, model.model_size);
  mixer.state_size = reader.integer("d_state", state_sizes, 16);
  mixer.convolution_taps = reader.integer("d_conv", convolution_tap_counts, 4);
  mixer.delta_rank = delta_rank(reader, "dt_rank", model.model_size);
  mixer.convolution_bias = reader.boolean("conv_bias", true);
  mixer.projection_bias = reader.boolean("bias", false);
  reader.accept({"dt_init", "dt_init_floor", "dt_max", "dt_min", "dt_scale", "use_fast_path"});
  return mixer;
}

double parameters(const Mamba1Mixer& mixer, int64_t model_size) {
  const double model = static_cast<double>(model_size), inner = static_cast<double>(mixer.inner_size);
  const double state = static_cast<double>(mixer.state_size), rank = static_cast<double>(mixer.delta_rank);
  const double taps = static_cast<double>(mixer.convolution_taps);
  // in_proj and out_proj, x_proj, dt_proj, A_log, convolution; biases and D are too few to matter.
  return inner * (3 * model + (rank + 2 * state) + rank + state + taps);
}

nlohmann::ordered_json to_json(const Mamba1Mixer& mixer) {
  nlohmann::ordered_json json = {{"inner_size", mixer.inner_size},
                                 {"state_size", mixer.state_size},
                                 {"convolution_taps", mixer.convolution_taps},
                                 {"delta_rank", mixer.delta_rank},
                                 {"convolution_bias", mixer.convolution_bias},
                                 {"projection_bias", mixer.projection_bias}};
  if (mixer.delta_b_c_norm_epsilon) json["delta_b_c_norm_epsilon"] = *mixer.delta_b_c_norm_epsilon;
  return json;
}

}  // namespace mambac
