#include "runtime/floating_point_mode.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <limits>

namespace mambac {
namespace {

using mambac_runtime::FloatingPointMode;

constexpr float smallest = std::numeric_limits<float>::min();
constexpr float denormal = std::numeric_limits<float>::denorm_min();

// Computed when the program runs, whatever the optimizer knows.
float product(volatile float* a, volatile float* b) { return *a * *b; }
float quotient(volatile float* a, volatile float* b) { return *a / *b; }

TEST(FloatingPointMode, TakesDenormalsForZeroWithinACallAlone) {
  volatile float half = 0.5f, tiny = smallest, subnormal = denormal, large = 0x1p100f;
  {
    const FloatingPointMode mode;
    EXPECT_EQ(product(&half, &tiny), 0.0f) << "a result that is denormal";
    EXPECT_EQ(product(&subnormal, &large), 0.0f) << "an input that is denormal";
    EXPECT_EQ(product(&tiny, &large), smallest * 0x1p100f);
  }
  EXPECT_EQ(product(&half, &tiny), smallest / 2);
  EXPECT_EQ(product(&subnormal, &large), 0x1p-49f);
}

TEST(FloatingPointMode, RoundsToNearestWhateverTheCallerDoes) {
  volatile float one = 1.0f, three = 3.0f;
  const float nearest = quotient(&one, &three);
  for (const int direction : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    ASSERT_EQ(std::fesetround(direction), 0);
    float inside;
    {
      const FloatingPointMode mode;
      inside = quotient(&one, &three);
    }
    const float outside = quotient(&one, &three);
    const int restored = std::fegetround();
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(inside, nearest);
    EXPECT_EQ(restored, direction);
    const bool up = direction == FE_UPWARD || direction == FE_TONEAREST;  // the nearest float lies above 1/3
    EXPECT_EQ(outside, up ? nearest : std::nextafter(nearest, 0.0f));
  }
}

#if defined(__x86_64__)
// Flags that a caller had stay, flags that the call raised go, and a caller's traps do not fire inside.
TEST(FloatingPointMode, RestoresTheRegisterExactly) {
  const unsigned original = _mm_getcsr();
  volatile float one = 1.0f, zero = 0.0f;
  for (const unsigned callers : {0x1f80u, 0x1f80u | 0x6000u, 0x9fc0u, 0x1f80u | 0x0021u, 0x1f80u & ~0x0200u}) {
    _mm_setcsr(callers);
    {
      const FloatingPointMode mode;
      EXPECT_EQ(_mm_getcsr(), 0x9fc0u);
      EXPECT_TRUE(std::isinf(quotient(&one, &zero)));
    }
    const unsigned restored = _mm_getcsr();
    _mm_setcsr(original);
    EXPECT_EQ(restored, callers);
  }
}
#endif

}  // namespace
}  // namespace mambac
