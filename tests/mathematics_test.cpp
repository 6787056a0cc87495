// The polynomials of runtime/mathematics.h against the C library in double precision: error in units in the last place
// over the floats that can occur. Every 509th float; every one in `mathematics_exhaustive_test`.
#include "runtime/mathematics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#ifndef MATHEMATICS_TEST_STRIDE
#define MATHEMATICS_TEST_STRIDE 509
#endif

namespace mambac_runtime {
namespace {

constexpr int lanes = 8;
constexpr uint64_t stride = MATHEMATICS_TEST_STRIDE;

// The largest error of `function` over the floats in [least, most] whose right value is a normal float.
template <typename Function, typename Right>
double largest_error(Function function, Right right, float least, float most) {
  double largest = 0;
  for (uint64_t first = 0; first < (uint64_t{1} << 32); first += lanes * stride) {
    float inputs[lanes];
    bool any = false;
    for (int lane = 0; lane < lanes; ++lane) {
      const auto bits = static_cast<uint32_t>(first + lane * stride);
      std::memcpy(&inputs[lane], &bits, sizeof bits);
      any |= inputs[lane] >= least && inputs[lane] <= most;
    }
    if (!any) continue;
    const floats<lanes> results = function(load<lanes>(inputs));
    for (int lane = 0; lane < lanes; ++lane) {
      if (!(inputs[lane] >= least && inputs[lane] <= most)) continue;
      const double expected = right(static_cast<double>(inputs[lane]));
      if (std::fabs(expected) < std::numeric_limits<float>::min()) continue;
      const float rounded = std::fabs(static_cast<float>(expected));
      const double unit = std::nextafter(rounded, std::numeric_limits<float>::infinity()) - rounded;
      largest = std::max(largest, std::fabs(results[lane] - expected) / unit);
    }
  }
  return largest;
}

TEST(Mathematics, Exponential) {
  const double error = largest_error([](auto value) { return exponential<lanes>(value); },
                                     [](double value) { return std::exp(value); }, -87.33f, 88.37f);
  EXPECT_LT(error, 1.25);
}

TEST(Mathematics, ExponentialOfTwo) {
  const double error = largest_error([](auto value) { return exponential_of_two<lanes>(value); },
                                     [](double value) { return std::exp2(value); }, -126.0f, 127.49f);
  EXPECT_LT(error, 1.05);
}

TEST(Mathematics, Softplus) {
  const double error =
      largest_error([](auto value) { return softplus<lanes>(value); },
                    [](double value) { return std::fmax(value, 0.0) + std::log1p(std::exp(-std::fabs(value))); },
                    -80.0f, std::numeric_limits<float>::max());
  EXPECT_LT(error, 2.78);
}

TEST(Mathematics, Silu) {
  const double error = largest_error([](auto value) { return silu<lanes>(value); },
                                     [](double value) { return value / (1 + std::exp(-value)); }, -80.0f,
                                     std::numeric_limits<float>::max());
  EXPECT_LT(error, 2.46);
}

TEST(Mathematics, VerySmallExponentialsAreNeitherDenormalNorZero) {
  for (const float value : {-87.4f, -1000.0f, -std::numeric_limits<float>::infinity()}) {
    const float result = exponential<lanes>(broadcast<lanes>(value))[0];
    EXPECT_GE(result, std::numeric_limits<float>::min());
    EXPECT_LT(result, 1.3e-38f);
  }
}

TEST(Mathematics, NanGoesThrough) {
  const floats<lanes> nan = broadcast<lanes>(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(exponential<lanes>(nan)[0]));
  EXPECT_TRUE(std::isnan(exponential_of_two<lanes>(nan)[1]));
  EXPECT_TRUE(std::isnan(softplus<lanes>(nan)[2]));
  EXPECT_TRUE(std::isnan(silu<lanes>(nan)[3]));
}

}  // namespace
}  // namespace mambac_runtime
