// safetensors: values of every type, files that lie, shards.
#include "generator/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "tests/error_message.h"

namespace mambac {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A file's bytes from its header and data.
std::string file_of(const std::string& header, const std::string& data) {
  uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);  // this machine is little-endian
  return file + header + data;
}

std::map<std::string, TensorView> parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "model.safetensors");
}

std::string refusal(const std::string& file) {
  return error_message([&] { parse(file); });
}

// What is said about a header before `data_bytes` bytes of data.
std::string refusal_of_header(const std::string& header, size_t data_bytes) {
  return refusal(file_of(header, std::string(data_bytes, '\0')));
}

// Raw elements of one tensor, as they lie in a file.
template <typename Element>
TensorView view(TensorType type, const std::vector<Element>& elements) {
  return {type, {static_cast<int64_t>(elements.size())}, std::as_bytes(std::span(elements))};
}

TEST(Values, Float16IsExactForAllBitPatterns) {
  std::vector<uint16_t> bits(1 << 16);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  const TensorView tensor = view(TensorType::f16, bits);
  std::vector<float> values(bits.size());
  tensor.read(0, values);
  for (size_t i = 0; i < bits.size(); ++i) {
    const int exponent = i >> 10 & 31, fraction = i & 1023;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(values[i]), fraction != 0) << i;
      EXPECT_EQ(std::isinf(values[i]), fraction == 0) << i;
    } else {  // by the definition of the format
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 15 - 10);
      EXPECT_EQ(values[i], i >> 15 != 0 ? -magnitude : magnitude) << i;
    }
    EXPECT_EQ(std::signbit(values[i]), i >> 15 != 0) << i;
  }
  EXPECT_EQ(tensor.at(0x3c00), 1);
  EXPECT_EQ(tensor.at(0x7bff), 65504);
  EXPECT_EQ(tensor.at(0x0001), 0x1p-24);
}

TEST(Values, BFloat16IsTheUpperHalfOfAFloat) {
  const std::vector<uint16_t> bits = {0x0000, 0x8000, 0x3f80, 0xc049, 0x7f7f, 0x0001, 0xff80, 0x7fc0};
  const TensorView tensor = view(TensorType::bf16, bits);
  EXPECT_EQ(tensor.at(0), 0);
  EXPECT_TRUE(std::signbit(tensor.at(1)));
  EXPECT_EQ(tensor.at(2), 1);
  EXPECT_EQ(tensor.at(3), -3.140625);
  EXPECT_EQ(tensor.at(4), 0x1.fep127);
  EXPECT_EQ(tensor.at(5), 0x1p-133);
  EXPECT_EQ(tensor.at(6), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(tensor.at(7)));
}

TEST(Values, OtherTypesAreConverted) {
  EXPECT_EQ(view<double>(TensorType::f64, {0.1, -1e300}).at(0), 0.1);
  EXPECT_EQ(view<double>(TensorType::f64, {0.1, -1e300}).at(1), -1e300);
  float narrowed = 0;
  view<double>(TensorType::f64, {0.1}).read(0, std::span(&narrowed, 1));
  EXPECT_EQ(narrowed, 0.1f);
  EXPECT_EQ(view<float>(TensorType::f32, {0.1f}).at(0), 0.1f);
  EXPECT_EQ(view<int64_t>(TensorType::i64, {-(int64_t{1} << 53)}).at(0), -0x1p53);
  EXPECT_EQ(view<int32_t>(TensorType::i32, {INT32_MIN}).at(0), -0x1p31);
}

TEST(Values, ReadsAPartAndChecksItsEnds) {
  const std::vector<float> values = {1, 2, 3, 4, 5};
  const TensorView tensor = view(TensorType::f32, values);
  std::vector<double> part(2);
  tensor.read(3, part);
  EXPECT_THAT(part, ElementsAre(4, 5));
  tensor.read(5, std::span<double>());
  for (const int64_t first : {-1, 4, 5}) {
    EXPECT_THAT(error_message([&] { tensor.read(first, part); }, ExitCode::internal), HasSubstr("of 5 elements"));
  }
}

