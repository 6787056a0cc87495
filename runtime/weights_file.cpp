#include "runtime/weights_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <span>
#include <string_view>

#include "runtime/checksum.h"
#include "runtime/status.h"
#include "runtime/weights_format.h"

namespace mambac_runtime {

namespace {

using Bytes = std::span<const std::byte>;

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

// Whether the file is whole and the header says the truth about its own size and the table's.
int check_header(Bytes file, const char* where, uint64_t expected_bytes, WeightsHeader& header, Message message) {
  const std::string_view magic = weights_magic().substr(0, file.size());
  if (!std::ranges::equal(file.first(magic.size()), std::as_bytes(std::span(magic)))) {
    return fail(message, MAMBAC_WRONG_WEIGHTS,
                "%s: is not a weights file of mambac: give the file that mambac build wrote", where);
  }
  if (file.size() < sizeof(header)) {
    return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                "%s: truncated: expected %" PRIu64 " bytes, found %zu: rebuild with mambac build", where,
                expected_bytes, file.size());
  }
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.format_version != weights_format_version) {
    return fail(message, MAMBAC_WRONG_WEIGHTS,
                "%s: has format version %" PRIu32 ", this library reads version %" PRIu32 ": rebuild with mambac build",
                where, header.format_version, weights_format_version);
  }
  if (header.file_bytes != file.size()) {
    return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                "%s: %s: expected %" PRIu64 " bytes, found %zu: rebuild with mambac build", where,
                file.size() < header.file_bytes ? "truncated" : "damaged", header.file_bytes, file.size());
  }
  const uint64_t most_tensors = file.size() / sizeof(WeightsTensor);  // keeps the products below from overflowing
  const bool sizes_agree = header.header_bytes == sizeof(header) && header.tensor_count <= most_tensors &&
                           header.data_offset == weights_data_offset(header.tensor_count) &&
                           header.data_offset <= file.size();
  if (sizes_agree) {
    const size_t table_bytes = header.tensor_count * sizeof(WeightsTensor);
    const size_t table_end = sizeof(header) + table_bytes;
    if (header.checksum == weights_header_checksum(header, file.subspan(sizeof(header), table_bytes)) &&
        all_zero(file.subspan(table_end, header.data_offset - table_end))) {
      return MAMBAC_OK;
    }
  }
  return fail(message, MAMBAC_DAMAGED_WEIGHTS,
              "%s: damaged: the header or the table of tensors does not match its checksum: rebuild with mambac build",
              where);
}

// Whether the file was packed for this artifact.
int check_origin(const WeightsHeader& header, const char* where, const ExpectedWeights& expected, Message message) {
  if (!has_name(header.model_name, expected.model_name)) {
    return fail(message, MAMBAC_WRONG_WEIGHTS, "%s: holds the weights of model '%.*s', this library is model '%s'",
                where, static_cast<int>(sizeof(header.model_name)), header.model_name, expected.model_name);
  }
  if (!has_name(header.generator_version, expected.generator_version)) {
    return fail(message, MAMBAC_WRONG_WEIGHTS,
                "%s: was written by mambac %.*s, this library by mambac %s: rebuild with mambac build", where,
                static_cast<int>(sizeof(header.generator_version)), header.generator_version,
                expected.generator_version);
  }
  if (std::memcmp(header.plan_hash, expected.plan_hash, sizeof(header.plan_hash)) != 0) {
    return fail(message, MAMBAC_WRONG_WEIGHTS,
                "%s: belongs to another plan of model '%s' (deployment or packing differ): its hash begins %.12s, this "
                "library's %.12s: rebuild with mambac build",
                where, expected.model_name, header.plan_hash, expected.plan_hash);
  }
  if (header.file_bytes != expected.file_bytes || header.tensor_count != expected.tensor_count) {
    return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                "%s: damaged: has the plan's hash, yet %" PRIu64 " bytes and %" PRIu64 " tensors instead of %" PRIu64
                " and %" PRIu64 ": rebuild with mambac build",
                where, header.file_bytes, header.tensor_count, expected.file_bytes, expected.tensor_count);
  }
  return MAMBAC_OK;
}

