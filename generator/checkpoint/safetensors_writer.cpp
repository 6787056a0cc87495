#include <array>
#include <nlohmann/json.hpp>

#include "generator/checkpoint/safetensors.h"
#include "generator/error.h"

namespace mambac {
namespace {

template <typename Value>
OutputTensor output_tensor_of(TensorType type, std::string name, std::vector<int64_t> shape,
                              std::span<const Value> values) {
  const std::span<const std::byte> bytes = std::as_bytes(values);
  return {std::move(name), type, std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorDescription>& tensors)
    : file_(path) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const TensorDescription& tensor : tensors) {
    uint64_t bytes = static_cast<uint64_t>(bytes_of(tensor.type));
    for (const int64_t size : tensor.shape) bytes *= static_cast<uint64_t>(size);
    json[tensor.name] = {
        {"dtype", name_of(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {missing_, missing_ + bytes}}};
    missing_ += bytes;
  }
  std::string header = json.dump();
  header.append(-header.size() % 8, ' ');  // so that the data is aligned
  std::array<std::byte, 8> length;
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(header.size() >> 8 * i);
  file_.write(length);
  file_.write(std::as_bytes(std::span(header)));
}

void SafetensorsWriter::write(std::span<const std::byte> data) {
  if (data.size() > missing_) fail(ExitCode::internal, "more data than the safetensors header describes");
  file_.write(data);
  missing_ -= data.size();
}

void SafetensorsWriter::commit() {
  if (missing_ > 0) fail(ExitCode::internal, "{} bytes less than the safetensors header describes", missing_);
  file_.commit();
}

OutputTensor output_tensor(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  return output_tensor_of(TensorType::f32, std::move(name), std::move(shape), values);
}

OutputTensor output_tensor(std::string name, std::vector<int64_t> shape, std::span<const double> values) {
  return output_tensor_of(TensorType::f64, std::move(name), std::move(shape), values);
}

void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors) {
  std::vector<TensorDescription> descriptions;
  for (const OutputTensor& tensor : tensors) descriptions.push_back({tensor.name, tensor.type, tensor.shape});
  SafetensorsWriter writer(path, descriptions);
  for (const OutputTensor& tensor : tensors) writer.write(tensor.data);
  writer.commit();
}

}  // namespace mambac
