#include "generator/specialize/specialize.h"

#include <gtest/gtest.h>

#include "generator/error.h"

namespace mambac {
namespace {

// The emitted functions of one template file, each ended by a line break.
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
  for (const SpecializedFunction& function : specialize(sources, wanted)) text += function.text + "\n";
  return text;
}

// Without line breaks and indentation.
std::string one_line(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    const bool is_space = letter == ' ' || letter == '\n';
    if (!is_space) result += letter;
    if (is_space && !result.empty() && result.back() != ' ') result += ' ';
  }
  while (result.ends_with(' ')) result.pop_back();
  return result;
}

// What becomes of `body` in a kernel with the int parameters A and B, the bool parameter Flag and the type parameter
// Type: its statements on one line.
std::string body(const std::string& body, const std::string& arguments = "6, 4, true, bfloat16") {
  const std::string text = specialized(
      "template <int A, int B, bool Flag, typename Type>\nvoid kernel(int* out, const float* p, int x, int y) {\n" +
          body + "\n}\n",
      {{"kernel", {arguments}, "f"}});
  const size_t begin = text.find('{') + 1;
  return one_line(text.substr(begin, text.rfind('}') - begin));
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
  EXPECT_EQ(text, R"(// output = input times 2, 32 floats of bfloat16 (`tokens` rows). Second line.
void scale_32(const float* bias, float* output, int tokens) {
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
  EXPECT_EQ(body("out[0] = A / B + x;"), "out[0] = x + 1;");
  EXPECT_EQ(body("out[A - B] = 2 * 8;"), "out[2] = 2 * 8;");
  EXPECT_EQ(body("out[0] = round_up(A, channel_padding);"), "out[0] = 16;");
  EXPECT_EQ(body("out[0] = round_up(x, channel_padding);"), "out[0] = round_up(x, 16);");
  EXPECT_EQ(body("out[0] = x * (B - A);"), "out[0] = x * -2;");
  EXPECT_EQ(body("p += static_cast<long>(A) * x;"), "p += static_cast<long>(6) * x;");
  EXPECT_EQ(body("p += static_cast<long>(A) * B;"), "p += 24L;");
  EXPECT_EQ(body("out[0] = sizeof(Type);"), "out[0] = sizeof(bfloat16);");
  EXPECT_EQ(body("const float q = *p / A; out[0] = q < Flag;"), "const float q = *p / 6; out[0] = q < true;");
}

TEST(Specialize, CommentsSayWhatIsBound) {
  const auto comment = [](const std::string& lines, const std::string& arguments) {
    const std::string text =
        specialized(lines + "\ntemplate <int A, bool Flag>\nvoid kernel(int* out) {\n  out[0] = A;\n}\n",
                    {{"kernel", {arguments}, "f"}});
    return text.substr(0, text.find("\nvoid"));
  };
  EXPECT_EQ(comment("// `A` rows{Flag ? , doubled}.", "6, true"), "// 6 rows, doubled.");
  EXPECT_EQ(comment("// `A` rows{Flag ? , doubled}.", "6, false"), "// 6 rows.");
  EXPECT_EQ(comment("// {A > 1 ? `A` rows : one row}.", "6, false"), "// 6 rows.");
  EXPECT_EQ(comment("// {A > 1 ? `A` rows : one row}.", "1, false"), "// one row.");
  EXPECT_EQ(comment("// x[t - `A - 1`] of `out`, {Other ? kept}.", "4, true"), "// x[t - 3] of `out`, {Other ? kept}.");
  EXPECT_EQ(comment("// One\n// sentence.\n//   a formula\n// {Flag ? Gone.}\n// Last.", "4, false"),
            "// One sentence.\n//   a formula\n// Last.");
}

// Also through a helper that does not read it, and the calls of both.
TEST(Specialize, ParametersThatNothingReadsAreGone) {
  EXPECT_EQ(specialized(R"(
template <bool Bias>
inline float plus(float value, const float* bias) {
  if constexpr (Bias) return value + bias[0];
  return value;
}

template <bool Bias>
void kernel(const float* bias, float* out, int unused) {
  out[0] = plus<Bias>(out[1], bias);
}
)",
                        {{"kernel", {"false"}, "f"}}),
            R"(inline float plus_of_f(float value) { return value; }
void f(float* out) { out[0] = plus_of_f(out[1]); }
)");
  EXPECT_THROW(specialized("template <int A>\nvoid callee(int a) {}\ntemplate <int A>\nvoid kernel(int* out) {\n"
                           "  callee<A>(++out[0]);\n}\n",
                           {{"kernel", {"1"}, "f"}}),
               Error);
}

TEST(Specialize, NeutralOperandsAreLeftOut) {
  EXPECT_EQ(body("p = p + (A - 6);"), "p = p;");
  EXPECT_EQ(body("out[0] = x + (A - 6) + y;"), "out[0] = x + y;");
  EXPECT_EQ(body("out[0] = x * (A - 5) + y / (B - 3);"), "out[0] = x + y;");
  EXPECT_EQ(body("out[0] = (x + (A - 6)) * y;"), "out[0] = x * y;");
  EXPECT_EQ(body("out[0] = (x + (A - 5)) * y;"), "out[0] = (x + 1) * y;");
  EXPECT_EQ(body("out[0] = (A - 6) * x + y % (A - 5);"), "out[0] = 0;");
  EXPECT_EQ(body("out[0] = (A - 6) - x * y;"), "out[0] = -x * y;");
  EXPECT_EQ(body("p = p + static_cast<long>(x) + (A - 6);"), "p = p + static_cast<long>(x);");
  EXPECT_EQ(body("const long q = static_cast<long>(x) * y + x + (A - 6);"),
            "const long q = static_cast<long>(x) * y + x;");
  EXPECT_EQ(body("const long q = x + y + static_cast<long>(A - 6);"), "const long q = x + y + static_cast<long>(0);");
  EXPECT_EQ(body("const long q = static_cast<long>(x) + y + (A - 6) + (A - 4);"),
            "const long q = static_cast<long>(x) + y + 2;");
  EXPECT_EQ(body("float square[4];\nfloat* q = square + (A - 6);"), "float square[4]; float* q = square;");
  EXPECT_EQ(body("const float q = *p * (A - 5) + (A - 6);"), "const float q = *p * 1 + 0;");
}

TEST(Specialize, ConstantsOfAChainAreJoined) {
  EXPECT_EQ(body("out[0] = x * A * B;"), "out[0] = x * 24;");
  EXPECT_EQ(body("out[0] = (x + y) * A / (B - 2);"), "out[0] = (x + y) * 3;");
  EXPECT_EQ(body("out[0] = x * A / B;"), "out[0] = x * 6 / 4;");
  EXPECT_EQ(body("out[0] = (x + 1) * A / A;"), "out[0] = x + 1;");
  EXPECT_EQ(body("out[0] = x + A - y - B + 1;"), "out[0] = x - y + 3;");
  EXPECT_EQ(body("out[0] = x + (B - A);"), "out[0] = x - 2;");
  EXPECT_EQ(body("out[0] = x * A * 1000000000;"), "out[0] = x * 6 * 1000000000;");  // 6e9 is no int
  EXPECT_EQ(body("p = p + static_cast<long>(A) * B + 1;"), "p = p + 25;");
}

TEST(Specialize, ConditionsAreDecided) {
  EXPECT_EQ(body("out[0] = x + (Flag ? y * A : 0);"), "out[0] = x + y * 6;");
  EXPECT_EQ(body("out[0] = x * (Flag ? y + A : 0);"), "out[0] = x * (y + 6);");
  EXPECT_EQ(body("out[0] = x + (Flag ? y * A : 0);", "6, 4, false, float"), "out[0] = x;");
  EXPECT_EQ(body("out[0] = x > y || A == 6 ? x : y;"), "out[0] = x;");
  EXPECT_EQ(body("out[0] = x > y && A == 5 ? x : y;"), "out[0] = y;");
  EXPECT_EQ(body("if (Flag && x > y) out[0] = 1;"), "if (x > y) out[0] = 1;");
  EXPECT_EQ(body("if (Flag || x > y) out[0] = 1;"), "out[0] = 1;");
  EXPECT_EQ(body("if constexpr (A == 5) {\n out[0] = 1;\n} else if constexpr (A == 6) {\n out[0] = 2;\n}"),
            "out[0] = 2;");
  EXPECT_EQ(body("// Why.\nif constexpr (A == 5) {\n out[0] = 1;\n}\nout[1] = 2;"), "out[1] = 2;");
  EXPECT_EQ(body("if (x > y)\n if constexpr (A == 5) out[0] = 1;"), "if (x > y) { }");
  // Two variables of one name stay apart.
  EXPECT_EQ(body("int z = y;\nif constexpr (Flag) {\n int z = x;\n out[0] = z;\n}\nout[1] = z;"),
            "int z = y; { int z = x; out[0] = z; } out[1] = z;");
  EXPECT_EQ(body("if constexpr (Flag) {\n int z = x;\n out[0] = z;\n}"), "int z = x; out[0] = z;");
}

TEST(Specialize, DeadStatementsGo) {
  EXPECT_EQ(body("// What it is.\nconstexpr int c = A * B;  // 24\nstatic_assert(c == 24);\nout[0] = c;"),
            "out[0] = 24;");
  EXPECT_EQ(body("for (int i = A / 4 * 4; i < B; ++i) out[i] = 0;\nout[0] = 1;"), "out[0] = 1;");
  // Zero whatever x is: the loop never runs, although its bounds are no constants for C++.
  EXPECT_EQ(body("const int n = x * (A / 7);\nfor (int i = 0; i < n; ++i) out[i] = 0;"), "");
  EXPECT_EQ(body("constexpr float half = 0.5f;\nconst float q = *p * half;"),
            "constexpr float half = 0.5f; const float q = *p * half;");
}

TEST(Specialize, MarkedLoopsAreWrittenOut) {
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 3; ++i) out[i] = x + i;"),
            "out[0] = x; out[1] = x + 1; out[2] = x + 2;");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = A; i > 0; i -= B) out[i] = i * i;"), "out[6] = 36; out[2] = 4;");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < A - 6; ++i) out[i] = 0;\nout[1] = 1;"), "out[1] = 1;");
  // Declarations keep their braces, comments stand once.
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n const int z = x * i;\n // Why.\n out[i] = z;\n}"),
            "// Why. out[0] = 0; { const int z = x; out[1] = z; }");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 1; ++i) {\n int z = x;\n out[i] = z;\n}"),
            "int z = x; out[0] = z;");
  // A constant that follows the loop's variable.
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n const int z = round_up(i, 2);\n out[z] = i;\n}"),
            "out[0] = 0; out[2] = 1;");
  EXPECT_EQ(body("#pragma unroll\nfor (int i = 0; i < 2; ++i) {\n#pragma unroll\nfor (int j = 0; j <= i; ++j) {\n"
                 "if (j == 1) out[i * B + j] = x;\n}\n}"),
            "out[5] = x;");
  // In front of a single statement, what is several becomes a block.
  EXPECT_EQ(body("if (x > y)\n#pragma unroll\nfor (int i = 0; i < 2; ++i) out[i] = i;"),
            "if (x > y) { out[0] = 0; out[1] = 1; }");
}

