#include "generator/build/artifact_folder.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// An artifact's folder has a plan.json that says who wrote it.
bool is_artifact(const fs::path& folder) {
  const fs::path plan = folder / "plan.json";
  if (!fs::exists(plan)) return false;
  const auto json = nlohmann::json::parse(read_text(plan), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("hash") && json.contains("generator_version");
}

}  // namespace

ArtifactFolder::ArtifactFolder(const fs::path& path) : path_(fs::absolute(path).lexically_normal()) {
  if (!path_.has_filename()) path_ = path_.parent_path();
  if (fs::exists(path_)) {
    if (!fs::is_directory(path_)) {
      fail(ExitCode::input, "{}: is a file; --out must name a folder", path.string());
    }
    if (!fs::is_empty(path_) && !is_artifact(path_)) {
      fail(ExitCode::input, "{}: is a folder that mambac did not write; choose another --out or remove it",
           path.string());
    }
  }
  temporary_ = path_.parent_path() / fmt::format(".{}.{}", path_.filename().string(), getpid());
  std::error_code error;
  fs::remove_all(temporary_, error);  // what a killed build of the same process number left
  fs::create_directories(temporary_, error);
  if (error) {
    fail(ExitCode::environment, "{}: cannot be created: {}; choose another --out", temporary_.string(),
         error.message());
  }
}

ArtifactFolder::~ArtifactFolder() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void ArtifactFolder::write(const std::map<std::string, std::string>& files) {
  for (const auto& [path, text] : files) {
    const fs::path full = temporary_ / path;
    std::error_code error;
    fs::create_directories(full.parent_path(), error);
    if (error) fail(ExitCode::environment, "{}: cannot be created: {}", full.parent_path().string(), error.message());
    write_text(full, text);
  }
}

void ArtifactFolder::commit() {
  std::error_code error;
  const fs::path replaced = temporary_.string() + ".replaced";
  if (fs::exists(path_)) fs::rename(path_, replaced, error);
  if (!error) fs::rename(temporary_, path_, error);
  if (error) {
    std::error_code ignored;
    if (fs::exists(replaced)) fs::rename(replaced, path_, ignored);
    fail(ExitCode::environment, "{}: cannot be put in place: {}", path_.string(), error.message());
  }
  fs::remove_all(replaced, error);
}

}  // namespace mambac
