// AdamW (Loshchilov, Hutter 2019, algorithm 2): Adam with weight decay that does not pass through its moments; and the
// clipping of gradients by their global norm (Pascanu, Mikolov, Bengio 2013) before it.
#pragma once

#include <cmath>
#include <cstdint>

namespace mambac_runtime {

// The norm of `count` gradients; if it is above `most`, they are scaled to have that norm.
inline double clip_gradients(float* gradients, int64_t count, double most) {
  double strands[8] = {};
  for (int64_t index = 0; index < count; ++index) {
    strands[index % 8] += static_cast<double>(gradients[index]) * gradients[index];
  }
  double squares = 0;
  for (const double strand : strands) squares += strand;
  const double norm = std::sqrt(squares);
  if (norm > most) {
    const float scale = static_cast<float>(most / norm);
    for (int64_t index = 0; index < count; ++index) gradients[index] *= scale;
  }
  return norm;
}

struct AdamW {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
};

// One step of `count` parameters, the `step`th (from 1) since their moments were zero:
//   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
//   p = p (1 - rate decay) - rate (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + epsilon)
inline void adamw(float* parameters, const float* gradients, float* first_moments, float* second_moments, int64_t count,
                  int64_t step, const AdamW& of) {
  const auto steps = static_cast<double>(step);
  const auto rate = static_cast<float>(of.learning_rate / (1 - std::pow(static_cast<double>(of.beta1), steps)));
  const auto root = static_cast<float>(1 / std::sqrt(1 - std::pow(static_cast<double>(of.beta2), steps)));
  const float kept = 1.0f - of.learning_rate * of.weight_decay;
  for (int64_t index = 0; index < count; ++index) {
    const float gradient = gradients[index];
    const float first = of.beta1 * first_moments[index] + (1.0f - of.beta1) * gradient;
    const float second = of.beta2 * second_moments[index] + (1.0f - of.beta2) * gradient * gradient;
    first_moments[index] = first;
    second_moments[index] = second;
    parameters[index] = parameters[index] * kept - rate * first / (__builtin_sqrtf(second) * root + of.epsilon);
  }
}

}  // namespace mambac_runtime