TEST(Specialize, CalleesAreSpecializedOnceBeforeTheirCallers) {
  const std::string file = R"(
// Plain.
inline int twice(int x) { return 2 * x; }
// `Size` of a row.
template <int Size, int Lanes, typename Type, bool HasBias>
int row(const Type* from) {
  return twice(Size) + static_cast<int>(*from) * Lanes;
}
template <int Size, typename Type>
void kernel(const Type* from, int* to) {
  *to = row<Size, 8, Type, true>(from) + row<Size, -8, Type, false>(from);
  *to += row<Size, 8, Type, true>(from);
}
)";
  EXPECT_EQ(specialized(file, {{"kernel", {"32", "float"}, "first"}, {"kernel", {"32", "float"}, "second"}}),
            R"(// Plain.
inline int twice(int x) { return 2 * x; }
// 32 of a row.
inline int row_of_first(const float* from) { return twice(32) + static_cast<int>(*from) * 8; }
// 32 of a row.
inline int row_of_first_lanes_minus_8_no_has_bias(const float* from) {
  return twice(32) + static_cast<int>(*from) * -8;
}
void first(const float* from, int* to) {
  *to = row_of_first(from) + row_of_first_lanes_minus_8_no_has_bias(from);
  *to += row_of_first(from);
}
void second(const float* from, int* to) {
  *to = row_of_first(from) + row_of_first_lanes_minus_8_no_has_bias(from);
  *to += row_of_first(from);
}
)");
}