// Whether every tensor lies inside the data, in order, and is what was written.
int check_tensors(Bytes table, Bytes data, const char* where, Message message) {
  constexpr int name_length = sizeof(WeightsTensor::name);
  uint64_t end = 0;  // of the tensors so far
  for (; !table.empty(); table = table.subspan(sizeof(WeightsTensor))) {
    WeightsTensor tensor;
    std::memcpy(&tensor, table.data(), sizeof(tensor));
    if (tensor.offset % weights_alignment != 0 || tensor.offset < end || tensor.offset > data.size() ||
        tensor.bytes > data.size() - tensor.offset) {
      return fail(
          message, MAMBAC_DAMAGED_WEIGHTS,
          "%s: damaged: tensor '%.*s' is not inside the data, aligned and after the one before it: rebuild with "
          "mambac build",
          where, name_length, tensor.name);
    }
    if (!all_zero(data.subspan(end, tensor.offset - end))) {
      return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                  "%s: damaged: the bytes before tensor '%.*s' are not zero: rebuild with mambac build", where,
                  name_length, tensor.name);
    }
    if (checksum(data.subspan(tensor.offset, tensor.bytes)) != tensor.checksum) {
      return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                  "%s: damaged: tensor '%.*s' does not match its checksum: rebuild with mambac build", where,
                  name_length, tensor.name);
    }
    end = tensor.offset + tensor.bytes;
  }
  if (!all_zero(data.subspan(end))) {
    return fail(message, MAMBAC_DAMAGED_WEIGHTS,
                "%s: damaged: the bytes after the last tensor are not zero: rebuild with mambac build", where);
  }
  return MAMBAC_OK;
}

// All of it; on success sets `data` and `owner`.
int check_weights(Bytes file, const char* where, const ExpectedWeights& expected, mambac_weights* weights,
                  Message message) {
  WeightsHeader header;
  int status = check_header(file, where, expected.file_bytes, header, message);
  if (status == MAMBAC_OK) status = check_origin(header, where, expected, message);
  if (status == MAMBAC_OK) {
    const Bytes table = file.subspan(sizeof(header), header.tensor_count * sizeof(WeightsTensor));
    status = check_tensors(table, file.subspan(header.data_offset), where, message);
  }
  if (status != MAMBAC_OK) return status;
  weights->data = reinterpret_cast<const unsigned char*>(file.data()) + header.data_offset;
  weights->owner = &expected;
  return succeed(message);
}

// Closes its file when it goes out of scope.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

int open_weights(const char* path, const ExpectedWeights& expected, mambac_weights* weights, char* text,
                 size_t text_bytes) {
  const Message message{text, text_bytes};
  if (weights == nullptr) return fail(message, MAMBAC_NULL_ARGUMENT, "weights_open: the pointer to weights is null");
  *weights = {};
  if (path == nullptr) return fail(message, MAMBAC_NULL_ARGUMENT, "weights_open: the path is null");

  const Descriptor file{::open(path, O_RDONLY | O_CLOEXEC)};
  struct stat properties;
  if (file.number < 0 || ::fstat(file.number, &properties) != 0) {
    const int reason = errno;
    return fail(message, MAMBAC_FILE_ERROR, "%s: cannot be opened: %s", path, std::strerror(reason));
  }
  if (!S_ISREG(properties.st_mode)) return fail(message, MAMBAC_FILE_ERROR, "%s: is not a file", path);
  const size_t bytes = static_cast<size_t>(properties.st_size);
  if (bytes == 0) return check_weights({}, path, expected, weights, message);  // nothing to map
  void* mapping = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (mapping == MAP_FAILED) {
    const int reason = errno;
    return fail(message, MAMBAC_FILE_ERROR, "%s: cannot be mapped: %s", path, std::strerror(reason));
  }
  // Advice alone: the checksums read all of it at once, in order.
  ::madvise(mapping, bytes, MADV_WILLNEED);

  const Bytes content(static_cast<const std::byte*>(mapping), bytes);
  const int status = check_weights(content, path, expected, weights, message);
  if (status != MAMBAC_OK) {
    ::munmap(mapping, bytes);
    return status;
  }
  weights->mapping = mapping;
  weights->mapped_bytes = bytes;
  return MAMBAC_OK;
}

int weights_from_memory(const void* memory, size_t bytes, const ExpectedWeights& expected, mambac_weights* weights,
                        char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  if (weights == nullptr) {
    return fail(message, MAMBAC_NULL_ARGUMENT, "weights_from_memory: the pointer to weights is null");
  }
  *weights = {};
  if (memory == nullptr) return fail(message, MAMBAC_NULL_ARGUMENT, "weights_from_memory: the memory is null");
  if (reinterpret_cast<uintptr_t>(memory) % weights_alignment != 0) {
    return fail(message, MAMBAC_MISALIGNED, "weights_from_memory: the memory is not aligned to %" PRIu64 " bytes",
                weights_alignment);
  }
  const Bytes content(static_cast<const std::byte*>(memory), bytes);
  return check_weights(content, "weights in memory", expected, weights, message);
}

MAMBAC_ANY_MACHINE void close_weights(mambac_weights* weights) {
  if (weights == nullptr) return;
  if (weights->mapping != nullptr) ::munmap(weights->mapping, weights->mapped_bytes);
  *weights = {};
}

}  // namespace mambac_runtime
