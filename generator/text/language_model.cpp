#include "generator/text/language_model.h"

#include <algorithm>

#include "generator/error.h"

namespace mambac {
namespace {

Tokenizer read_tokenizer(const Artifact& artifact) {
  const mambac_artifact& table = artifact.table();
  const std::string folder = artifact.folder().string();
  if (table.vocabulary == 0) {
    fail(ExitCode::input, "{} takes continuous input of {} values, not text", folder, table.input_size);
  }
  if (table.batch != 1) {
    fail(ExitCode::input, "{} works on {} sequences a call; for text build it with --batch 1", folder, table.batch);
  }
  Tokenizer tokenizer = Tokenizer::read(artifact.folder());
  if (tokenizer.size() > table.vocabulary) {
    fail(ExitCode::input, "the tokenizer in {} has {} tokens, the model only {}: it is another model's", folder,
         tokenizer.size(), table.vocabulary);
  }
  return tokenizer;
}

}  // namespace

LanguageModel::LanguageModel(const std::filesystem::path& folder)
    : artifact_(folder),
      tokenizer_(read_tokenizer(artifact_)),
      real_tokens_(std::min(tokenizer_.size(), artifact_.plan().at("model").at("vocabulary_used").get<int32_t>())) {}

bool LanguageModel::ends(int32_t token) const {
  const std::vector<int32_t>& ends = tokenizer_.end_tokens();
  return std::find(ends.begin(), ends.end(), token) != ends.end();
}

}  // namespace mambac
