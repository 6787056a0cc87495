// Fields that the configurations of all mixers have in common.
#pragma once

#include <cstdint>
#include <string>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/model_configuration.h"

namespace mambac {

inline constexpr Range<int64_t> convolution_tap_counts{1, 1 << 10};

// E = expand * D, rounded down as both sources do.
int64_t expanded(ConfigurationReader& reader, int64_t model_size);

// Hugging Face's configurations often keep fields of the mamba_ssm file that they were converted from; nothing reads
// them, and some are wrong (d_inner of a published mamba-370m, d_model of a published mamba-790m). Warns if `name` says
// something else than `used`.
void check_leftover(ConfigurationReader& reader, const std::string& name, int64_t used, ModelConfiguration& model);

// Warns of every field that nobody has read.
void warn_of_unread(const ConfigurationReader& reader, ModelConfiguration& model);

}  // namespace mambac
