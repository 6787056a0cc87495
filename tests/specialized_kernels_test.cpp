// Each kernel instantiated by the compiler against its specialized text, bit for bit: every buffer, for several numbers
// of rows and every part of the threads.
#include "tests/specialized_kernels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <tuple>
#include <vector>

#include "templates/cpu/convolve.h"
#include "templates/cpu/discretize.h"
#include "templates/cpu/embed.h"
#include "templates/cpu/embed_panels.h"
#include "templates/cpu/gate.h"
#include "templates/cpu/gated_rms_norm.h"
#include "templates/cpu/head_scan.h"
#include "templates/cpu/layer_norm.h"
#include "templates/cpu/project.h"
#include "templates/cpu/rms_norm.h"
#include "templates/cpu/selective_scan.h"

namespace {

using mambac_runtime::bfloat16;

constexpr size_t elements = 1 << 15;  // of every buffer, more than any kernel of kernel_shapes.inc touches

// The memory that one call of a kernel works on, filled from a fixed seed.
class Memory {
 public:
  template <typename Argument>
  Argument argument(int rows) {
    if constexpr (std::is_same_v<Argument, int>) {
      // (rows, part) or (sequences, tokens, part); the part is set afterwards.
      return rows;
    } else if constexpr (std::is_same_v<Argument, float>) {
      return 1e-3f;
    } else if constexpr (std::is_same_v<Argument, const std::int32_t*>) {
      tokens_.resize(elements);
      for (std::int32_t& token : tokens_) token = static_cast<std::int32_t>(random_() % 37);
      return tokens_.data();
    } else if constexpr (std::is_same_v<Argument, const bfloat16*>) {
      halves_.resize(elements);
      for (bfloat16& half : halves_)
        half.bits = static_cast<std::uint16_t>(__builtin_bit_cast(std::uint32_t, value()) >> 16);
      return halves_.data();
    } else {
      std::vector<float>& buffer = floats_.emplace_back(elements);
      for (float& element : buffer) element = value();
      return buffer.data();
    }
  }
  bool operator==(const Memory& other) const {
    for (size_t index = 0; index < floats_.size(); ++index) {
      if (std::memcmp(floats_[index].data(), other.floats_[index].data(), elements * sizeof(float)) != 0) return false;
    }
    return true;
  }

 private:
  float value() { return static_cast<float>(random_() % 2001) / 1000.0f - 1.0f; }

  std::mt19937 random_{1};
  std::vector<std::vector<float>> floats_;
  std::vector<bfloat16> halves_;
  std::vector<std::int32_t> tokens_;
};

// Calls `kernel` with those of the template's arguments that it takes.
template <typename... Arguments, typename Kernel, size_t... Kept>
Memory after(Kernel* kernel, std::index_sequence<Kept...>, int rows, int part) {
  Memory memory;
  std::tuple<Arguments...> arguments{memory.argument<Arguments>(rows)...};
  std::get<sizeof...(Arguments) - 1>(arguments) = part;
  kernel(std::get<Kept>(arguments)...);
  return memory;
}

template <typename... Arguments, typename Specialized, typename Kept>
void expect_same_bits(void (*compiled)(Arguments...), Specialized* specialized, Kept kept, int parts) {
  const std::index_sequence_for<Arguments...> all;
  bool wrote = false;
  for (int part = 0; part < parts; ++part) {
    for (const int rows : {1, 3, 7}) {
      const Memory expected = after<Arguments...>(compiled, all, rows, part);
      EXPECT_TRUE(after<Arguments...>(specialized, kept, rows, part) == expected) << rows << " rows, part " << part;
      wrote |= !(expected == after<Arguments...>(compiled, all, 0, part));
    }
  }
  EXPECT_TRUE(wrote) << "the kernel did nothing, so that nothing was compared";
}

// Template arguments hold types; only the last one, Parts, is needed as a number.
#define KERNEL(name, kernel, ...)                                                                             \
  TEST(SpecializedKernels, name) {                                                                            \
    const char* arguments = #__VA_ARGS__;                                                                     \
    const int parts = arguments[std::strlen(arguments) - 1] - '0';                                            \
    expect_same_bits(&mambac::kernel<__VA_ARGS__>, &specialized::name, specialized::kept_by_##name{}, parts); \
  }
#include "tests/kernel_shapes.inc"
#undef KERNEL

}  // namespace
