#include "tests/odd_shapes.h"

#include <random>

#include "generator/checkpoint/initialize.h"
#include "generator/checkpoint/safetensors.h"
#include "generator/families/families.h"
#include "generator/file.h"
#include "tests/error_message.h"

namespace mambac {

namespace fs = std::filesystem;

const std::vector<OddShape>& odd_shapes() {
  static const std::vector<OddShape> shapes = {
      {"LayerNormWithBias", R"({"d_model": 37, "n_layer": 2, "vocab_size": 17, "pad_vocab_size_multiple": 1,
      "rms_norm": false, "ssm_cfg": {"layer": "Mamba1", "bias": true, "d_state": 5, "expand": 1}})"},
      {"NoConvolutionBias", R"({"d_model": 19, "n_layer": 1, "vocab_size": 70, "pad_vocab_size_multiple": 1,
      "tie_embeddings": false, "ssm_cfg": {"conv_bias": false, "d_conv": 2, "d_state": 1, "dt_rank": 1}})"},
      {"OneTap", R"({"model_type": "mamba", "hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 65,
      "state_size": 33, "conv_kernel": 1, "intermediate_size": 45, "time_step_rank": 7})"},
      {"FalconOdd", R"({"model_type": "falcon_mamba", "hidden_size": 30, "num_hidden_layers": 1, "vocab_size": 33,
      "state_size": 3, "intermediate_size": 50, "time_step_rank": 2, "use_bias": true})"},
      {"ContinuousWithoutHead", R"({"model_type": "mamba", "hidden_size": 21, "num_hidden_layers": 1, "input_size": 5,
      "state_size": 4, "intermediate_size": 21, "time_step_rank": 2})"},
      {"Mamba2NarrowHeads", R"({"d_model": 27, "n_layer": 2, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "expand": 2, "d_ssm": 54, "headdim": 3, "ngroups": 3, "d_state": 7, "d_conv": 2}})"},
      {"Mamba2WideHeads", R"({"d_model": 50, "n_layer": 1, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "d_ssm": 76, "headdim": 38, "ngroups": 2, "d_state": 9, "rmsnorm": false,
      "D_has_hdim": true, "bias": true, "conv_bias": false, "dt_limit": [0.01, 0.3]}})"},
      {"Mamba2ManyVectors", R"({"d_model": 80, "n_layer": 1, "vocab_size": 40, "pad_vocab_size_multiple": 1,
      "ssm_cfg": {"layer": "Mamba2", "d_ssm": 160, "headdim": 80, "d_state": 5, "norm_before_gate": true}})"},
  };
  return shapes;
}

fs::path make_odd_model(const OddShape& shape) {
  const fs::path folder = test_folder() / "model";
  fs::create_directories(folder);
  write_text(folder / "config.json", shape.configuration);
  const ModelConfiguration model = read_model_configuration(folder);
  initialize(model, make_graph(model).checkpoint, 1, folder);
  std::vector<OutputTensor> tensors;
  {
    std::mt19937 random(1);
    const SafetensorsFile fresh = SafetensorsFile::open(folder);
    for (const auto& [name, view] : fresh.tensors()) {
      std::vector<float> values(view.count());
      view.read(0, values);
      for (float& value : values) value += static_cast<float>(random() % 2001) / 5000.0f - 0.2f;
      tensors.push_back(output_tensor(name, view.shape, std::span<const float>(values)));
    }
  }
  write_safetensors(folder / "model.safetensors", tensors);
  return folder;
}

}  // namespace mambac
