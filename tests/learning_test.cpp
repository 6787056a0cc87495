// What a training loop needs beside gradients, against the published formulas in double precision and against values
// worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "runtime/adamw.h"
#include "runtime/cross_entropy.h"
#include "runtime/learning_rate.h"
#include "runtime/mean_square_error.h"

namespace mambac_runtime {
namespace {

std::vector<float> random_values(int64_t count, float size) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, size);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(CrossEntropy, OfTwoEqualLogitsIsTheLogarithmOfTwo) {
  std::vector<float> logits = {1.5f, 1.5f};
  const int32_t target = 1;
  EXPECT_NEAR(cross_entropy(logits.data(), &target, 1, 2, -1), std::log(2.0), 1e-7);
  EXPECT_NEAR(logits[0], 0.5, 1e-7);
  EXPECT_NEAR(logits[1], -0.5, 1e-7);
}

// Vocabularies that whole vectors divide and that they do not; logits far from zero; rows that do not count.
TEST(CrossEntropy, IsTheFormulaAndItsGradient) {
  for (const int32_t vocabulary : {1, 7, 8, 19, 64}) {
    for (const float size : {1.0f, 30.0f}) {
      constexpr int64_t rows = 5;
      const std::vector<float> logits = random_values(rows * vocabulary, size);
      std::vector<int32_t> targets;
      for (int32_t row = 0; row < rows; ++row) targets.push_back(row == 2 ? -100 : row * 5 % vocabulary);
      double loss = 0;
      std::vector<double> gradient(logits.size());
      for (int64_t row = 0; row < rows; ++row) {
        if (targets[row] == -100) continue;
        const float* of_row = logits.data() + row * vocabulary;
        double sum = 0;
        for (int32_t index = 0; index < vocabulary; ++index) sum += std::exp(static_cast<double>(of_row[index]));
        loss += (std::log(sum) - of_row[targets[row]]) / 4;
        for (int32_t index = 0; index < vocabulary; ++index) {
          const double probability = std::exp(static_cast<double>(of_row[index])) / sum;
          gradient[row * vocabulary + index] = (probability - (index == targets[row] ? 1 : 0)) / 4;
        }
      }
      std::vector<float> place = logits;
      EXPECT_NEAR(cross_entropy(place.data(), targets.data(), rows, vocabulary, -100), loss, 2e-6 * (1 + loss));
      for (size_t index = 0; index < place.size(); ++index) EXPECT_NEAR(place[index], gradient[index], 1e-7);
    }
  }
}

TEST(CrossEntropy, OfNoRowIsZero) {
  std::vector<float> logits = {1, 2, 3};
  const int32_t target = 7;
  EXPECT_EQ(cross_entropy(logits.data(), &target, 1, 3, 7), 0);
  EXPECT_EQ(logits, std::vector<float>(3));
}

TEST(MeanSquareError, IsTheFormulaAndItsGradient) {
  std::vector<float> outputs = {1, 2, 4, 8};
  const std::vector<float> targets = {1, 1, 6, 5};
  EXPECT_EQ(mean_square_error(outputs.data(), targets.data(), 4), (0 + 1 + 4 + 9) / 4.0);
  EXPECT_EQ(outputs, (std::vector<float>{0, 0.5f, -1, 1.5f}));
}

TEST(ClipGradients, ScalesToTheNormAndNoFurther) {
  std::vector<float> gradients = {3, 0, 0, 0, 0, 0, 0, 0, 0, 4};
  EXPECT_EQ(clip_gradients(gradients.data(), 10, 5), 5);
  EXPECT_EQ(gradients[0], 3) << "a norm that is not above the limit changes nothing";
  EXPECT_EQ(clip_gradients(gradients.data(), 10, 2.5), 5);
  EXPECT_EQ(gradients, (std::vector<float>{1.5f, 0, 0, 0, 0, 0, 0, 0, 0, 2}));
}

// Adam's first step is the sign of the gradient times the rate, and decay shrinks a weight by rate times decay.
TEST(AdamW, FirstStepByHand) {
  std::vector<float> parameters = {1, 1}, first(2), second(2);
  const std::vector<float> gradients = {0.25f, -8};
  adamw(parameters.data(), gradients.data(), first.data(), second.data(), 2, 1, {0.1f, 0.9f, 0.999f, 1e-8f, 0.5f});
  EXPECT_NEAR(parameters[0], 1 - 0.05 - 0.1, 1e-6);
  EXPECT_NEAR(parameters[1], 1 - 0.05 + 0.1, 1e-6);
}

// Algorithm 2 of the paper, line by line, in double precision.
TEST(AdamW, IsThePublishedAlgorithm) {
  const AdamW of{3e-3f, 0.9f, 0.95f, 1e-8f, 0.1f};
  constexpr int64_t count = 13;
  std::vector<float> parameters = random_values(count, 1), first(count), second(count);
  std::vector<double> theta(parameters.begin(), parameters.end()), m(count), v(count);
  const std::vector<float> all_gradients = random_values(50 * count, 0.1f);
  for (int64_t t = 1; t <= 50; ++t) {
    const float* gradients = all_gradients.data() + (t - 1) * count;
    adamw(parameters.data(), gradients, first.data(), second.data(), count, t, of);
    for (int64_t index = 0; index < count; ++index) {
      const double g = gradients[index], beta1 = of.beta1, beta2 = of.beta2;
      m[index] = beta1 * m[index] + (1 - beta1) * g;
      v[index] = beta2 * v[index] + (1 - beta2) * g * g;
      const double m_hat = m[index] / (1 - std::pow(beta1, t)), v_hat = v[index] / (1 - std::pow(beta2, t));
      const double rate = of.learning_rate;
      theta[index] -= rate * (m_hat / (std::sqrt(v_hat) + of.epsilon)) + rate * of.weight_decay * theta[index];
    }
  }
  for (int64_t index = 0; index < count; ++index) EXPECT_NEAR(parameters[index], theta[index], 2e-6);
}

TEST(LearningRate, WarmsUpAndFallsAsACosine) {
  EXPECT_NEAR(learning_rate(0, 300, 30, 3e-3, 0.1), 3e-3 / 30, 1e-15);
  EXPECT_NEAR(learning_rate(14, 300, 30, 3e-3, 0.1),
              3e-3 * 0.5 * (0.1 + 0.45 * (1 + std::cos(std::acos(-1.0) * 14 / 300))), 1e-15);
  EXPECT_NEAR(learning_rate(150, 300, 30, 3e-3, 0.1), 3e-3 * 0.55, 1e-15);
  EXPECT_NEAR(learning_rate(300, 300, 30, 3e-3, 0.1), 3e-3 * 0.1, 1e-15);
  EXPECT_NEAR(learning_rate(0, 300, 0, 3e-3, 0.1), 3e-3, 1e-15) << "without a warm-up";
}

}  // namespace
}  // namespace mambac_runtime
