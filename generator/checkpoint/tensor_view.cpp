// Types of tensors and the conversion of their elements.
#include <bit>
#include <cstring>

#include "generator/checkpoint/safetensors.h"
#include "generator/error.h"
#include "generator/shape.h"

namespace mambac {
namespace {

struct Float16 {
  uint16_t bits;
  explicit operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
    const uint32_t exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in a float
      const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
      return sign != 0 ? -magnitude : magnitude;
    }
    // The exponent's bias is 15 here and 127 there; all ones mean infinity or NaN in both.
    const uint32_t widened = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
  }
  explicit operator double() const { return static_cast<float>(*this); }
};

struct BFloat16 {
  uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
  explicit operator double() const { return static_cast<float>(*this); }
};

template <typename From, typename To>
void convert(const std::byte* from, std::span<To> to) {
  for (size_t i = 0; i < to.size(); ++i) {
    From element;
    std::memcpy(&element, from + i * sizeof(From), sizeof(From));
    to[i] = static_cast<To>(element);
  }
}

template <typename To>
void read_elements(const TensorView& tensor, int64_t first, std::span<To> to) {
  if (first < 0 || static_cast<uint64_t>(first) + to.size() > static_cast<uint64_t>(tensor.count())) {
    fail(ExitCode::internal, "elements {} to {} of a tensor of {} elements were asked for", first,
         static_cast<uint64_t>(first) + to.size(), tensor.count());
  }
  const std::byte* from = tensor.data.data() + first * bytes_of(tensor.type);
  switch (tensor.type) {
    case TensorType::f64:
      return convert<double>(from, to);
    case TensorType::f32:
      return convert<float>(from, to);
    case TensorType::f16:
      return convert<Float16>(from, to);
    case TensorType::bf16:
      return convert<BFloat16>(from, to);
    case TensorType::i64:
      return convert<int64_t>(from, to);
    case TensorType::i32:
      return convert<int32_t>(from, to);
  }
}

}  // namespace

int64_t bytes_of(TensorType type) {
  switch (type) {
    case TensorType::f64:
    case TensorType::i64:
      return 8;
    case TensorType::f32:
    case TensorType::i32:
      return 4;
    case TensorType::f16:
    case TensorType::bf16:
      return 2;
  }
  return 0;
}

std::string name_of(TensorType type) {
  switch (type) {
    case TensorType::f64:
      return "F64";
    case TensorType::f32:
      return "F32";
    case TensorType::f16:
      return "F16";
    case TensorType::bf16:
      return "BF16";
    case TensorType::i64:
      return "I64";
    case TensorType::i32:
      return "I32";
  }
  return "";
}

int64_t TensorView::count() const { return element_count(shape); }

double TensorView::at(int64_t index) const {
  double element = 0;
  read(index, std::span(&element, 1));
  return element;
}

void TensorView::read(int64_t first, std::span<float> to) const { read_elements(*this, first, to); }
void TensorView::read(int64_t first, std::span<double> to) const { read_elements(*this, first, to); }

}  // namespace mambac
