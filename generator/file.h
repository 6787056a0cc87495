// Files and folders as every stage handles them: read whole, written under a temporary name and renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "generator/temporary_path.h"

namespace mambac {

// Whether there is such a folder or file; what cannot be examined counts as absent, and opening it gives the reason.
bool is_folder(const std::filesystem::path& path);
bool is_present(const std::filesystem::path& path);

// The whole file as text. Throws Error (ExitCode::input) with path and reason.
std::string read_text(const std::filesystem::path& path);

// Writes to a temporary name beside `path`, then renames. On failure (disk full, no permission) nothing stays behind
// and Error (ExitCode::environment) says path and reason.
void write_text(const std::filesystem::path& path, std::string_view text);

// A file mapped read-only; an empty file is an empty span.
struct MappedFile {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};
MappedFile map_file(const std::filesystem::path& path);

// A file that is written piece by piece and appears under its name only by commit(). Without commit() the temporary
// file is removed. Where `path` is a symbolic link, the file that it names is replaced; what is not a regular file is
// refused (ExitCode::input).
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);                      // after what write() wrote before
  void write_at(uint64_t offset, std::span<const std::byte> bytes);  // does not move where write() goes on
  void commit();                                                     // flush, rename

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::optional<TemporaryPath> temporary_;
  uint64_t position_ = 0;  // where write() goes on
};

}  // namespace mambac
