#include "generator/specialize.h"

#include <gtest/gtest.h>

#include "generator/error.h"

namespace mambac {
namespace {

// The emitted functions of one template file, one after the other.
std::string specialized(const std::string& file, const std::vector<Specialization>& wanted) {
  const std::map<std::string, std::string> sources = {
      {"templates/cpu/kernel.h", "#pragma once\n#include \"runtime/vector.h\"\nnamespace mambac {\n" + file + "}\n"},
      {"runtime/vector.h", R"(#pragma once
#include <cstdint>
namespace mambac {
struct bfloat16 { std::uint16_t bits; };
template <int Lanes> struct vector_of { float lane[Lanes]; };
template <int Lanes> using floats = vector_of<Lanes>;
template <int Lanes> floats<Lanes> load(const float* from);
template <int Lanes> void store(float* to, floats<Lanes> value);
constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
inline constexpr int channel_padding = 16;
}
)"}};
  std::string text;
  for (const SpecializedFunction& function : specialize(sources, wanted)) text += function.text;
  return text;
}

// `body` as the body of a kernel with the int parameters A and B, the bool parameter Flag and the type parameter Type.
std::string body(const std::string& body, const std::string& arguments = "6, 4, true, bfloat16") {
  const std::string head = "int* out, const float* p, int x, int y)";
  const std::string text =
      specialized("template <int A, int B, bool Flag, typename Type> void kernel(" + head + " {\n" + body + "\n}\n",
                  {{"kernel", {arguments}, "f"}});
  const std::string expected_head = "{\n";
  const size_t begin = text.find(expected_head) + expected_head.size();
  return text.substr(begin, text.rfind("}") - begin);
}

std::string message_of(const std::string& file, const std::vector<Specialization>& wanted) {
  try {
    specialized(file, wanted);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    return error.what();
  }
  return "no error";
}

TEST(Specialize, WholeKernelReadsAsIfWrittenByHand) {
  const std::string text = specialized(R"(
// output = input times 2, `Size` floats of `Weight` (`tokens` rows).
// Second line.
template <int Size, int Lanes, typename Weight, bool HasBias>
void scale(const Weight* weights, const float* bias, float* output, int tokens) {
  static_assert(Size % Lanes == 0);
  constexpr int blocks = Size / Lanes;  // vectors of a row
  for (int token = 0; token < tokens; ++token) {
    floats<Lanes> sum[blocks] = {};
    // Every vector.
#pragma unroll
    for (int block = 0; block < blocks; ++block) {
      sum[block] = load<Lanes>(output + token * Size + block * Lanes);  // from memory
    }
    if constexpr (HasBias) {
      // The bias is the same for all.
      sum[0] = load<Lanes>(bias);
    } else {
      sum[0] = load<Lanes>(output);
    }

    store<Lanes>(output + token * Size, sum[blocks - 1]);
  }
}
)",
                                       {{"scale", {"32", "16", "bfloat16", "true"}, "scale_32"}});
  EXPECT_EQ(text, R"(// output = input times 2, 32 floats of bfloat16 (`tokens` rows).
// Second line.
void scale_32([[maybe_unused]] const bfloat16* weights, const float* bias, float* output, int tokens) {
  for (int token = 0; token < tokens; ++token) {
    floats<16> sum[2] = {};
    // Every vector.
    sum[0] = load<16>(output + token * 32);  // from memory
    sum[1] = load<16>(output + token * 32 + 16);
    // The bias is the same for all.
    sum[0] = load<16>(bias);

    store<16>(output + token * 32, sum[1]);
  }
}
)");
}

TEST(Specialize, ConstantsAreLiterals) {
  EXPECT_EQ(body("out[0] = A / B + x;"), "  out[0] = x + 1;\n");
  EXPECT_EQ(body("out[A - B] = 2 * 8;"), "  out[2] = 2 * 8;\n");
  EXPECT_EQ(body("out[0] = round_up(A, channel_padding);"), "  out[0] = 16;\n");
  EXPECT_EQ(body("out[0] = round_up(x, channel_padding);"), "  out[0] = round_up(x, 16);\n");
  EXPECT_EQ(body("out[0] = x * (B - A);"), "  out[0] = x * -2;\n");
  EXPECT_EQ(body("p += static_cast<long>(A) * x;"), "  p += static_cast<long>(6) * x;\n");
  EXPECT_EQ(body("p += static_cast<long>(A) * B;"), "  p += 24L;\n");
  EXPECT_EQ(body("out[0] = sizeof(Type);"), "  out[0] = sizeof(bfloat16);\n");
  EXPECT_EQ(body("const float q = *p / A; out[0] = q < Flag;"), "  const float q = *p / 6;\n  out[0] = q < true;\n");
}

TEST(Specialize, NeutralOperandsAreLeftOut) {
  EXPECT_EQ(body("p = p + (A - 6);"), "  p = p;\n");
  EXPECT_EQ(body("out[0] = x + (A - 6) + y;"), "  out[0] = x + y;\n");
  EXPECT_EQ(body("out[0] = x * (A - 5) + y / (B - 3);"), "  out[0] = x + y;\n");
  EXPECT_EQ(body("out[0] = (x + (A - 6)) * y;"), "  out[0] = x * y;\n");
  EXPECT_EQ(body("out[0] = (x + (A - 5)) * y;"), "  out[0] = (x + 1) * y;\n");
  EXPECT_EQ(body("out[0] = (A - 6) * x + y % (A - 5);"), "  out[0] = 0;\n");
  EXPECT_EQ(body("out[0] = (A - 6) - x * y;"), "  out[0] = -x * y;\n");
  EXPECT_EQ(body("const float q = *p * (A - 5) + (A - 6);"), "  const float q = *p * 1 + 0;\n");
}

TEST(Specialize, ConstantsOfAChainAreJoined) {
  EXPECT_EQ(body("out[0] = x * A * B;"), "  out[0] = x * 24;\n");
  EXPECT_EQ(body("out[0] = (x + y) * A / (B - 2);"), "  out[0] = (x + y) * 3;\n");
  EXPECT_EQ(body("out[0] = x * A / B;"), "  out[0] = x * 6 / 4;\n");
  EXPECT_EQ(body("out[0] = (x + 1) * A / A;"), "  out[0] = x + 1;\n");
  EXPECT_EQ(body("out[0] = x + A - y - B + 1;"), "  out[0] = x - y + 3;\n");
  EXPECT_EQ(body("out[0] = x + (B - A);"), "  out[0] = x - 2;\n");
  EXPECT_EQ(body("out[0] = x * A * 1000000000;"), "  out[0] = x * 6 * 1000000000;\n");  // 6e9 is no int
  EXPECT_EQ(body("p = p + static_cast<long>(A) * B + 1;"), "  p = p + 25;\n");
}

TEST(Specialize, ConditionsAreDecided) {
  EXPECT_EQ(body("out[0] = x + (Flag ? y * A : 0);"), "  out[0] = x + y * 6;\n");
  EXPECT_EQ(body("out[0] = x * (Flag ? y + A : 0);"), "  out[0] = x * (y + 6);\n");
  EXPECT_EQ(body("out[0] = x + (Flag ? y * A : 0);", "6, 4, false, float"), "  out[0] = x;\n");
  EXPECT_EQ(body("if (Flag && x > y) out[0] = 1;"), "  if (x > y) out[0] = 1;\n");
  EXPECT_EQ(body("if (Flag || x > y) out[0] = 1;"), "  out[0] = 1;\n");
  EXPECT_EQ(body("if constexpr (A == 5) {\n out[0] = 1;\n} else if constexpr (A == 6) {\n out[0] = 2;\n}"),
            "  out[0] = 2;\n");
  EXPECT_EQ(body("// Why.\nif constexpr (A == 5) {\n out[0] = 1;\n}\nout[1] = 2;"), "  out[1] = 2;\n");
  EXPECT_EQ(body("if (x > y)\n if constexpr (A == 5) out[0] = 1;"), "  if (x > y) {\n  }\n");
  // Two variables of one name stay apart.
  EXPECT_EQ(body("int z = y;\nif constexpr (Flag) {\n int z = x;\n out[0] = z;\n}\nout[1] = z;"),
            "  int z = y;\n  {\n    int z = x;\n    out[0] = z;\n  }\n  out[1] = z;\n");
  EXPECT_EQ(body("if constexpr (Flag) {\n int z = x;\n out[0] = z;\n}"), "  int z = x;\n  out[0] = z;\n");
}

TEST(Specialize, DeadStatementsGo) {
  EXPECT_EQ(body("// What it is.\nconstexpr int c = A * B;  // 24\nstatic_assert(c == 24);\nout[0] = c;"),
            "  out[0] = 24;\n");
  EXPECT_EQ(body("for (int i = A / 4 * 4; i < B; ++i) out[i] = 0;\nout[0] = 1;"), "  out[0] = 1;\n");
  // Zero whatever x is: the loop never runs, although its bounds are no constants for C++.
  EXPECT_EQ(body("const int n = x * (A / 7);\nfor (int i = 0; i < n; ++i) out[i] = 0;"), "");
  EXPECT_EQ(body("constexpr float half = 0.5f;\nconst float q = *p * half;"),
            "  constexpr float half = 0.5f;\n  const float q = *p * half;\n");
}

TEST(Specialize, MarkedLoopsAreWrittenOut) {
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 3; ++i) out[i] = x + i;"),
            "  out[0] = x;\n  out[1] = x + 1;\n  out[2] = x + 2;\n");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = A; i > 0; i -= B) out[i] = i * i;"), "  out[6] = 36;\n  out[2] = 4;\n");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < A - 6; ++i) out[i] = 0;\nout[1] = 1;"), "  out[1] = 1;\n");
  // Declarations keep their braces, comments stand once.
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n // Why.\n const int z = x * i;\n out[i] = z;\n}"),
            "  // Why.\n  out[0] = 0;\n  {\n    const int z = x;\n    out[1] = z;\n  }\n");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 1; ++i) {\n int z = x;\n out[i] = z;\n}"),
            "  int z = x;\n  out[0] = z;\n");
  // A constant that follows the loop's variable.
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n const int z = round_up(i, 2);\n out[z] = i;\n}"),
            "  out[0] = 0;\n  out[2] = 1;\n");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n#pragma unroll\nfor (int j = 0; j <= i; ++j) {\n"
                 "if (j == 1) out[i * B + j] = x;\n}\n}"),
            "  out[5] = x;\n");
  // In front of a single statement, what is several becomes a block.
  EXPECT_EQ(body("if (x > y)\n#pragma unroll\nfor (int i = 0; i < 2; ++i) out[i] = i;"),
            "  if (x > y) {\n    out[0] = 0;\n    out[1] = 1;\n  }\n");
}