TEST(Specialize, ErrorsNameThePlace) {
  const std::string file =
      "template <int A>\nvoid kernel(int* out) {\n  static_assert(A % 4 == 0, \"whole vectors\");\n  out[0] = A;\n}\n";
  EXPECT_EQ(message_of(file, {{"kernel", {"6"}, "f"}}),
            "the templates do not compile: templates/cpu/kernel.h:6: static assertion failed due to requirement "
            "'6 % 4 == 0': whole vectors, in instantiation of function template specialization 'mambac::kernel<6>' "
            "requested here");
  EXPECT_EQ(message_of(file, {{"kernal", {"4"}, "f"}}),
            "the templates do not compile: kernal<4>:1: use of undeclared identifier 'kernal'; did you mean 'kernel'?, "
            "'kernel' declared here");
  EXPECT_EQ(message_of("template <int A>\nvoid kernel(int* out {}\n", {{"kernel", {"4"}, "f"}}),
            "the templates do not compile: templates/cpu/kernel.h:5: expected ')', to match this '('");
  EXPECT_EQ(
      message_of(
          "template <int A>\nvoid kernel(int* out, int n) {\n  const auto times = [&](int m) { return m * n; };\n"
          "  *out = times(A);\n}\n",
          {{"kernel", {"4"}, "f"}}),
      "templates/cpu/kernel.h:6: a template cannot call a lambda: make it a function of its own beside the template");
  EXPECT_EQ(message_of("inline constexpr float half = 0.5f;\n"
                       "template <int A>\nvoid kernel(float* out) { *out = half; }\n",
                       {{"kernel", {"4"}, "f"}}),
            "templates/cpu/kernel.h:6: the constant half must stand inside of the function, where it can be printed");
}

