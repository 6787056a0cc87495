#include "generator/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "generator/error.h"

namespace mambac {
namespace {

std::string reason() { return std::generic_category().message(errno); }

// An open file that closes itself.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) : value_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (value_ < 0) fail(ExitCode::input, "cannot open {}: {}", path.string(), reason());
    if (fstat(value_, &status_) != 0) {
      const std::string why = reason();
      close(value_);
      fail(ExitCode::input, "cannot examine {}: {}", path.string(), why);
    }
  }
  ~Descriptor() { close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int value() const { return value_; }
  const struct stat& status() const { return status_; }

 private:
  int value_;
  struct stat status_{};
};

}  // namespace

bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

bool is_present(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string read_text(const std::filesystem::path& path) {
  const Descriptor file(path);
  std::string text;
  text.reserve(static_cast<size_t>(file.status().st_size));
  char piece[1 << 16];
  while (true) {
    const ssize_t count = read(file.value(), piece, sizeof piece);
    if (count == 0) return text;
    if (count > 0) {
      text.append(piece, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      fail(ExitCode::input, "cannot read {}: {}", path.string(), reason());
    }
  }
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

MappedFile map_file(const std::filesystem::path& path) {
  const Descriptor file(path);
  if (!S_ISREG(file.status().st_mode)) fail(ExitCode::input, "cannot read {}: it is not a file", path.string());
  const size_t size = static_cast<size_t>(file.status().st_size);
  if (size == 0) return {};
  void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value(), 0);
  if (memory == MAP_FAILED) fail(ExitCode::input, "cannot map {}: {}", path.string(), reason());
  return {std::shared_ptr<const void>(memory, [size](const void* mapped) { munmap(const_cast<void*>(mapped), size); }),
          {static_cast<const std::byte*>(memory), size}};
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail(ExitCode::input, "cannot write {}: it is there and is not a regular file", path.string());
  }
  if (fs::is_symlink(path, error)) path_ = fs::weakly_canonical(path, error);
  // The process id keeps two builds apart; the counter, two files of one build.
  for (int counter = 0; descriptor_ < 0; ++counter) {
    const fs::path temporary = fmt::format("{}.{}-{}.partial", path_.string(), getpid(), counter);
    descriptor_ = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) {
      temporary_.emplace(temporary);
    } else if (errno != EEXIST) {
      fail(ExitCode::environment, "cannot write {}: {}", path.string(), reason());
    }
  }
}

AtomicFile::~AtomicFile() { close(descriptor_); }

void AtomicFile::write(std::span<const std::byte> bytes) {
  write_at(position_, bytes);
  position_ += bytes.size();
}

void AtomicFile::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count >= 0) {
      offset += static_cast<uint64_t>(count);
      bytes = bytes.subspan(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      fail(ExitCode::environment, "cannot write {}: {}", path_.string(), reason());
    }
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) fail(ExitCode::environment, "cannot write {}: {}", path_.string(), reason());
  if (const std::error_code error = temporary_->rename_to(path_)) {
    fail(ExitCode::environment, "cannot write {}: {}", path_.string(), error.message());
  }
}

}  // namespace mambac
