#include "generator/checkpoint/safetensors.h"

#include <algorithm>

#include "generator/configuration/configuration_reader.h"
#include "generator/configuration/json_text.h"
#include "generator/error.h"

namespace mambac {
namespace {

constexpr size_t length_bytes = 8;                // the header's length, little-endian
constexpr uint64_t longest_header = 100'000'000;  // as in the reference implementation
constexpr size_t highest_rank = 8;

// A tensor's place in the data, as its header tells it.
struct Place {
  std::string name;
  TensorType type{};
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

// JSON of the header; everything behind it is data.
std::string_view header_of(std::span<const std::byte> file, const std::string& where) {
  if (file.size() < length_bytes) {
    fail(ExitCode::input, "{}: truncated: a safetensors file has at least {} bytes, this one has {}", where,
         length_bytes, file.size());
  }
  uint64_t length = 0;
  for (size_t i = length_bytes; i-- > 0;) length = length << 8 | static_cast<uint64_t>(file[i]);
  if (length > longest_header) {
    fail(ExitCode::input, "{}: not a safetensors file: it says that its header has {} bytes", where, length);
  }
  if (length > file.size() - length_bytes) {
    fail(ExitCode::input, "{}: truncated: its header has {} bytes, but only {} follow", where, length,
         file.size() - length_bytes);
  }
  return {reinterpret_cast<const char*>(file.data()) + length_bytes, length};
}

TensorType type_named(ConfigurationReader& tensor) {
  const std::string name = tensor.text("dtype");
  for (const TensorType type :
       {TensorType::f64, TensorType::f32, TensorType::f16, TensorType::bf16, TensorType::i64, TensorType::i32}) {
    if (name == name_of(type)) return type;
  }
  tensor.refuse("dtype", "is {}, supported are F64, F32, F16, BF16, I64 and I32", name);
}

// A list of integers that are at least zero.
std::vector<int64_t> sizes(ConfigurationReader& tensor, const std::string& name) {
  const nlohmann::json& list = tensor.value(name);
  const auto is_size = [](const nlohmann::json& size) {
    return size.is_number_unsigned() && size.get<uint64_t>() <= INT64_MAX;
  };
  if (!list.is_array() || !std::ranges::all_of(list, is_size)) {
    tensor.refuse(name, "must be a list of integers from 0 to 2^63 - 1");
  }
  return list.get<std::vector<int64_t>>();
}

Place place_of(const std::string& name, const nlohmann::json& description, uint64_t data_size,
               const std::string& where) {
  ConfigurationReader tensor(description, fmt::format("{}: tensor \"{}\"", where, name));
  Place place{.name = name, .type = type_named(tensor), .shape = sizes(tensor, "shape")};
  if (place.shape.size() > highest_rank) {
    tensor.refuse("shape", "has {} dimensions, supported are up to {}", place.shape.size(), highest_rank);
  }
  int64_t bytes = bytes_of(place.type);
  for (const int64_t size : place.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) tensor.refuse("shape", "has a product that overflows");
  }
  const std::vector<int64_t> offsets = sizes(tensor, "data_offsets");
  if (offsets.size() != 2) tensor.refuse("data_offsets", "must be two numbers: begin and end");
  place.begin = static_cast<uint64_t>(offsets[0]);
  place.end = static_cast<uint64_t>(offsets[1]);
  if (place.begin > place.end) {
    tensor.refuse("data_offsets", "descends: it begins at {} and ends at {}", place.begin, place.end);
  }
  if (place.end > data_size) {
    tensor.refuse("data_offsets", "ends at {}, but the file has {} bytes of data: truncated?", place.end, data_size);
  }
  if (place.end - place.begin != static_cast<uint64_t>(bytes)) {
    tensor.refuse("data_offsets", "spans {} bytes, but {} of shape [{}] needs {}", place.end - place.begin,
                  name_of(place.type), fmt::join(place.shape, ", "), bytes);
  }
  return place;
}

// The tensors must cover the data from its first byte to its last, each byte once.
void check_cover(std::vector<Place>& places, uint64_t data_size, const std::string& where) {
  std::ranges::sort(places, {}, [](const Place& place) { return std::pair(place.begin, place.end); });
  uint64_t covered = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].begin < covered) {
      fail(ExitCode::input, "{}: tensors \"{}\" and \"{}\" overlap", where, places[i - 1].name, places[i].name);
    }
    if (places[i].begin > covered) {
      fail(ExitCode::input, "{}: {} bytes before tensor \"{}\" belong to no tensor", where, places[i].begin - covered,
           places[i].name);
    }
    covered = places[i].end;
  }
  if (covered != data_size) {
    fail(ExitCode::input, "{}: the last {} bytes belong to no tensor", where, data_size - covered);
  }
}

