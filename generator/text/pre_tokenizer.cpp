#include "generator/text/pre_tokenizer.h"

#include <algorithm>

#include "generator/error.h"
#include "generator/text/byte_alphabet.h"

namespace mambac {
namespace {

using nlohmann::json;

constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view punctuation_pattern = R"([\p{P}!-/:-@\[-`{-~])";

std::string split_pattern(const json& configuration, const std::string& where) {
  const std::string behavior = configuration.at("behavior");
  if (behavior != "Isolated" || configuration.value("invert", false)) {
    fail(ExitCode::input, "{}: pre-tokenizer Split is supported with behavior Isolated and invert false only, not {}",
         where, configuration.dump());
  }
  const json& pattern = configuration.at("pattern");
  return pattern.contains("Regex") ? pattern.at("Regex").get<std::string>()
                                   : RegularExpression::quoted(pattern.at("String").get<std::string>());
}

std::string punctuation(const json& configuration, const std::string& where) {
  const std::string behavior = configuration.value("behavior", "Isolated");
  if (behavior == "Isolated") return std::string(punctuation_pattern);
  if (behavior == "Contiguous") return std::string(punctuation_pattern) + "+";
  fail(ExitCode::input, "{}: pre-tokenizer Punctuation with behavior {} is not supported", where, behavior);
}

}  // namespace

PreTokenizer::PreTokenizer(const json& configuration, const std::string& where) {
  if (!configuration.is_null()) add(configuration, where);
  if (std::none_of(stages_.begin(), stages_.end(), [](const Stage& stage) { return stage.byte_alphabet; })) {
    fail(ExitCode::input, "{}: the pre-tokenizer has no ByteLevel; only byte-level tokenizers are supported", where);
  }
}

void PreTokenizer::add(const json& configuration, const std::string& where) {
  const std::string type = configuration.at("type");
  Stage stage;
  if (type == "Sequence") {
    for (const json& part : configuration.at("pretokenizers")) add(part, where);
    return;
  } else if (type == "ByteLevel") {
    stage.prefix_space = configuration.value("add_prefix_space", true);
    if (configuration.value("use_regex", true)) stage.cut.emplace(gpt2_pattern, where);
    stage.byte_alphabet = true;
  } else if (type == "Split") {
    stage.cut.emplace(split_pattern(configuration, where), where);
  } else if (type == "Digits") {
    stage.cut.emplace(configuration.value("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)", where);
  } else if (type == "Punctuation") {
    stage.cut.emplace(punctuation(configuration, where), where);
  } else {
    fail(ExitCode::input, "{}: pre-tokenizer {} is not supported", where, type);
  }
  stages_.push_back(std::move(stage));
}

std::vector<std::string> PreTokenizer::split(std::string_view text) const {
  if (text.empty()) return {};
  std::vector<std::string> pieces{std::string(text)};
  for (const Stage& stage : stages_) {
    std::vector<std::string> next;
    for (std::string& piece : pieces) {
      if (stage.prefix_space && piece.front() != ' ') piece.insert(piece.begin(), ' ');
      const auto keep = [&](std::string_view part) {
        next.push_back(stage.byte_alphabet ? to_byte_alphabet(part) : std::string(part));
      };
      if (!stage.cut) {
        keep(piece);
        continue;
      }
      for (const RegularExpression::Piece& part : stage.cut->split(piece)) keep(part.text);
    }
    pieces = std::move(next);
  }
  return pieces;
}

}  // namespace mambac
