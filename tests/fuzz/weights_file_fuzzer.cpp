// weights_from_memory against hostile bytes: never reads outside them, and accepts a file only if it is the true one.
// Half of the inputs get a true checksum of header and table first, else nothing would come past it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "runtime/weights_file.h"
#include "runtime/weights_format.h"
#include "tests/weights_file_builder.h"

namespace {

using mambac_runtime::WeightsHeader;
using mambac_runtime::WeightsTensor;

void seal(std::vector<std::byte>& file) {
  if (file.size() < sizeof(WeightsHeader)) return;
  WeightsHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  const std::span<const std::byte> rest = std::span(file).subspan(sizeof(header));
  if (header.tensor_count > rest.size() / sizeof(WeightsTensor)) return;
  header.checksum = weights_header_checksum(header, rest.first(header.tensor_count * sizeof(WeightsTensor)));
  std::memcpy(file.data(), &header, sizeof(header));
}

}  // namespace

// The first byte says whether to seal, the rest is the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size == 0) return 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(input);
  std::vector<std::byte> file(bytes + 1, bytes + size);
  if (input[0] & 1) seal(file);

  const mambac::WeightsMemory memory(file);
  mambac_weights weights;
  char message[300];
  const int status = mambac_runtime::weights_from_memory(
      memory.data(), memory.size(), mambac::WeightsFileBuilder::expected(), &weights, message, sizeof(message));
  const bool ok = status == MAMBAC_OK;
  if (ok != (weights.data != nullptr) || ok != (message[0] == '\0') ||
      std::memchr(message, '\0', sizeof(message)) == nullptr) {
    std::abort();
  }
  if (ok && file.size() != mambac::WeightsFileBuilder::expected().file_bytes) std::abort();
  return 0;
}
