// `mambac perplexity`: how well an artifact foretells a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/file.h"
#include "generator/progress.h"
#include "generator/text/language_model.h"
#include "generator/text/utf8_stream.h"

namespace mambac {
namespace {

// -log of the probability that softmax(logits) gives to `token`. Padding counts, as it does in training.
double surprise(std::span<const float> logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[token];
}

void perplexity(const std::string& folder, const std::string& path) {
  const LanguageModel model(folder);
  const mambac_artifact& table = model.artifact().table();
  const std::string text = read_text(path);
  check_utf8(text, path);
  std::vector<int32_t> tokens = model.tokenizer().encode(text);
  if (model.tokenizer().prepends_begin_token()) tokens.insert(tokens.begin(), *model.tokenizer().begin_token());
  if (tokens.size() < 2) fail(ExitCode::input, "{} is too short: perplexity needs two tokens", path);

  // Every token but the first is foretold from those before it, the whole file being one text.
  const size_t foretold = tokens.size() - 1;
  std::vector<float> logits(static_cast<size_t>(table.forward_tokens) * table.output_size);
  Session session(model.artifact());
  Progress progress("perplexity", static_cast<int64_t>(foretold));
  double sum = 0;
  for (size_t first = 0; first < foretold;) {
    const size_t count = std::min<size_t>(foretold - first, table.forward_tokens);
    session.forward(&tokens[first], static_cast<int32_t>(count), MAMBAC_ALL, logits);
    for (size_t i = 0; i < count; ++i) {
      const std::span<const float> row(&logits[i * table.output_size], table.output_size);
      sum += surprise(row, tokens[first + i + 1]);
    }
    if (!std::isfinite(sum)) {
      fail(ExitCode::input, "the logits of tokens {} to {} are not finite: weights or state hold such a value", first,
           first + count);
    }
    first += count;
    progress.add(static_cast<int64_t>(count));
  }
  const double mean = sum / static_cast<double>(foretold);
  fmt::print("{} tokens, {:.4f} nats per token, perplexity {:.3f}\n", foretold, mean, std::exp(mean));
}

}  // namespace

void add_perplexity_command(CLI::App& app) {
  auto folder = std::make_shared<std::string>(), path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("perplexity", "Measure how well an artifact foretells a text.");
  command->add_option("artifact", *folder, "folder of a built artifact")->required();
  command->add_option("--text", *path, "file of text (UTF-8)")->required();
  command->footer(
      "The file is one text from its first token to its last; the state is never reset in between.\n"
      "Example: mambac perplexity .mambac/austen-mamba --text pride-and-prejudice.txt");
  command->callback([folder, path] { perplexity(*folder, *path); });
}

}  // namespace mambac
