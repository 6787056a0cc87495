// The tokens that continue a text: chosen on the artifact's device where it has the program generate, else here.
#pragma once

#include <optional>
#include <vector>

#include "generator/text/language_model.h"
#include "generator/text/sampling.h"

namespace mambac {

class Continuation {
 public:
  // `history`: all tokens of the text, at least one, of which the state has seen the first `seen`; at least the last
  // one it has not. No more than `most` tokens will be asked for.
  Continuation(const LanguageModel& model, Session& session, const SamplingOptions& sampling,
               std::vector<int32_t> history, size_t seen, int64_t most);

  // The next token, which the history then ends with. None after one that ends the text. Throws Error
  // (ExitCode::input) if a logit is not finite.
  int32_t next();
  const std::vector<int32_t>& history() const { return history_; }

 private:
  int32_t choose_here();
  int32_t take_from_device();
  void start_device();

  const LanguageModel& model_;
  Session& session_;
  SamplingOptions sampling_;
  std::vector<int32_t> history_;
  size_t seen_;   // by the state
  int64_t most_;  // that may still be asked for
  std::vector<float> logits_;

  // Of a device.
  std::optional<ArtifactMemory> token_, marks_;
  std::optional<SharedMemory> shared_;  // tokens that come
  int32_t taken_ = 0, under_way_ = 0;   // of them
};

}  // namespace mambac
