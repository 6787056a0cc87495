#include "generator/text/continuation.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr int32_t at_once = 256;  // tokens that the device is asked for at a time
constexpr int32_t pending = -2;   // in the place of a token that has not come yet
constexpr auto patience = std::chrono::seconds(1);

std::vector<unsigned char> marks_of(const LanguageModel& model, std::span<const int32_t> history) {
  std::vector<unsigned char> marks(model.artifact().table().vocabulary);
  for (int32_t token = 0; token < static_cast<int32_t>(marks.size()); ++token) {
    if (model.ends(token)) marks[token] |= MAMBAC_END;
    if (token >= model.real_tokens()) marks[token] |= MAMBAC_NEVER;
  }
  for (const int32_t token : history) marks[token] |= MAMBAC_SEEN;
  return marks;
}

mambac_sampling sampling_of(const SamplingOptions& options) {
  return {.temperature = static_cast<float>(options.temperature),
          .top_k = options.top_k,
          .top_p = static_cast<float>(options.top_p),
          .min_p = static_cast<float>(options.min_p),
          .repetition_penalty = static_cast<float>(options.repetition_penalty),
          .seed = options.seed};
}

}  // namespace

Continuation::Continuation(const LanguageModel& model, Session& session, const SamplingOptions& sampling,
                           std::vector<int32_t> history, size_t seen, int64_t most)
    : model_(model),
      session_(session),
      sampling_(sampling),
      history_(std::move(history)),
      seen_(seen),
      most_(most),
      logits_(model.artifact().table().output_size) {
  const mambac_artifact& table = model.artifact().table();
  if (table.generate == nullptr) return;
  token_.emplace(table, sizeof(int32_t));
  marks_.emplace(table, table.vocabulary);
  marks_->write(marks_of(model, history_).data(), table.vocabulary);
  shared_.emplace(table, at_once * sizeof(int32_t));
}

int32_t Continuation::next() {
  const int32_t token = shared_ ? take_from_device() : choose_here();
  history_.push_back(token);
  --most_;
  return token;
}

int32_t Continuation::choose_here() {
  session_.feed(std::span<const int32_t>(history_).subspan(seen_), logits_);
  seen_ = history_.size();
  return sample(std::span<const float>(logits_).first(model_.real_tokens()), history_, sampling_);
}

void Continuation::start_device() {
  const std::span<const int32_t> unseen = std::span<const int32_t>(history_).subspan(seen_);
  if (unseen.size() > 1) session_.feed(unseen.first(unseen.size() - 1), logits_);
  session_.synchronize();  // nobody writes to the shared memory any more
  under_way_ = static_cast<int32_t>(std::min<int64_t>(at_once, most_));
  taken_ = 0;
  auto* const tokens = static_cast<int32_t*>(shared_->data());
  std::fill_n(tokens, under_way_, pending);
  token_->write(&history_.back(), sizeof(int32_t));
  session_.generate(*token_, static_cast<int64_t>(history_.size()), sampling_of(sampling_), *marks_, under_way_,
                    tokens);
}

int32_t Continuation::take_from_device() {
  if (taken_ == under_way_) start_device();
  const volatile int32_t& place = static_cast<const int32_t*>(shared_->data())[taken_++];
  const auto start = std::chrono::steady_clock::now();
  while (place == pending) {
    std::this_thread::yield();
    if (std::chrono::steady_clock::now() - start < patience) continue;
    session_.synchronize();  // says what has failed, if something has
    if (place == pending) fail(ExitCode::internal, "{}: generate has left out a token", model_.artifact().table().name);
  }
  if (place < 0) fail(ExitCode::input, "a logit is not finite: weights or state hold a value that is not");
  seen_ = history_.size();
  return place;
}

}  // namespace mambac
