// The weights file: written by the generator's packer, read by weights_file.cpp, defined here alone.
//
//   WeightsHeader
//   WeightsTensor[tensor_count]       the table
//   zeros up to data_offset           a multiple of 4096, so that data begins a page
//   the data: for each tensor         in the order of the table, at a multiple of 64
//     its bytes, zeros up to the next
//
// Little-endian, fixed width, no implicit padding. Every bit is covered: the header and the table by the header's
// checksum, a tensor by its own, the rest by being zero.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "runtime/checksum.h"

namespace mambac_runtime {

static_assert(std::endian::native == std::endian::little, "weights files are little-endian, and mapped as they are");

constexpr std::string_view weights_magic() { return "MAMBACWF"; }
inline constexpr uint32_t weights_format_version = 1;
inline constexpr uint64_t weights_page = 4096;
inline constexpr uint64_t weights_alignment = 64;  // of memory that holds a file, and of every tensor in it

// Names are filled up with zeros and end with at least one. Longer ones are cut: they are for people, the plan's hash
// decides.
struct WeightsHeader {
  char magic[8];
  uint32_t format_version;
  uint32_t header_bytes;  // of this struct
  uint64_t file_bytes;    // of the whole file
  uint64_t data_offset;
  uint64_t tensor_count;
  uint64_t checksum;   // of the header, this field taken as zero, and the table
  char plan_hash[64];  // hexadecimal digits, no zero
  char model_name[96];
  char generator_version[48];
};
static_assert(sizeof(WeightsHeader) == 256);

struct WeightsTensor {
  char name[64];
  uint64_t offset;  // from the start of the data
  uint64_t bytes;
  uint64_t checksum;  // of its bytes
};
static_assert(sizeof(WeightsTensor) == 88);

constexpr uint64_t weights_data_offset(uint64_t tensor_count) {
  const uint64_t end = sizeof(WeightsHeader) + tensor_count * sizeof(WeightsTensor);
  return (end + weights_page - 1) / weights_page * weights_page;
}

// `data_bytes`: from the start of the first tensor to the end of the file.
constexpr uint64_t weights_file_bytes(uint64_t tensor_count, uint64_t data_bytes) {
  return weights_data_offset(tensor_count) + data_bytes;
}

template <size_t size>
void set_name(char (&field)[size], std::string_view name) {
  std::memset(field, 0, size);
  std::memcpy(field, name.data(), std::min(name.size(), size - 1));
}

// Whether set_name() with this name gives what the field holds.
template <size_t size>
bool has_name(const char (&field)[size], std::string_view name) {
  char expected[size];
  set_name(expected, name);
  return std::memcmp(field, expected, size) == 0;
}

// `table`: the bytes of all WeightsTensor.
inline uint64_t weights_header_checksum(WeightsHeader header, std::span<const std::byte> table) {
  header.checksum = 0;
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(&header, 1)));
  checksum.add(table);
  return checksum.value();
}

// One entry of the table.
inline WeightsTensor make_weights_tensor(std::string_view name, uint64_t offset, uint64_t bytes, uint64_t checksum) {
  WeightsTensor tensor{};
  set_name(tensor.name, name);
  tensor.offset = offset;
  tensor.bytes = bytes;
  tensor.checksum = checksum;
  return tensor;
}

// The header, made last: `table` is complete. `plan_hash`: 64 hexadecimal digits.
inline WeightsHeader make_weights_header(std::string_view model_name, std::string_view plan_hash,
                                         std::string_view generator_version, uint64_t data_bytes,
                                         std::span<const WeightsTensor> table) {
  WeightsHeader header{};
  std::memcpy(header.magic, weights_magic().data(), sizeof(header.magic));
  header.format_version = weights_format_version;
  header.header_bytes = sizeof(header);
  header.file_bytes = weights_file_bytes(table.size(), data_bytes);
  header.data_offset = weights_data_offset(table.size());
  header.tensor_count = table.size();
  std::memcpy(header.plan_hash, plan_hash.data(), std::min(plan_hash.size(), sizeof(header.plan_hash)));
  set_name(header.model_name, model_name);
  set_name(header.generator_version, generator_version);
  header.checksum = weights_header_checksum(header, std::as_bytes(table));
  return header;
}

}  // namespace mambac_runtime
