// Against probabilities from Hugging Face's definitions written out in Python with masks of minus infinity.
#include "generator/text/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "generator/text/random.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

const std::vector<float> logits{1.5, -0.5, 3.0, 0.25, 3.0, -2.0, 2.0, 0.0};

void expect_candidates(const SamplingOptions& options, const std::vector<int32_t>& history,
                       const std::vector<Candidate>& expected) {
  const std::vector<Candidate> found = candidates(logits, history, options);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].token, expected[i].token);
    EXPECT_NEAR(found[i].probability, expected[i].probability, 2e-15);
  }
}

TEST(Sampling, Greedy) {
  expect_candidates({}, {}, {{2, 1}});  // the first of equal ones
  expect_candidates({.repetition_penalty = 1.1}, {2}, {{4, 1}});
}

TEST(Sampling, Temperature) {
  expect_candidates({.temperature = 1}, {},
                    {{2, 0.364742546699449},
                     {4, 0.364742546699449},
                     {6, 0.134181284251242},
                     {0, 0.081385062857994},
                     {3, 0.023317210901583},
                     {7, 0.018159462109194},
                     {1, 0.011014270533116},
                     {5, 0.002457615947972}});
  expect_candidates({.temperature = 0.5}, {},
                    {{2, 0.456070147399407},
                     {4, 0.456070147399407},
                     {6, 0.061722382574062},
                     {0, 0.022706395609116},
                     {3, 0.001863854452328},
                     {7, 0.001130484870579},
                     {1, 0.000415882142441},
                     {5, 0.000020705552659}});
}

TEST(Sampling, TopKKeepsThoseEqualToTheLast) {
  expect_candidates({.temperature = 1, .top_k = 3}, {},
                    {{2, 0.422318798251518}, {4, 0.422318798251518}, {6, 0.155362403496964}});
  expect_candidates({.temperature = 1, .top_k = 1}, {}, {{2, 0.5}, {4, 0.5}});
}

TEST(Sampling, TopPKeepsTheOneThatReachesIt) {
  expect_candidates({.temperature = 1, .top_p = 0.7}, {}, {{2, 0.5}, {4, 0.5}});
  expect_candidates({.temperature = 1, .top_p = 0.35}, {}, {{2, 1}});
  EXPECT_EQ(candidates(logits, {}, {.temperature = 1, .top_p = 0.73}).size(), 3u);
}

TEST(Sampling, MinP) {
  expect_candidates({.temperature = 1, .min_p = 0.2}, {},
                    {{2, 0.385949939934841}, {4, 0.385949939934841}, {6, 0.141983048223381}, {0, 0.086117071906938}});
}

TEST(Sampling, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  expect_candidates({.temperature = 1, .repetition_penalty = 2}, {2, 1, 2},
                    {{4, 0.512056818957038},
                     {6, 0.188375176405941},
                     {0, 0.114255320018979},
                     {2, 0.114255320018979},
                     {3, 0.032734697252234},
                     {7, 0.025493807853645},
                     {1, 0.009378647786531},
                     {5, 0.003450211706653}});
}

TEST(Sampling, AllTogetherInTheOrderOfHuggingFace) {
  expect_candidates({.temperature = 2, .top_k = 6, .top_p = 0.8, .min_p = 0.3, .repetition_penalty = 1.3}, {2, 2, 5, 1},
                    {{4, 0.358898787423505}, {2, 0.253886311272282}, {6, 0.217683118306042}, {0, 0.169531782998171}});
}

TEST(Sampling, TinyTemperatureIsGreedy) {
  expect_candidates({.temperature = 1e-300}, {}, {{2, 0.5}, {4, 0.5}, {6, 0}, {0, 0}, {3, 0}, {7, 0}, {1, 0}, {5, 0}});
}

// The first numbers of the published generator.
TEST(Sampling, RandomBitsAreThoseOfSplitMix64) {
  EXPECT_EQ(random_bits(0, 0), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(random_bits(0, 1), 0x6E789E6AA1B965F4u);
  EXPECT_EQ(random_bits(0, 2), 0x06C45D188009454Fu);
  EXPECT_EQ(random_bits(1234567, 0), 6457827717110365317u);
  EXPECT_EQ(random_bits(1234567, 1), 3203168211198807973u);
  EXPECT_EQ(random_bits(1234567, 2), 9817491932198370423u);
  EXPECT_EQ(random_uniform(0, 0), 0.88331080821364260);  // 0xE220A8397B1DCDAF / 2^64, 53 bits of it
}

TEST(Sampling, FollowsTheProbabilities) {
  const SamplingOptions options{.temperature = 1, .seed = 7};
  constexpr int draws = 40'000;
  std::vector<int> counts(logits.size());
  std::vector<int32_t> history;
  for (int draw = 0; draw < draws; ++draw) {
    ++counts[sample(logits, history, options)];
    history.push_back(0);  // without a penalty, only its length matters
  }
  for (const Candidate& candidate : candidates(logits, {}, options)) {
    const double deviation = std::sqrt(candidate.probability * (1 - candidate.probability) / draws);
    EXPECT_NEAR(static_cast<double>(counts[candidate.token]) / draws, candidate.probability, 4 * deviation);
  }
}

// Tokens from the generator and the probabilities above, in Python.
TEST(Sampling, SameSeedAndPositionSameToken) {
  const std::vector<int32_t> expected{6, 2, 2, 2, 2, 0, 2, 6, 2, 4, 2, 4};
  std::vector<int32_t> history;
  for (const int32_t token : expected) {
    EXPECT_EQ(sample(logits, history, {.temperature = 1, .seed = 42}), token) << "position " << history.size();
    history.push_back(1);
  }
}

TEST(Sampling, RefusesLogitsThatAreNotFinite) {
  for (const double temperature : {0.0, 1.0}) {
    EXPECT_EQ(error_message([&] { sample(std::vector<float>{1, NAN, 2}, {}, {.temperature = temperature}); }),
              "the logit of token 1 is NaN: weights or state hold a value that is not finite");
    EXPECT_EQ(error_message([&] {
                sample(std::vector<float>{1, 0, std::numeric_limits<float>::infinity()}, {},
                       {.temperature = temperature});
              }),
              "the logit of token 2 is infinite: weights or state hold a value that is not finite");
  }
}

TEST(Sampling, RefusesOptionsOutOfRange) {
  const auto message = [](const SamplingOptions& options) {
    return error_message([&] { check(options); }, ExitCode::usage);
  };
  EXPECT_EQ(message({.temperature = -1}), "--temperature -1 is out of range: 0 (greedy) or more");
  EXPECT_EQ(message({.temperature = NAN}), "--temperature nan is out of range: 0 (greedy) or more");
  EXPECT_EQ(message({.top_k = -1}), "--top-k -1 is out of range: 0 (all tokens) or more");
  EXPECT_EQ(message({.top_p = 0}), "--top-p 0 is out of range: above 0, at most 1");
  EXPECT_EQ(message({.min_p = 1.5}), "--min-p 1.5 is out of range: 0 to 1");
  EXPECT_EQ(message({.repetition_penalty = 0}), "--repetition-penalty 0 is out of range: above 0; 1 is none");
}

}  // namespace
}  // namespace mambac
