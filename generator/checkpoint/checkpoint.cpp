#include "generator/checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

// The one name in which the two families of checkpoints differ.
constexpr const char* hugging_face_embedding = "backbone.embeddings.weight";
constexpr const char* mamba_ssm_embedding = "backbone.embedding.weight";

bool is_16_bit(TensorType type) { return type == TensorType::bf16 || type == TensorType::f16; }

bool is_floating(TensorType type) { return is_16_bit(type) || type == TensorType::f32 || type == TensorType::f64; }

std::filesystem::path folder_of(const std::filesystem::path& path) {
  if (is_folder(path)) return path;
  return path.has_parent_path() ? path.parent_path() : ".";
}

// "7" of "backbone.layers.7.norm.weight"; nothing where a tensor is of no layer.
std::string layer_of(const std::string& tensor) {
  const std::string mark = ".layers.";
  const size_t at = tensor.find(mark);
  if (at == tensor.npos) return "";
  const size_t begin = at + mark.size();
  return tensor.substr(begin, tensor.find('.', begin) - begin);
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& path) : file_(SafetensorsFile::open(folder_of(path))) {}

bool Checkpoint::exists(const std::filesystem::path& path) {
  const std::filesystem::path folder = folder_of(path);
  return is_present(folder / "model.safetensors") || is_present(folder / "model.safetensors.index.json");
}

std::string Checkpoint::stored_name(const std::string& name) const {
  return name == hugging_face_embedding && !file_.has(name) ? mamba_ssm_embedding : name;
}

const TensorView& Checkpoint::at(const std::string& name) const { return file_.at(stored_name(name)); }

bool Checkpoint::matrices_are_16_bit() const {
  const auto is_in_proj = [](const auto& entry) { return entry.first.ends_with("in_proj.weight"); };
  const auto& tensors = file_.tensors();
  const auto found = std::find_if(tensors.begin(), tensors.end(), is_in_proj);
  return found != tensors.end() && is_16_bit(found->second.type);
}

std::vector<std::string> Checkpoint::check(const std::vector<CheckpointTensor>& wanted) const {
  std::set<std::string> used;
  for (const CheckpointTensor& tensor : wanted) {
    const std::string name = stored_name(tensor.name);
    if (!file_.has(name)) {
      fail(ExitCode::input, "{}: tensor '{}' of shape [{}] is missing; the configuration does not fit these weights",
           path().string(), tensor.name, fmt::join(tensor.shape, ", "));
    }
    const TensorView& view = file_.at(name);
    if (view.shape != tensor.shape) {
      fail(ExitCode::input, "{}: tensor '{}' has shape [{}], but the configuration asks for [{}]", path().string(),
           name, fmt::join(view.shape, ", "), fmt::join(tensor.shape, ", "));
    }
    if (!is_floating(view.type)) {
      fail(ExitCode::input, "{}: tensor '{}' is of type {}; weights must be F32, BF16, F16 or F64", path().string(),
           name, name_of(view.type));
    }
    used.insert(name);
  }
  std::set<std::string> layers;
  for (const std::string& name : used) layers.insert(layer_of(name));
  std::vector<std::string> unused;
  for (const auto& [name, view] : file_.tensors()) {
    if (!layers.contains(layer_of(name))) {
      fail(ExitCode::input, "{}: tensor '{}' is of a layer that the configuration does not have: {} layers there",
           path().string(), name, layers.size() - (layers.contains("") ? 1 : 0));
    }
    // A tied head is often stored beside the embedding that it shares.
    if (!used.contains(name) && name != "lm_head.weight") {
      unused.push_back(fmt::format("{}: tensor '{}' is not used by this model", path().string(), name));
    }
  }
  return unused;
}

std::string how_to_get_weights(const std::filesystem::path& path) {
  const std::filesystem::path folder = folder_of(path);
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!is_present(folder / name)) continue;
    return fmt::format(
        "the folder has {} and no model.safetensors; convert with PyTorch: cd {} && python3 -c \"import glob, torch, "
        "safetensors.torch as s; s.save_file({{n: t.clone() for f in glob.glob('pytorch_model*.bin') for n, t in "
        "torch.load(f, map_location='cpu', weights_only=True).items()}}, 'model.safetensors')\"",
        name, folder.string());
  }
  return "the model's folder has no model.safetensors; `mambac init` makes a folder with fresh ones";
}

}  // namespace mambac
