#include "generator/configuration/model_folder.h"

#include "generator/file.h"

namespace mambac {

namespace fs = std::filesystem;

fs::path configuration_file(const fs::path& model) { return is_folder(model) ? model / "config.json" : model; }

fs::path folder_of(const fs::path& model) { return is_folder(model) ? model : model.parent_path(); }

void copy_companions(const fs::path& model, const fs::path& folder) {
  fs::copy_file(configuration_file(model), folder / "config.json");
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    const fs::path file = folder_of(model) / name;
    if (is_present(file)) fs::copy_file(file, folder / name, fs::copy_options::overwrite_existing);
  }
}

}  // namespace mambac
