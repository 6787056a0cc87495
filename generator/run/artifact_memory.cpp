#include "generator/run/artifact_memory.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "generator/error.h"
#include "generator/huge_pages.h"

namespace mambac {
namespace {

void check_copy(const mambac_artifact& table, int status) {
  if (status != MAMBAC_OK) fail(ExitCode::environment, "{}: {}", table.name, table.status_message(status));
}

}  // namespace

ArtifactMemory::ArtifactMemory(const mambac_artifact& table, size_t bytes)
    : table_(table), memory_(nullptr, std::free), bytes_(bytes) {
  // aligned_alloc wants a multiple of the alignment.
  const size_t rounded = std::max(table.alignment, (bytes + table.alignment - 1) / table.alignment * table.alignment);
  if (table.device == nullptr) {
    memory_.reset(allocate_in_huge_pages(table.alignment, rounded));
    std::memset(memory_.get(), 0, rounded);
    return;
  }
  std::array<char, 256> message{};
  void* memory = nullptr;
  if (table.device->allocate(&memory, rounded, message.data(), message.size()) != MAMBAC_OK) {
    fail(ExitCode::environment, "{}: {}", table.name, message.data());
  }
  memory_ = {memory, table.device->release};
  write(std::vector<std::byte>(bytes).data(), bytes);
}

void ArtifactMemory::write(const void* from, size_t bytes) {
  if (bytes > bytes_) fail(ExitCode::internal, "{} bytes do not fit into {}", bytes, bytes_);
  if (table_.device != nullptr) {
    check_copy(table_, table_.device->copy_to(data(), from, bytes));
  } else if (bytes > 0) {
    std::memcpy(data(), from, bytes);
  }
}

void ArtifactMemory::read(void* to, size_t bytes) const {
  if (bytes > bytes_) fail(ExitCode::internal, "{} bytes are more than {}", bytes, bytes_);
  if (table_.device != nullptr) {
    check_copy(table_, table_.device->copy_from(to, data(), bytes));
  } else if (bytes > 0) {
    std::memcpy(to, data(), bytes);
  }
}

SharedMemory::SharedMemory(const mambac_artifact& table, size_t bytes) : memory_(nullptr, std::free) {
  std::array<char, 256> message{};
  void* memory = nullptr;
  if (table.device->allocate_shared(&memory, bytes, message.data(), message.size()) != MAMBAC_OK) {
    fail(ExitCode::environment, "{}: {}", table.name, message.data());
  }
  memory_ = {memory, table.device->release_shared};
}

}  // namespace mambac
