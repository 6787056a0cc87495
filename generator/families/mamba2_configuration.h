// What a configuration says about the mixer of Mamba-2.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/model_configuration.h"

namespace mambac {

// A `model_type: mamba2` with the fields that it leaves out: the defaults of Hugging Face's Mamba2Config, which are
// those of Mamba-Codestral-7B.
nlohmann::json with_mamba2_defaults(const nlohmann::json& document);

// From Hugging Face's `model_type: mamba2`, complete with its defaults. Adds to the warnings of `model`.
Mamba2Mixer read_hugging_face_mamba2(ConfigurationReader& reader, ModelConfiguration& model);

// From mamba_ssm's `ssm_cfg`, whose layer is Mamba2.
Mamba2Mixer read_original_mamba2(ConfigurationReader& reader, const ModelConfiguration& model);

// Weights of one mixer, as a double because absurd sizes overflow integers.
double parameters(const Mamba2Mixer& mixer, int64_t model_size);

nlohmann::ordered_json to_json(const Mamba2Mixer& mixer);

}  // namespace mambac
