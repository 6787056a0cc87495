// `mambac text`: continues a prompt, token by token, on the standard output.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "generator/commands/commands.h"
#include "generator/error.h"
#include "generator/text/continuation.h"
#include "generator/text/utf8_stream.h"

namespace mambac {
namespace {

using Clock = std::chrono::steady_clock;

struct TextOptions {
  std::string artifact, prompt, save_state, load_state;
  int64_t tokens = 200;
  SamplingOptions sampling;
  bool begin = false, no_begin = false;
};

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail(ExitCode::environment, "the text cannot be written to the standard output");
  }
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The tokens that the prompt adds to the `history` of a loaded text.
std::vector<int32_t> prompt_tokens(const LanguageModel& model, const TextOptions& options, bool continues) {
  const Tokenizer& tokenizer = model.tokenizer();
  if (options.begin && !tokenizer.begin_token()) {
    fail(ExitCode::input, "--bos: neither tokenizer_config.json nor config.json names a begin token");
  }
  std::vector<int32_t> tokens = tokenizer.encode(options.prompt);
  const bool begin = options.begin || (tokenizer.prepends_begin_token() && !options.no_begin && !continues);
  if (begin) tokens.insert(tokens.begin(), *tokenizer.begin_token());
  return tokens;
}

struct Speed {
  size_t prompt_tokens = 0;
  double prompt_seconds = 0;
  std::vector<double> step_seconds;  // of every generated token but the first, choice included
};

void print_speed(const mambac_artifact& table, Speed speed, size_t generated) {
  std::string line = fmt::format("prompt: {} tokens, {:.0f} tokens/s; text: {} tokens", speed.prompt_tokens,
                                 speed.prompt_tokens / speed.prompt_seconds, generated);
  std::vector<double>& steps = speed.step_seconds;
  if (!steps.empty()) {
    double sum = 0;
    for (const double step : steps) sum += step;
    std::nth_element(steps.begin(), steps.begin() + steps.size() / 2, steps.end());
    line += fmt::format(", {:.0f} tokens/s, median {:.0f} us", steps.size() / sum, 1e6 * steps[steps.size() / 2]);
  }
  fmt::print(stderr, "{}; weights {:.2f} MB, state {:.1f} kB, workspace {:.1f} kB\n", line, table.weights_bytes / 1e6,
             table.state_bytes / 1e3, table.workspace_bytes / 1e3);
}

void continue_text(const TextOptions& options) {
  if (options.tokens < 1) fail(ExitCode::usage, "--tokens {} is out of range: at least 1", options.tokens);
  check(options.sampling);
  check_utf8(options.prompt, "--prompt");
  const LanguageModel model(options.artifact);
  const Tokenizer& tokenizer = model.tokenizer();
  Session session(model.artifact());

  // All tokens so far. A saved text ends with one that its state has not seen, so that the next choice can be made.
  std::vector<int32_t> history;
  if (!options.load_state.empty()) history = session.load_state(options.load_state);
  size_t seen = history.empty() ? 0 : history.size() - 1;

  Utf8Stream stream;
  const auto decode = [&](int32_t token) {
    return tokenizer.special(token) ? std::string() : stream.push(tokenizer.bytes(token));
  };
  for (const int32_t token : history) decode(token);  // it may have ended inside a character
  for (const int32_t token : prompt_tokens(model, options, !options.load_state.empty())) {
    history.push_back(token);
    print(decode(token));
  }
  if (seen == history.size()) {
    fail(ExitCode::input, "there is nothing to continue: give a --prompt, --bos, or --load-state of a text");
  }

  Speed speed;
  speed.prompt_tokens = history.size() - seen;
  const size_t before = history.size();
  Continuation text(model, session, options.sampling, std::move(history), seen, options.tokens);
  bool ended = false;
  for (int64_t count = 0; !ended && count < options.tokens; ++count) {
    const Clock::time_point start = Clock::now();
    const int32_t token = text.next();
    if (count == 0) {
      speed.prompt_seconds = seconds_since(start);
    } else {
      speed.step_seconds.push_back(seconds_since(start));
    }
    print(decode(token));
    ended = model.ends(token);
  }
  // A text that is saved keeps the beginning of a character for its continuation.
  if (options.save_state.empty()) {
    print(stream.finish() + "\n");
  } else {
    session.synchronize();
    session.save_state(options.save_state, text.history());
  }
  if (ended) fmt::print(stderr, "\nthe model ended the text with {}\n", tokenizer.bytes(text.history().back()));
  print_speed(model.artifact().table(), speed, text.history().size() - before);
}

}  // namespace

void add_text_command(CLI::App& app) {
  auto options = std::make_shared<TextOptions>();
  CLI::App* command = app.add_subcommand("text", "Continue a prompt with an artifact of a language model.");
  command->add_option("artifact", options->artifact, "folder of a built artifact")->required();
  command->add_option("--prompt", options->prompt, "text to continue");
  command->add_option("--tokens", options->tokens, "most tokens to add")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->capture_default_str();
  SamplingOptions& sampling = options->sampling;
  command->add_option("--temperature", sampling.temperature, "0: the most likely token; 1: as the model says")
      ->capture_default_str();
  command->add_option("--top-k", sampling.top_k, "only the k most likely tokens; 0: all")->capture_default_str();
  command->add_option("--top-p", sampling.top_p, "only the most likely tokens that together reach this probability")
      ->capture_default_str();
  command->add_option("--min-p", sampling.min_p, "only tokens at least this times as likely as the most likely one")
      ->capture_default_str();
  command->add_option("--repetition-penalty", sampling.repetition_penalty, "above 1: tokens so far become less likely")
      ->capture_default_str();
  command->add_option("--seed", sampling.seed, "of the random numbers; the same seed gives the same text")
      ->check([](const std::string& seed) { return seed.starts_with('-') ? "is negative" : ""; })
      ->capture_default_str();
  CLI::Option* begin = command->add_flag("--bos", options->begin, "put the begin token in front of the prompt");
  command->add_flag("--no-bos", options->no_begin, "do not, even if tokenizer_config.json says so")->excludes(begin);
  command->add_option("--save-state", options->save_state, "file to write, from which the text can go on");
  command->add_option("--load-state", options->load_state, "file to go on from; the prompt is added, if there is one");
  command->footer(
      "The text goes to the standard output, speed and sizes to the standard error.\n"
      "Example: mambac text .mambac/austen-mamba --prompt \"It is a truth\" --tokens 100 --temperature 0.8 --top-p "
      "0.95");
  command->callback([options] { continue_text(*options); });
}

}  // namespace mambac
