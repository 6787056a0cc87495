#include "generator/text/sampling.h"

#include <algorithm>
#include <cmath>

#include "generator/error.h"
#include "generator/text/random.h"

namespace mambac {
namespace {

// Until normalize(), `probability` holds the logit.
void sort_by_likelihood(std::vector<Candidate>& tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const Candidate& left, const Candidate& right) {
    return left.probability != right.probability ? left.probability > right.probability : left.token < right.token;
  });
}

void penalize_repetition(std::vector<Candidate>& tokens, std::span<const int32_t> history, double penalty) {
  if (penalty == 1) return;
  std::vector<bool> seen(tokens.size());
  for (const int32_t token : history) {
    if (token < 0 || static_cast<size_t>(token) >= tokens.size() || seen[token]) continue;
    seen[token] = true;
    double& logit = tokens[token].probability;
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
}

void keep_top_k(std::vector<Candidate>& sorted, int32_t top_k) {
  if (top_k == 0 || static_cast<size_t>(top_k) >= sorted.size()) return;
  const double least = sorted[top_k - 1].probability;
  size_t kept = top_k;
  while (kept < sorted.size() && sorted[kept].probability == least) ++kept;
  sorted.resize(kept);
}

// Logits, the largest of them 0, to probabilities.
void normalize(std::vector<Candidate>& sorted) {
  double sum = 0;
  for (Candidate& candidate : sorted) sum += candidate.probability = std::exp(candidate.probability);
  for (Candidate& candidate : sorted) candidate.probability /= sum;
}

// Removes what follows the first `kept` and lets the rest add up to 1 again.
void keep(std::vector<Candidate>& sorted, size_t kept) {
  sorted.resize(kept);
  double sum = 0;
  for (const Candidate& candidate : sorted) sum += candidate.probability;
  for (Candidate& candidate : sorted) candidate.probability /= sum;
}

// As long as those in front do not reach `top_p`, one more.
size_t count_top_p(const std::vector<Candidate>& sorted, double top_p) {
  double reached = 0;
  size_t kept = 0;
  while (kept < sorted.size() && (kept == 0 || reached < top_p)) reached += sorted[kept++].probability;
  return kept;
}

size_t count_min_p(const std::vector<Candidate>& sorted, double min_p) {
  const double least = min_p * sorted.front().probability;
  size_t kept = 1;
  while (kept < sorted.size() && sorted[kept].probability >= least) ++kept;
  return kept;
}

}  // namespace

void check(const SamplingOptions& options) {
  const auto refuse = [](const char* option, double value, const char* range) {
    fail(ExitCode::usage, "{} {} is out of range: {}", option, value, range);
  };
  // Written so that NaN is refused too.
  if (!(options.temperature >= 0 && options.temperature <= 1e6)) {
    refuse("--temperature", options.temperature, "0 (greedy) or more");
  }
  if (options.top_k < 0) refuse("--top-k", options.top_k, "0 (all tokens) or more");
  if (!(options.top_p > 0 && options.top_p <= 1)) refuse("--top-p", options.top_p, "above 0, at most 1");
  if (!(options.min_p >= 0 && options.min_p <= 1)) refuse("--min-p", options.min_p, "0 to 1");
  if (!(options.repetition_penalty > 0 && options.repetition_penalty <= 1e6)) {
    refuse("--repetition-penalty", options.repetition_penalty, "above 0; 1 is none");
  }
}

std::vector<Candidate> candidates(std::span<const float> logits, std::span<const int32_t> history,
                                  const SamplingOptions& options) {
  std::vector<Candidate> tokens;
  tokens.reserve(logits.size());
  for (const float logit : logits) {
    const auto token = static_cast<int32_t>(tokens.size());
    if (!std::isfinite(logit)) {
      fail(ExitCode::input, "the logit of token {} is {}: weights or state hold a value that is not finite", token,
           std::isnan(logit) ? "NaN" : "infinite");
    }
    tokens.push_back({token, logit});
  }
  penalize_repetition(tokens, history, options.repetition_penalty);
  const Candidate best = *std::max_element(
      tokens.begin(), tokens.end(),
      [](const Candidate& left, const Candidate& right) { return left.probability < right.probability; });
  if (options.temperature == 0) return {{best.token, 1.0}};
  // Differences first: a logit over a tiny temperature overflows.
  for (Candidate& candidate : tokens) {
    candidate.probability = (candidate.probability - best.probability) / options.temperature;
  }
  sort_by_likelihood(tokens);
  keep_top_k(tokens, options.top_k);
  normalize(tokens);
  if (options.top_p < 1) keep(tokens, count_top_p(tokens, options.top_p));
  if (options.min_p > 0) keep(tokens, count_min_p(tokens, options.min_p));
  return tokens;
}

int32_t sample(std::span<const float> logits, std::span<const int32_t> history, const SamplingOptions& options) {
  const std::vector<Candidate> tokens = candidates(logits, history, options);
  double rest = random_uniform(options.seed, history.size());
  for (const Candidate& candidate : tokens) {
    rest -= candidate.probability;
    if (rest < 0) return candidate.token;
  }
  return tokens.back().token;  // rounding may leave a rest
}

}  // namespace mambac