TEST(Header, GivesTensors) {
  const std::string data = "12345678abcdABCD....";
  const std::string file = file_of(
      R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"c":{"dtype":"F16","shape":[3,0],"data_offsets":[16,16]},)"
      R"("d":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}}   )",
      data);
  const auto tensors = parse(file);
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors.at("a").count(), 1);
  EXPECT_EQ(tensors.at("b").type, TensorType::f32);
  EXPECT_THAT(tensors.at("b").shape, ElementsAre(2, 1));
  EXPECT_EQ(std::memcmp(tensors.at("b").data.data(), "abcdABCD", 8), 0);
  EXPECT_EQ(tensors.at("c").count(), 0);
  EXPECT_EQ(tensors.at("d").data.size(), 4u);
}

TEST(Header, EmptyFileOfNoTensorsIsAllowed) { EXPECT_THAT(parse(file_of("{}", "")), IsEmpty()); }

TEST(Truncation, AtEveryByteIsRefusedByName) {
  const std::filesystem::path folder = test_folder(), whole = folder / "whole.safetensors";
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  write_safetensors(whole, {output_tensor("first", {2, 2}, std::span(values).first(4)),
                            output_tensor("second", {2}, std::span(values).last(2))});
  const std::string bytes = read_text(whole);
  ASSERT_GT(bytes.size(), 100u);
  const std::filesystem::path cut = folder / "cut.safetensors";
  for (size_t length = 0; length < bytes.size(); ++length) {
    std::ofstream(cut, std::ios::binary) << bytes.substr(0, length);
    EXPECT_THAT(error_message([&] { SafetensorsFile::open(cut); }), StartsWith(cut.string() + ": ")) << length;
  }
  std::ofstream(cut, std::ios::binary) << bytes;
  EXPECT_EQ(SafetensorsFile::open(cut).at("second").at(1), 6);
  std::ofstream(cut, std::ios::binary) << bytes << '!';
  EXPECT_EQ(error_message([&] { SafetensorsFile::open(cut); }),
            cut.string() + ": the last 1 bytes belong to no tensor");
}

TEST(Lies, OfTheHeaderLength) {
  std::string file = file_of("{}", "");
  file[0] = 3;
  EXPECT_EQ(refusal(file), "model.safetensors: truncated: its header has 3 bytes, but only 2 follow");
  file[7] = '\xff';
  EXPECT_EQ(refusal(file),
            "model.safetensors: not a safetensors file: it says that its header has 18374686479671623683 bytes");
  EXPECT_EQ(refusal(""), "model.safetensors: truncated: a safetensors file has at least 8 bytes, this one has 0");
  EXPECT_THAT(refusal(file_of("", "")), StartsWith("model.safetensors: header: not JSON: "));
}

TEST(Lies, OfTheJson) {
  EXPECT_THAT(refusal_of_header("{\"a\":", 0),
              StartsWith("model.safetensors: header: not JSON: parse error at line 1"));
  EXPECT_EQ(refusal_of_header("[]", 0), "model.safetensors: header: must be a JSON object");
  EXPECT_EQ(refusal_of_header(std::string(1 << 20, '['), 0), "model.safetensors: header: nested deeper than 64 levels");
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += "{\"a\":";
  EXPECT_EQ(refusal_of_header(nested, 0), "model.safetensors: header: nested deeper than 64 levels");
  EXPECT_EQ(refusal_of_header(R"({"a":3})", 0), "model.safetensors: tensor \"a\": must be a JSON object, not number");
}

TEST(Lies, OfTheNames) {
  EXPECT_EQ(refusal_of_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                              R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                              8),
            "model.safetensors: header: field \"a\" is given twice");
}