TEST(Specialize, CalleesAreSpecializedOnceBeforeTheirCallers) {
  const std::string file = R"(
// Plain.
inline int twice(int x) { return 2 * x; }
// `Size` of a row.
template <int Size, int Lanes, typename Type, bool HasBias>
int row(const Type* from) {
  return twice(Size) + static_cast<int>(sizeof(*from)) * Lanes;
}
template <int Size, typename Type>
void kernel(const Type* from, int* to) {
  *to = row<Size, 8, Type, true>(from) + row<Size / 2, 8, Type, false>(from);
}
)";
  EXPECT_EQ(specialized(file, {{"kernel", {"32", "float"}, "first"}, {"kernel", {"16", "float"}, "second"}}),
            R"(// 32 of a row.
inline int row_32x8_float_has_bias(const float* from) { return twice_(32); }
)");
}

TEST(Specialize, ErrorsNameThePlace) {
  const std::string file =
      "template <int A>\nvoid kernel(int* out) {\n  static_assert(A % 4 == 0, \"whole vectors\");\n  out[0] = A;\n}\n";
  EXPECT_EQ(message_of(file, {{"kernel", {"6"}, "f"}}), "");
  EXPECT_EQ(message_of(file, {{"kernel", {"float"}, "f"}}), "");
  EXPECT_EQ(message_of(file, {{"kernal", {"4"}, "f"}}), "");
  EXPECT_EQ(message_of("template <int A>\nvoid kernel(int* out {}\n", {{"kernel", {"4"}, "f"}}), "");
  const auto loop = [&](const std::string& text) {
    return message_of("template <int A>\nvoid kernel(int* out, int n) {\n#pragma unroll\n" + text + "\n}\n",
                      {{"kernel", {"4"}, "f"}});
  };
  EXPECT_EQ(loop("for (int i = 0; i < n; ++i) out[i] = A;"), "");
  EXPECT_EQ(loop("for (int i = n; i < 4; ++i) out[i] = A;"), "");
  EXPECT_EQ(loop("for (int i = 0; i < 4; i *= 2) out[i] = A;"), "");
  EXPECT_EQ(loop("for (int i = 0; i < 4; ++i) if (n > i) break;"), "");
  EXPECT_EQ(loop("for (int i = 0; i < 2000; ++i) out[i] = A;"), "");
  EXPECT_EQ(loop("for (; n > 0; --n) out[n] = A;"), "");
  EXPECT_EQ(
      message_of("inline constexpr float half = 0.5f;\ntemplate <int A>\nvoid kernel(float* out) { *out = half; }\n",
                 {{"kernel", {"4"}, "f"}}),
      "");
}

}  // namespace
}  // namespace mambac