// The tensors that an index names, each from the shard that the index gives.
void open_shards(const std::filesystem::path& index, std::map<std::string, TensorView>& tensors,
                 std::vector<std::shared_ptr<const void>>& mappings) {
  const nlohmann::json document = parse_json(read_text(index), index.string());
  ConfigurationReader reader(document, index.string());
  ConfigurationReader weight_map = reader.object("weight_map");
  std::map<std::string, std::map<std::string, TensorView>> shards;
  for (const std::string& name : weight_map.unread()) {
    const std::string shard = weight_map.text(name);
    if (shard.empty() || shard == "." || shard == ".." || shard.find('/') != shard.npos) {
      weight_map.refuse(name, "is \"{}\", must be the name of a file in the same folder", shard);
    }
    const std::filesystem::path path = index.parent_path() / shard;
    if (!shards.contains(shard)) {
      const MappedFile file = map_file(path);
      shards[shard] = parse_safetensors(file.bytes, path.string());
      mappings.push_back(file.owner);
    }
    const auto tensor = shards[shard].find(name);
    if (tensor == shards[shard].end()) {
      fail(ExitCode::input, "{} holds no tensor \"{}\", though {} says so", path.string(), name, index.string());
    }
    tensors.insert(*tensor);
  }
  if (tensors.empty()) fail(ExitCode::input, "{}: names no tensors", weight_map.where());
}

}  // namespace

std::map<std::string, TensorView> parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  const std::string_view header = header_of(file, where);
  const std::span<const std::byte> data = file.subspan(length_bytes + header.size());
  const std::string header_name = where + ": header";
  const nlohmann::json document = parse_json(header, header_name);
  if (!document.is_object()) fail(ExitCode::input, "{}: must be a JSON object", header_name);
  std::vector<Place> places;
  for (const auto& [name, description] : document.items()) {
    if (name != "__metadata__") places.push_back(place_of(name, description, data.size(), where));
  }
  check_cover(places, data.size(), where);
  std::map<std::string, TensorView> tensors;
  for (Place& place : places) {
    tensors[place.name] = {place.type, std::move(place.shape), data.subspan(place.begin, place.end - place.begin)};
  }
  return tensors;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.path_ = path;
  if (is_folder(path)) {
    result.path_ = path / "model.safetensors";
    if (!is_present(result.path_)) result.path_ = path / "model.safetensors.index.json";
    if (!is_present(result.path_)) {
      fail(ExitCode::input,
           "{} holds neither model.safetensors nor model.safetensors.index.json (a pytorch_model.bin must be converted "
           "first)",
           path.string());
    }
  }
  if (result.path_.extension() == ".json") {
    open_shards(result.path_, result.tensors_, result.mappings_);
  } else {
    const MappedFile file = map_file(result.path_);
    result.tensors_ = parse_safetensors(file.bytes, result.path_.string());
    result.mappings_.push_back(file.owner);
  }
  return result;
}

bool SafetensorsFile::has(const std::string& name) const { return tensors_.contains(name); }

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto tensor = tensors_.find(name);
  if (tensor == tensors_.end()) fail(ExitCode::input, "{} holds no tensor \"{}\"", path_.string(), name);
  return tensor->second;
}

}  // namespace mambac