// A header of one tensor.
std::string one(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(Lies, OfTypeAndShape) {
  const std::string prefix = "model.safetensors: tensor \"a\": field ";
  for (const char* type : {"F8_E4M3", "U8", "BOOL", "I16", "f32", ""}) {
    EXPECT_EQ(refusal_of_header(one(type, "[4]", "[0,4]"), 4),
              prefix + "\"dtype\" is " + type + ", supported are F64, F32, F16, BF16, I64 and I32");
  }
  EXPECT_EQ(refusal_of_header(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4), prefix + "\"dtype\" is missing");
  EXPECT_EQ(refusal_of_header(R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4),
            prefix + "\"dtype\" must be a string");
  for (const char* shape :
       {"[-1]", "[1.0]", "[\"1\"]", "3", "null", "[18446744073709551615]", "[9223372036854775808]", "[[1]]", "{}"}) {
    EXPECT_EQ(refusal_of_header(one("F32", shape, "[0,4]"), 4),
              prefix + "\"shape\" must be a list of integers from 0 to 2^63 - 1")
        << shape;
  }
  EXPECT_EQ(refusal_of_header(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4),
            prefix + "\"shape\" has 9 dimensions, supported are up to 8");
  for (const char* shape :
       {"[4294967296,4294967296]", "[9223372036854775807]", "[9223372036854775807,2,0]", "[2305843009213693952]"}) {
    EXPECT_EQ(refusal_of_header(one("F32", shape, "[0,4]"), 4), prefix + "\"shape\" has a product that overflows");
  }
  EXPECT_EQ(refusal_of_header(one("F32", "[2, 3]", "[0,4]"), 4),
            prefix + "\"data_offsets\" spans 4 bytes, but F32 of shape [2, 3] needs 24");
}

TEST(Lies, OfTheOffsets) {
  const std::string prefix = "model.safetensors: tensor \"a\": field \"data_offsets\" ";
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[0]"), 4), prefix + "must be two numbers: begin and end");
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[0,4,8]"), 4), prefix + "must be two numbers: begin and end");
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[-4,0]"), 4),
            prefix + "must be a list of integers from 0 to 2^63 - 1");
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[4,0]"), 4), prefix + "descends: it begins at 4 and ends at 0");
  EXPECT_EQ(refusal_of_header(one("F32", "[2]", "[0,8]"), 4),
            prefix + "ends at 8, but the file has 4 bytes of data: truncated?");
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[9223372036854775803,9223372036854775807]"), 4),
            prefix + "ends at 9223372036854775807, but the file has 4 bytes of data: truncated?");
}

TEST(Lies, OfTheCover) {
  const auto two = [](int begin, int end) {
    return fmt::format(R"({{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},)"
                       R"("b":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}}})",
                       begin, end);
  };
  EXPECT_EQ(refusal_of_header(two(4, 8), 8), "model.safetensors: tensors \"a\" and \"b\" overlap");
  EXPECT_EQ(refusal_of_header(two(0, 4), 8), "model.safetensors: tensors \"b\" and \"a\" overlap");
  EXPECT_EQ(refusal_of_header(two(10, 14), 14), "model.safetensors: 2 bytes before tensor \"b\" belong to no tensor");
  EXPECT_EQ(refusal_of_header(two(8, 12), 13), "model.safetensors: the last 1 bytes belong to no tensor");
  EXPECT_EQ(parse(file_of(two(8, 12), std::string(12, '\0'))).size(), 2u);
  EXPECT_EQ(refusal_of_header("{}", 1), "model.safetensors: the last 1 bytes belong to no tensor");
  EXPECT_EQ(refusal_of_header(one("F32", "[1]", "[4,8]"), 8),
            "model.safetensors: 4 bytes before tensor \"a\" belong to no tensor");
}

