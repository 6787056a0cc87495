// The golden cases of tests/goldens, as every test reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/configuration/model_configuration.h"

namespace mambac {

struct GoldenCase {
  std::string name;
  std::filesystem::path folder;  // of the model
  ModelConfiguration model;
  SafetensorsFile weights, golden;

  // Tokens as numbers (count), or values (count, input_size).
  std::vector<double> input() const;
  int64_t count() const;  // of tokens
};

// Every golden case with random weights and a random initial state, by folder: of Mamba-1 and FalconMamba, of Mamba-2.
const std::vector<std::string>& mamba1_goldens();
const std::vector<std::string>& mamba2_goldens();

// A folder of tests/goldens; the model is there too, or in the folder of that name in configs/.
GoldenCase read_golden(const std::string& name);

// All values of a tensor.
std::vector<double> values(const TensorView& tensor);

}  // namespace mambac
