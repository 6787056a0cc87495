// The inner loops of matrix products hold their sums in registers: what the compiler makes of them touches no stack.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>
#include <tuple>

#include "generator/emit/emit.h"
#include "generator/file.h"
#include "tests/built_artifact.h"
#include "tests/command.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using Lines = std::vector<std::string>;

// Loops of a function that hold no other loop, each from its label to the jump back to it.
std::vector<Lines> inner_loops(const Lines& function) {
  static const std::regex label(R"(^(\.L\w+):)"), jump(R"(^\s+j\w+\s+(\.L\w+))");
  std::map<std::string, size_t> label_at;
  std::vector<Lines> loops;
  size_t innermost = 0;  // no loop that begins before here and ends later is an inner one
  std::smatch match;
  for (size_t line = 0; line < function.size(); ++line) {
    if (std::regex_search(function[line], match, label)) label_at[match[1]] = line;
    if (!std::regex_search(function[line], match, jump)) continue;
    const auto begin = label_at.find(match[1]);
    if (begin == label_at.end() || begin->second < innermost) continue;
    loops.emplace_back(function.begin() + static_cast<long>(begin->second),
                       function.begin() + static_cast<long>(line) + 1);
    innermost = line;
  }
  return loops;
}

std::vector<Lines> functions_of(const std::string& assembly) {
  static const std::regex name(R"(^[^.#\s][^\s:]*:)");
  std::vector<Lines> functions(1);
  std::istringstream lines(assembly);
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_search(line, name)) functions.emplace_back();
    functions.back().push_back(line);
  }
  return functions;
}

struct Found {
  int loops = 0;
  std::vector<std::string> on_the_stack;  // lines of theirs
};

// Loops of products: a dozen multiply-adds or more on vectors, and nothing else that computes with floats.
Found product_loops(const std::string& assembly) {
  static const std::regex other(R"(^\s+v(mul|div|add|sub|max|min|cmp|rnd)\w*p[sd])"), multiply_add(R"(^\s+vfn?madd)"),
      stack(R"(\(%rsp)"), frame(R"(\(%rbp)"), has_frame(R"(movq\s+%rsp, %rbp)");
  Found found;
  for (const Lines& function : functions_of(assembly)) {
    const auto has = [](const std::regex& pattern) {
      return [&pattern](const std::string& line) { return std::regex_search(line, pattern); };
    };
    const bool framed = std::any_of(function.begin(), function.end(), has(has_frame));
    for (const Lines& loop : inner_loops(function)) {
      if (std::count_if(loop.begin(), loop.end(), has(multiply_add)) < 12) continue;
      if (std::any_of(loop.begin(), loop.end(), has(other))) continue;
      ++found.loops;
      for (const std::string& line : loop) {
        if (has(stack)(line) || (framed && has(frame)(line))) found.on_the_stack.push_back(line);
      }
    }
  }
  return found;
}

TEST(InnerLoops, AreFoundWithWhatTheySpill) {
  std::string assembly = "outer:\n.LBB0_1:\n.LBB0_2:\n";
  for (int count = 0; count < 12; ++count) assembly += "\tvfmadd231ps\t%ymm1, %ymm2, %ymm3\n";
  const std::string end = "\tjne\t.LBB0_2\n\tvmovups\t%ymm1, (%rsp)\n\tjne\t.LBB0_1\n";
  EXPECT_EQ(product_loops(assembly + end).loops, 1);
  EXPECT_TRUE(product_loops(assembly + end).on_the_stack.empty());
  EXPECT_EQ(product_loops(assembly + "\tvmovups\t%ymm1, -32(%rsp)\n" + end).on_the_stack.size(), 1u);
  EXPECT_EQ(product_loops(assembly + "\tvmulps\t%ymm1, %ymm1, %ymm1\n" + end).loops, 0);
}

class RegisterTile : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {};

TEST_P(RegisterTile, StaysInRegisters) {
  const auto [model, isa, weights] = GetParam();
  const CommandResult compiler = run_command("command -v clang++-19");
  if (compiler.exit_code != 0) GTEST_SKIP() << "the assembly of clang 19 is looked at, which is not here";
  BuildRequest request = request_for(model);
  request.isa = isa;
  request.weights = weights;
  const Plan plan = plan_model(request).plan;
  const std::filesystem::path folder = test_folder();
  std::filesystem::create_directories(folder / "runtime");
  for (const auto& [path, text] : emit(plan)) {
    if (path.ends_with(".h") || path.ends_with(".cpp")) write_text(folder / path, text);
  }
  const CommandResult compiled =
      run_command(fmt::format("clang++-19 -std=c++20 -fPIC {0} -I{1} -S {1}/{2}_forward.cpp -o {1}/forward.s",
                              fmt::join(arithmetic_options(plan), " "), folder.string(), plan.name));
  ASSERT_EQ(compiled.exit_code, 0) << compiled.output;
  const Found found = product_loops(read_text(folder / "forward.s"));
  EXPECT_GE(found.loops, 3);
  EXPECT_TRUE(found.on_the_stack.empty()) << fmt::format("{}", fmt::join(found.on_the_stack, "\n"));
}

INSTANTIATE_TEST_SUITE_P(Each, RegisterTile,
                         testing::Combine(testing::Values("product-default", "product2-default"),
                                          testing::Values("x86-64-v3", "x86-64-v4"), testing::Values("f32", "bf16")),
                         [](const auto& parameter) {
                           std::string name = std::string(std::get<0>(parameter.param)) + std::get<1>(parameter.param) +
                                              std::get<2>(parameter.param);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace mambac