TEST(Open, FindsTheFileOfAFolder) {
  const std::filesystem::path folder = test_folder();
  EXPECT_EQ(error_message([&] { SafetensorsFile::open(folder); }),
            folder.string() +
                " holds neither model.safetensors nor model.safetensors.index.json (a pytorch_model.bin must be "
                "converted first)");
  EXPECT_EQ(error_message([&] { SafetensorsFile::open(folder / "model.safetensors"); }),
            "cannot open " + (folder / "model.safetensors").string() + ": No such file or directory");
  const std::vector<double> values = {1, 2};
  write_safetensors(folder / "model.safetensors", {output_tensor("a", {2}, std::span(values))});
  const SafetensorsFile file = SafetensorsFile::open(folder);
  EXPECT_TRUE(file.has("a"));
  EXPECT_FALSE(file.has("b"));
  EXPECT_EQ(file.at("a").at(1), 2);
  EXPECT_EQ(error_message([&] { file.at("b"); }), (folder / "model.safetensors").string() + " holds no tensor \"b\"");
  std::filesystem::create_directories(folder / "sub" / "model.safetensors");
  EXPECT_THAT(error_message([&] { SafetensorsFile::open(folder / "sub" / "model.safetensors"); }),
              HasSubstr("holds neither"));
  EXPECT_EQ(error_message([&] { map_file("/dev/null"); }), "cannot read /dev/null: it is not a file");
}

TEST(Shards, AreOneModel) {
  const std::filesystem::path folder = test_folder(), index = folder / "model.safetensors.index.json";
  const std::vector<float> values = {1, 2, 3};
  write_safetensors(folder / "one.safetensors", {output_tensor("a", {1}, std::span(values).first(1)),
                                                 output_tensor("unlisted", {1}, std::span(values).first(1))});
  write_safetensors(folder / "two.safetensors", {output_tensor("b", {2}, std::span(values).last(2))});
  const auto write_index = [&](const std::string& map) {
    std::ofstream(index) << R"({"metadata": {"total_size": 12}, "weight_map": )" << map << "}";
  };
  const auto index_refusal = [&](const std::string& map) {
    write_index(map);
    return error_message([&] { SafetensorsFile::open(folder); });
  };
  write_index(R"({"a": "one.safetensors", "b": "two.safetensors"})");
  for (const std::filesystem::path& path : {folder, index}) {
    const SafetensorsFile file = SafetensorsFile::open(path);
    EXPECT_EQ(file.tensors().size(), 2u);
    EXPECT_EQ(file.at("a").at(0), 1);
    EXPECT_EQ(file.at("b").at(1), 3);
    EXPECT_EQ(file.path(), index);
  }
  EXPECT_EQ(index_refusal(R"({"a": "three.safetensors"})"),
            "cannot open " + (folder / "three.safetensors").string() + ": No such file or directory");
  EXPECT_EQ(index_refusal(R"({"a": "two.safetensors"})"),
            (folder / "two.safetensors").string() + " holds no tensor \"a\", though " + index.string() + " says so");
  const std::string where = index.string() + ", field \"weight_map\": ";
  for (const char* path : {"../one.safetensors", "/etc/passwd", "..", ""}) {
    EXPECT_EQ(index_refusal(fmt::format(R"({{"a": "{}"}})", path)),
              where + "field \"a\" is \"" + path + "\", must be the name of a file in the same folder");
  }
  EXPECT_EQ(index_refusal(R"({"a": 3})"), where + "field \"a\" must be a string");
  EXPECT_EQ(index_refusal("{}"), where + "names no tensors");
  EXPECT_EQ(index_refusal("[]"), where + "must be a JSON object, not array");
  EXPECT_EQ(index_refusal(R"({"a": "one.safetensors", "a": "two.safetensors"})"),
            index.string() + ": field \"a\" is given twice");
  std::filesystem::resize_file(folder / "two.safetensors", 20);
  EXPECT_THAT(index_refusal(R"({"b": "two.safetensors"})"),
              StartsWith((folder / "two.safetensors").string() + ": truncated: "));
}

TEST(Goldens, AreRead) {
  const SafetensorsFile golden = SafetensorsFile::open("tests/goldens/mamba1-tiny/golden.safetensors");
  EXPECT_EQ(golden.at("input_ids").type, TensorType::i64);
  EXPECT_THAT(golden.at("outputs").shape, ElementsAre(24, 256));
  const SafetensorsFile austen = SafetensorsFile::open("configs/austen-mamba");
  EXPECT_EQ(austen.at("backbone.embeddings.weight").type, TensorType::bf16);
  EXPECT_THAT(austen.at("backbone.layers.5.mixer.conv1d.weight").shape, ElementsAre(384, 1, 4));
}

}  // namespace
}  // namespace mambac
