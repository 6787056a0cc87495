// The choice of the next token. The options mean what Hugging Face's mean, and apply in its order: repetition penalty,
// temperature, top-k, top-p, min-p.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mambac {

struct SamplingOptions {
  double temperature = 0;         // 0: greedy, the token of the largest logit
  int32_t top_k = 0;              // only the k most likely tokens (and those equal to the last of them); 0: all
  double top_p = 1;               // only the most likely tokens that together reach this probability
  double min_p = 0;               // only tokens at least this times as likely as the most likely one
  double repetition_penalty = 1;  // divides the positive and multiplies the negative logits of the tokens so far
  uint64_t seed = 0;
};

// Throws Error (ExitCode::usage) naming the option if a value is out of range.
void check(const SamplingOptions& options);

struct Candidate {
  int32_t token;
  double probability;
};

// The tokens that may come next, most likely first (equal ones by number); their probabilities add up to 1. `logits`
// of real tokens alone, without the padding of the vocabulary; `history`: all tokens so far, prompt included. Greedy:
// one token. Throws Error (ExitCode::input) if a logit is not finite.
std::vector<Candidate> candidates(std::span<const float> logits, std::span<const int32_t> history,
                                  const SamplingOptions& options);

// One of them. The random number depends on the seed and the length of the history alone, so that a text that was saved
// goes on as if it had not been.
int32_t sample(std::span<const float> logits, std::span<const int32_t> history, const SamplingOptions& options);

}  // namespace mambac
