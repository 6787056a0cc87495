// Cross entropy of next tokens, with its gradient in the place of the logits, so that they are not kept twice.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "runtime/mathematics.h"

namespace mambac_runtime {

// Replaces a row of logits by exp(logit - most) / sum * share and returns log(sum) + most, which is log(sum of exp).
inline double softmax_times(float* logits, int32_t size, float share) {
  constexpr int lanes = 8;
  float most = logits[0];
  for (int32_t index = 1; index < size; ++index) most = logits[index] > most ? logits[index] : most;
  floats<lanes> sums = {};
  int32_t index = 0;
  for (; index + lanes <= size; index += lanes) {
    const floats<lanes> value = exponential<lanes>(load<lanes>(logits + index) - most);
    sums += value;
    store<lanes>(logits + index, value);
  }
  double sum = 0;
  for (int lane = 0; lane < lanes; ++lane) sum += sums[lane];
  for (; index < size; ++index) {
    logits[index] = exponential<lanes>(broadcast<lanes>(logits[index] - most))[0];
    sum += logits[index];
  }
  const float scale = static_cast<float>(share / sum);
  for (index = 0; index < size; ++index) logits[index] *= scale;
  return std::log(sum) + most;
}

// The mean of log(sum over v of exp(logits[v])) - logits[target] over the rows whose target is not `ignored`, 0 if
// there is none. logits (rows, vocabulary) become its gradient. Targets are `ignored` or in [0, vocabulary).
inline double cross_entropy(float* logits, const int32_t* targets, int64_t rows, int32_t vocabulary, int32_t ignored) {
  int64_t counted = 0;
  for (int64_t row = 0; row < rows; ++row) counted += targets[row] != ignored;
  const float share = counted == 0 ? 0.0f : 1.0f / static_cast<float>(counted);
  double loss = 0;
  for (int64_t row = 0; row < rows; ++row) {
    float* of_row = logits + row * vocabulary;
    if (targets[row] == ignored) {
      std::memset(of_row, 0, vocabulary * sizeof(float));
      continue;
    }
    const double right = of_row[targets[row]];
    loss += softmax_times(of_row, vocabulary, share) - right;
    of_row[targets[row]] -= share;
  }
  return counted == 0 ? 0 : loss / static_cast<double>(counted);
}

}  // namespace mambac_runtime
