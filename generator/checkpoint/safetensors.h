// Reading and writing safetensors: https://github.com/huggingface/safetensors (8 bytes little-endian header length,
// JSON header, data). Files are mapped, never copied as a whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "generator/file.h"

namespace mambac {

enum class TensorType { f64, f32, f16, bf16, i64, i32 };

int64_t bytes_of(TensorType type);
std::string name_of(TensorType type);  // "F32", as in the header

// A tensor inside a mapped file: valid as long as its file.
struct TensorView {
  TensorType type{};
  std::vector<int64_t> shape;       // row-major
  std::span<const std::byte> data;  // not necessarily aligned

  int64_t count() const;                                // product of the shape
  double at(int64_t index) const;                       // element of the flattened tensor, converted
  void read(int64_t first, std::span<float> to) const;  // `to.size()` elements from `first`, converted to f32
  void read(int64_t first, std::span<double> to) const;
};

// One safetensors file or a sharded set of them.
class SafetensorsFile {
 public:
  // `path`: a .safetensors file, a model.safetensors.index.json, or a folder that holds one of the two
  // (model.safetensors). Throws Error (ExitCode::input): missing, truncated, header not JSON or too deep, duplicate
  // names, unsupported type, offsets past the end, overlapping, descending or with holes, sizes that contradict shape
  // and type, overflow.
  static SafetensorsFile open(const std::filesystem::path& path);

  bool has(const std::string& name) const;
  const TensorView& at(const std::string& name) const;  // throws Error if there is no such tensor
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, TensorView> tensors_;
  std::vector<std::shared_ptr<const void>> mappings_;  // keep the views valid
};

// Checks the header of one file's bytes against lies and returns its tensors (for open() and the fuzzer).
std::map<std::string, TensorView> parse_safetensors(std::span<const std::byte> file, const std::string& where);

// What a header says of a tensor.
struct TensorDescription {
  std::string name;
  TensorType type{};
  std::vector<int64_t> shape;
};

// Writes a file of any size piece by piece: the descriptions first, then the tensors' data in their order. Nothing
// appears under the name `path` before commit(); a failure (disk full, no permission) leaves nothing behind and throws
// Error (ExitCode::environment).
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorDescription>& tensors);
  void write(std::span<const std::byte> data);
  void commit();  // throws Error (ExitCode::internal) if not exactly the described bytes were written

 private:
  AtomicFile file_;
  uint64_t missing_ = 0;  // bytes still to be written
};

// A tensor to write.
struct OutputTensor {
  std::string name;
  TensorType type{};
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

OutputTensor output_tensor(std::string name, std::vector<int64_t> shape, std::span<const float> values);   // F32
OutputTensor output_tensor(std::string name, std::vector<int64_t> shape, std::span<const double> values);  // F64

// The same for tensors in memory.
void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors);

}  // namespace mambac