TEST(Specialize, MarkedLoopsThatCannotBeWrittenOutAreRefused) {
  const auto message = [](const std::string& loop) {
    return message_of("template <int A>\nvoid kernel(int* out, int n) {\n#pragma unroll\n" + loop + "\n}\n",
                      {{"kernel", {"4"}, "f"}});
  };
  const std::string refused = "templates/cpu/kernel.h:6: the loop under #pragma unroll cannot be written out: ";
  EXPECT_EQ(message("for (int i = 0; i < n; ++i) out[i] = A;"), refused + "its condition is not a constant");
  EXPECT_EQ(message("for (int i = n; i < 4; ++i) out[i] = A;"), refused + "its first value is not a constant");
  EXPECT_EQ(message("for (int i = 0; i < 4; i += n) out[i] = A;"),
            refused + "its variable does not change by a constant");
  EXPECT_EQ(message("for (int i = 0; i < 4; ++i) if (n > i) break;"), refused + "it holds `break` or `continue`");
  EXPECT_EQ(message("for (int i = 0; i < 2000; ++i) out[i] = A;"), refused + "it runs too often");
  EXPECT_EQ(message("for (; n > 0; --n) out[n] = A;"), refused + "it must be a `for` that declares one integer");
}

}  // namespace
}  // namespace mambac
