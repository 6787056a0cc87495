#include "tests/golden_case.h"

namespace mambac {

std::vector<double> GoldenCase::input() const { return values(golden.at(model.continuous() ? "inputs" : "input_ids")); }

int64_t GoldenCase::count() const { return golden.at("outputs").shape.front(); }

const std::vector<std::string>& mamba1_goldens() {
  static const std::vector<std::string> names = {"mamba1-tiny", "mamba1-odd", "mamba1-continuous", "mamba1-original",
                                                 "falcon-tiny"};
  return names;
}

const std::vector<std::string>& mamba2_goldens() {
  static const std::vector<std::string> names = {"mamba2-tiny", "mamba2-groups", "mamba2-mlp"};
  return names;
}

GoldenCase read_golden(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path("tests/goldens") / name;
  const std::filesystem::path model =
      std::filesystem::exists(folder / "config.json") ? folder : std::filesystem::path("configs") / name;
  return {name, model, read_model_configuration(model), SafetensorsFile::open(model),
          SafetensorsFile::open(folder / "golden.safetensors")};
}

std::vector<double> values(const TensorView& tensor) {
  std::vector<double> values(tensor.count());
  tensor.read(0, std::span(values));
  return values;
}

}  // namespace mambac
