// An artifact as text sees it: its tokenizer, and what has to hold before text can go in.
#pragma once

#include <string>
#include <vector>

#include "generator/run/host.h"
#include "generator/text/tokenizer.h"

namespace mambac {

class LanguageModel {
 public:
  // Throws Error (ExitCode::input) if the artifact takes continuous input or several sequences, has no tokenizer, or
  // one of another vocabulary.
  explicit LanguageModel(const std::filesystem::path& folder);

  const Artifact& artifact() const { return artifact_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  int32_t real_tokens() const { return real_tokens_; }  // from here on the vocabulary is padding
  bool ends(int32_t token) const;

 private:
  Artifact artifact_;
  Tokenizer tokenizer_;
  int32_t real_tokens_;
};

}  // namespace mambac
