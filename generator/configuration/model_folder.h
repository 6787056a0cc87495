// A model as users give it: a folder, or a configuration file alone.
#pragma once

#include <filesystem>

namespace mambac {

// config.json of a model's folder, or the configuration file that was given.
std::filesystem::path configuration_file(const std::filesystem::path& model);

// The folder of a model, or of its configuration file.
std::filesystem::path folder_of(const std::filesystem::path& model);

// What running the model needs beside its weights, as files in `folder`: config.json, and a tokenizer if there is one.
void copy_companions(const std::filesystem::path& model, const std::filesystem::path& folder);

}  // namespace mambac
