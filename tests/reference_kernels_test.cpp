// The reference kernels on numbers worked out by hand, where no golden case reaches.
#include "tests/reference_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "generator/error.h"

namespace mambac {
namespace {

Memory memory(std::vector<double>& values, bool written = false) {
  return {"values", values.data(), 1, 0, static_cast<int64_t>(values.size()), written};
}

TEST(LayerNorm, TwoRowsInPlace) {
  // Means 3 and 0, variances 3.5 and 0: with epsilon 0.5, one over the root of 4 and of 0.5.
  std::vector<double> values = {1, 2, 3, 6, -1, 0, 0, 0, 0, -1}, weight = {2, 1, 1, 4}, bias = {0, 0, 10, 20};
  KernelArguments arguments;
  arguments.shape = {{"Size", 4}, {"InputStride", 5}, {"OutputStride", 5}};
  arguments.memories = {
      {"weight", memory(weight)}, {"bias", memory(bias)}, {"input", memory(values)}, {"output", memory(values, true)}};
  arguments.numbers = {{"epsilon", 0.5}};
  arguments.counts = {{"rows", 2}};
  run_reference_kernel("layer_norm", arguments);
  EXPECT_EQ(values, (std::vector<double>{-2, -0.5, 10, 26, -1, 0, 0, 10, 20, -1}));
}

TEST(Convolve, WithoutBiasMovesEverySequencesWindow) {
  // Two channels, three taps, two sequences of two tokens; sequences' windows are 5 apart.
  std::vector<double> taps = {1, 10, 2, 20, 3, 30}, input = {5, 50, 6, 60, 7, 70, 8, 80}, output(8);
  std::vector<double> window = {1, 2, 3, 4, -1, 0, 0, 0, 0};
  KernelArguments arguments;
  arguments.shape = {{"Channels", 2},     {"Taps", 3},        {"InputStride", 2},
                     {"OutputStride", 2}, {"StateStride", 5}, {"Bias", "false"}};
  arguments.memories = {{"taps", memory(taps)},
                        {"window", {"window", window.data(), 2, 5, 4, true}},
                        {"input", memory(input)},
                        {"output", memory(output, true)}};
  arguments.counts = {{"sequences", 2}, {"tokens", 2}};
  run_reference_kernel("convolve", arguments);
  const std::vector<double> sums = {1 + 6 + 15, 20 + 80 + 1500, 3 + 10 + 18, 40 + 1000 + 1800,
                                    21,         2100,           14 + 24,     1400 + 2400};
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_DOUBLE_EQ(output[i], sums[i] / (1 + std::exp(-sums[i]))) << i;
  EXPECT_EQ(window, (std::vector<double>{5, 50, 6, 60, -1, 7, 70, 8, 80}));
}

TEST(Convolve, OneTapHasNoWindow) {
  std::vector<double> taps = {2, 4}, bias = {1, -1}, input = {3, 5}, output(2), window;
  KernelArguments arguments;
  arguments.shape = {{"Channels", 2},     {"Taps", 1},        {"InputStride", 2},
                     {"OutputStride", 2}, {"StateStride", 0}, {"Bias", "true"}};
  arguments.memories = {{"taps", memory(taps)},
                        {"bias", memory(bias)},
                        {"window", memory(window, true)},
                        {"input", memory(input)},
                        {"output", memory(output, true)}};
  arguments.counts = {{"sequences", 1}, {"tokens", 1}};
  run_reference_kernel("convolve", arguments);
  EXPECT_DOUBLE_EQ(output[0], 7 / (1 + std::exp(-7.0)));
  EXPECT_DOUBLE_EQ(output[1], 19 / (1 + std::exp(-19.0)));
}

TEST(Discretize, ClampsTheStepAndDecaysByTheClampedOne) {
  // softplus(0) = log 2 lies between the limits, softplus(-20) below, 25 above.
  std::vector<double> a = {-1, -2, -3}, bias = {1, -10, 5}, dt = {-1, -10, 20}, delta(3), decay(3);
  KernelArguments arguments;
  arguments.shape = {{"Heads", 3}, {"InputStride", 3}, {"OutputStride", 3}};
  arguments.memories = {{"a", memory(a)},
                        {"dt_bias", memory(bias)},
                        {"dt", memory(dt)},
                        {"delta", memory(delta, true)},
                        {"decay", memory(decay, true)}};
  arguments.numbers = {{"least", 0.25}, {"most", 2}};
  arguments.counts = {{"rows", 1}};
  run_reference_kernel("discretize", arguments);
  EXPECT_EQ(delta, (std::vector<double>{std::log(2), 0.25, 2}));
  EXPECT_DOUBLE_EQ(decay[0], 0.5);
  EXPECT_DOUBLE_EQ(decay[1], std::exp(-0.5));
  EXPECT_DOUBLE_EQ(decay[2], std::exp(-6));
}

TEST(HeadScan, HeadsShareBAndCByGroups) {
  // Four heads of one channel (rows of h are 16 apart), one state, two groups; two tokens.
  std::vector<double> d = {1, 0, 0, 2}, x = {1, 2, 3, 4, 1, 1, 1, 1}, b = {1, 10, 2, 20}, c = {3, 5, 1, 1};
  std::vector<double> delta = {1, 1, 2, 1, 1, 1, 1, 1}, decay(8, 0.5), output(8), h(64);
  for (size_t head = 0; head < 4; ++head) h[16 * head] = 2;
  KernelArguments arguments;
  arguments.shape = {
      {"Heads", 4},    {"HeadSize", 1},    {"States", 1},       {"Groups", 2},      {"InputStride", 4},
      {"BCStride", 2}, {"DeltaStride", 4}, {"OutputStride", 4}, {"StateStride", 0}, {"SkipPerChannel", "false"}};
  arguments.memories = {
      {"d", memory(d)}, {"h", memory(h, true)},   {"x", memory(x)},         {"b", memory(b)},
      {"c", memory(c)}, {"delta", memory(delta)}, {"decay", memory(decay)}, {"output", memory(output, true)}};
  arguments.counts = {{"sequences", 1}, {"tokens", 2}};
  run_reference_kernel("head_scan", arguments);
  EXPECT_EQ(output, (std::vector<double>{2 * 3 + 1, 3 * 3, 61 * 5, 41 * 5 + 8, 3 + 1, 3.5, 50.5, 40.5 + 2}));
  EXPECT_EQ(h[0], 3);
  EXPECT_EQ(h[16], 3.5);
  EXPECT_EQ(h[32], 50.5);
  EXPECT_EQ(h[48], 40.5);
  EXPECT_EQ(std::count(h.begin(), h.end(), 0.0), 60);
}

TEST(GatedNorm, IsTakenOverEachGroupOnEitherSideOfTheGate) {
  // silu(0) = 0 and silu of the other is g; groups {3, 4} and {6, 8} by themselves.
  const double g = 2 / (1 + std::exp(-2.0));
  std::vector<double> weight = {1, 2, 1, 10}, input = {3, 4, 6, 8}, gate = {2, 2, 0, 2}, output(4);
  KernelArguments arguments;
  arguments.shape = {{"Size", 4},       {"Groups", 2},       {"InputStride", 4},
                     {"GateStride", 4}, {"OutputStride", 4}, {"NormBeforeGate", "true"}};
  arguments.memories = {
      {"weight", memory(weight)}, {"input", memory(input)}, {"gate", memory(gate)}, {"output", memory(output, true)}};
  arguments.numbers = {{"epsilon", 0.5}};
  arguments.counts = {{"rows", 1}};
  run_reference_kernel("gated_rms_norm", arguments);
  // Mean squares 12.5 and 50.
  EXPECT_DOUBLE_EQ(output[0], 3 / std::sqrt(13) * g);
  EXPECT_DOUBLE_EQ(output[1], 4 / std::sqrt(13) * 2 * g);
  EXPECT_EQ(output[2], 0);
  EXPECT_DOUBLE_EQ(output[3], 8 / std::sqrt(50.5) * 10 * g);

  arguments.shape["NormBeforeGate"] = "false";
  run_reference_kernel("gated_rms_norm", arguments);
  // Mean squares 12.5 g^2 and 32 g^2.
  EXPECT_DOUBLE_EQ(output[0], 3 * g / std::sqrt(12.5 * g * g + 0.5));
  EXPECT_DOUBLE_EQ(output[1], 4 * g / std::sqrt(12.5 * g * g + 0.5) * 2);
  EXPECT_EQ(output[2], 0);
  EXPECT_DOUBLE_EQ(output[3], 8 * g / std::sqrt(32 * g * g + 0.5) * 10);
}

TEST(Kernels, RefuseWhatTheyMustNotTouch) {
  const auto message = [](const std::string& kernel, const KernelArguments& arguments) -> std::string {
    try {
      run_reference_kernel(kernel, arguments);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::internal);
      return error.what();
    }
    return "accepted";
  };
  std::vector<double> weights = {1, 2, 3, 4}, input = {1, 1}, output(4);
  KernelArguments arguments;
  arguments.shape = {{"Inputs", 2},       {"Outputs", 2},    {"InputStride", 2},
                     {"OutputStride", 2}, {"Bias", "false"}, {"Accumulate", "false"}};
  arguments.memories = {{"weights", memory(weights)}, {"input", memory(input)}, {"output", memory(output)}};
  arguments.counts = {{"rows", 1}};
  EXPECT_EQ(message("project", arguments), "the plan says that `values` is only read, but the kernel writes it");
  arguments.memories.at("output") = {"output", output.data(), 2, 2, 1, true};
  EXPECT_EQ(message("project", arguments), "values 0 to 2 of `output` are outside its 2 rows of 1 values, 2 apart");
  arguments.memories.at("output") = memory(output, true);
  EXPECT_EQ(message("project", arguments), "accepted");
  EXPECT_EQ(output, (std::vector<double>{3, 7, 0, 0}));
  arguments.counts = {{"rows", 2}};
  EXPECT_EQ(message("project", arguments), "values 2 to 4 of `values` are outside its 1 rows of 2 values, 0 apart");
  arguments.counts.clear();
  EXPECT_EQ(message("project", arguments), "the plan gives no argument `rows`");
  EXPECT_EQ(message("attention", arguments), "the reference executor knows no kernel `attention`");
}

}  // namespace
}  // namespace mambac
