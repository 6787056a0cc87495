#include "generator/build/artifact_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <sstream>
#include <system_error>

#include "generator/error.h"
#include "generator/file.h"
#include "generator/plan/stored_plan.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// Every file of an artifact, one path a line: what a later build may replace.
constexpr char list_of_files[] = "artifact.files";

// By their paths inside the folder.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_directory() || entry.is_symlink()) files.insert(entry.path().lexically_relative(folder).string());
  }
  return files;
}

std::set<std::string> files_of_artifact(const fs::path& folder) {
  std::set<std::string> files;
  if (!fs::exists(folder / list_of_files)) return files;
  std::istringstream lines(read_text(folder / list_of_files));
  for (std::string line; std::getline(lines, line);) files.insert(line);
  return files;
}

// A folder that is a file system's root cannot be renamed.
bool is_mount_point(const fs::path& folder) {
  struct statx status;
  return statx(AT_FDCWD, folder.c_str(), 0, STATX_BASIC_STATS, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Symbolic links are followed: what they name is replaced, not they.
fs::path resolve(const fs::path& path) {
  if (path.empty()) fail(ExitCode::usage, "--out is empty; name a folder");
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(fs::absolute(path), error);
  if (error) resolved = fs::absolute(path).lexically_normal();
  return resolved.has_filename() ? resolved : resolved.parent_path();
}

}  // namespace

ArtifactFolder::ArtifactFolder(const fs::path& path)
    : given_(path),
      path_(resolve(path)),
      temporary_(path_.parent_path() / fmt::format(".{}.{}", path_.filename().string(), getpid())) {
  check_replaceable();
  std::error_code error;
  fs::remove_all(temporary(), error);  // what a killed build of the same process number left
  fs::create_directories(temporary(), error);
  if (error) {
    fail(ExitCode::environment, "{}: cannot be created: {}; choose another --out", given_.string(), error.message());
  }
}

void ArtifactFolder::check_replaceable() const {
  if (!is_present(path_)) return;
  if (!fs::is_directory(path_)) {
    fail(ExitCode::input, "{}: is a file; --out must name a folder", given_.string());
  }
  if (is_mount_point(path_)) {
    fail(ExitCode::input, "{}: is a mount point, which cannot be replaced; choose a folder inside it", given_.string());
  }
  if (fs::is_empty(path_)) return;
  if (!is_artifact(path_)) {
    fail(ExitCode::input, "{}: is a folder that mambac did not write; choose another --out or remove it",
         given_.string());
  }
  const std::set<std::string> ours = files_of_artifact(path_);
  for (const std::string& file : files_in(path_)) {
    if (ours.contains(file)) continue;
    fail(ExitCode::input,
         "{}: holds {}, which is no part of the artifact and would be deleted; move it elsewhere or choose another "
         "--out",
         given_.string(), file);
  }
}

void ArtifactFolder::write(const std::map<std::string, std::string>& files) {
  for (const auto& [path, text] : files) {
    const fs::path full = temporary() / path;
    std::error_code error;
    fs::create_directories(full.parent_path(), error);
    if (error) fail(ExitCode::environment, "{}: cannot be created: {}", full.parent_path().string(), error.message());
    write_text(full, text);
  }
}

void ArtifactFolder::commit() {
  std::set<std::string> files = files_in(temporary());
  files.insert(list_of_files);
  write_text(temporary() / list_of_files, fmt::format("{}\n", fmt::join(files, "\n")));
  check_replaceable();  // again: the build may have taken minutes
  if (const std::error_code error = temporary_.replace_folder(path_)) {
    fail(ExitCode::environment, "{}: cannot be put in place: {}", given_.string(), error.message());
  }
}

}  // namespace mambac
