// Small weights files in memory, true ones and lying ones, for the test and the fuzzer of the reader.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "runtime/weights_file.h"
#include "runtime/weights_format.h"

namespace mambac {

// Memory aligned as weights must be. Sized by its constructor alone.
class WeightsMemory {
 public:
  explicit WeightsMemory(std::span<const std::byte> content)
      : content_(new(std::align_val_t{mambac_runtime::weights_alignment}) std::byte[content.size()]),
        size_(content.size()) {
    if (size_ > 0) std::memcpy(content_, content.data(), size_);
  }
  ~WeightsMemory() { ::operator delete[](content_, std::align_val_t{mambac_runtime::weights_alignment}); }
  WeightsMemory(const WeightsMemory&) = delete;
  WeightsMemory& operator=(const WeightsMemory&) = delete;

  const std::byte* data() const { return content_; }
  size_t size() const { return size_; }

 private:
  std::byte* content_;
  size_t size_;
};

// The parts of a weights file, to be bent before bytes() joins them.
struct WeightsFileBuilder {
  static constexpr const char* model_name = "tiny";
  static constexpr const char* plan_hash = "0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210";
  static constexpr const char* generator_version = "1.2.3";

  mambac_runtime::WeightsHeader header;
  std::vector<mambac_runtime::WeightsTensor> table;
  std::vector<std::byte> data;

  // Three tensors of 100, 64 and 7 bytes.
  WeightsFileBuilder() {
    add("embedding", 100);
    add("layers.0.in_proj", 64);
    add("norm", 7);
    data.resize(round_up(data.size()));
    header = mambac_runtime::make_weights_header(model_name, plan_hash, generator_version, data.size(), table);
  }

  // What an artifact that belongs to the file expects.
  static mambac_runtime::ExpectedWeights expected() {
    return {model_name, plan_hash, generator_version, mambac_runtime::weights_file_bytes(3, 256), 3};
  }

  // Makes the header's checksum true again.
  void seal() { header.checksum = mambac_runtime::weights_header_checksum(header, std::as_bytes(std::span(table))); }

  std::vector<std::byte> bytes() const {
    std::vector<std::byte> file(mambac_runtime::weights_data_offset(table.size()) + data.size());
    std::memcpy(file.data(), &header, sizeof(header));
    std::memcpy(file.data() + sizeof(header), table.data(), table.size() * sizeof(table[0]));
    std::memcpy(file.data() + file.size() - data.size(), data.data(), data.size());
    return file;
  }

 private:
  static size_t round_up(size_t size) {
    return (size + mambac_runtime::weights_alignment - 1) / mambac_runtime::weights_alignment *
           mambac_runtime::weights_alignment;
  }

  void add(const std::string& name, size_t size) {
    const size_t offset = round_up(data.size());
    data.resize(offset + size);
    for (size_t i = 0; i < size; ++i) data[offset + i] = static_cast<std::byte>(i * 31 + offset + 1);
    const uint64_t checksum = mambac_runtime::checksum(std::span(data).subspan(offset, size));
    table.push_back(mambac_runtime::make_weights_tensor(name, offset, size, checksum));
  }
};

}  // namespace mambac
