// Memory that an artifact computes in: its device's, or this machine's.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "runtime/mambac.h"

namespace mambac {

// Zero at first, aligned as the artifact asks for it. Throws Error if the device has too little.
class ArtifactMemory {
 public:
  ArtifactMemory(const mambac_artifact& table, size_t bytes);

  void* data() { return memory_.get(); }
  const void* data() const { return memory_.get(); }
  std::span<float> floats() { return {static_cast<float*>(data()), bytes_ / sizeof(float)}; }
  size_t bytes() const { return bytes_; }

  // The first `bytes` bytes, from and to this machine's own memory. Throw Error if the device has failed.
  void write(const void* from, size_t bytes);
  void read(void* to, size_t bytes) const;

 private:
  const mambac_artifact& table_;
  std::unique_ptr<void, void (*)(void*)> memory_;
  size_t bytes_;
};

// Memory of this machine that a device writes to while this machine reads it. Throws Error if there is too little.
class SharedMemory {
 public:
  SharedMemory(const mambac_artifact& table, size_t bytes);
  void* data() { return memory_.get(); }

 private:
  std::unique_ptr<void, void (*)(void*)> memory_;
};

}  // namespace mambac
