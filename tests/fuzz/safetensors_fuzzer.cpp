// Any bytes are a safetensors file whose tensors can be read to their last element, or are refused by an Error.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "generator/checkpoint/safetensors.h"
#include "generator/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    for (const auto& [name, tensor] : mambac::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz")) {
      std::vector<float> values(static_cast<size_t>(tensor.count()));
      tensor.read(0, values);
    }
  } catch (const mambac::Error&) {
  }
  return 0;
}
