// What a configuration says about the mixer of Mamba-1 and FalconMamba.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/model_configuration.h"

namespace mambac {

// From Hugging Face's `model_type: mamba` or, with `falcon`, `falcon_mamba`. Adds to the warnings of `model`.
Mamba1Mixer read_hugging_face_mamba1(ConfigurationReader& reader, bool falcon, ModelConfiguration& model);

// From mamba_ssm's `ssm_cfg`, whose layer is Mamba1.
Mamba1Mixer read_original_mamba1(ConfigurationReader& reader, const ModelConfiguration& model);

// Weights of one mixer, as a double because absurd sizes overflow integers.
double parameters(const Mamba1Mixer& mixer, int64_t model_size);

nlohmann::ordered_json to_json(const Mamba1Mixer& mixer);

}  // namespace mambac
