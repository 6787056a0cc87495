#include "generator/text/tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "generator/configuration/json_text.h"
#include "generator/error.h"
#include "generator/file.h"
#include "generator/text/byte_alphabet.h"
#include "generator/text/utf8_stream.h"

namespace mambac {
namespace {

using nlohmann::json;

constexpr int64_t most_tokens = 1 << 24;  // above, the number of a token is a mistake

json read_object(const std::filesystem::path& path) {
  json object = json::parse(read_text(path), nullptr, false);
  if (!object.is_object()) fail(ExitCode::input, "{} is not a JSON object", path.string());
  return object;
}

// A field that may be missing or null.
json field(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? json() : *found;
}

// Wrong types and missing fields inside the file.
template <typename Action>
auto with_file_named(const std::string& where, Action&& action) {
  try {
    return action();
  } catch (const json::exception& error) {
    fail(ExitCode::input, "{}: {}", where, error.what());
  }
}

bool is_nfc(const json& normalizer, const std::string& where) {
  if (normalizer.is_null()) return false;
  const std::string type = normalizer.at("type");
  if (type != "NFC") fail(ExitCode::input, "{}: normalizer {} is not supported, only NFC", where, type);
  return true;
}

void check_decoder(const json& decoder, const std::string& where) {
  const std::string type = decoder.is_null() ? "null" : decoder.at("type").get<std::string>();
  if (type != "ByteLevel") fail(ExitCode::input, "{}: decoder {} is not supported, only ByteLevel", where, type);
}

// A token as tokenizer_config.json writes it: its text, or an object that holds it.
std::optional<std::string> token_text(const json& token) {
  if (token.is_null()) return std::nullopt;
  return token.is_object() ? token.at("content").get<std::string>() : token.get<std::string>();
}

}  // namespace

Tokenizer Tokenizer::read(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  if (!std::filesystem::exists(path)) {
    fail(ExitCode::input, "{} has no tokenizer.json: copy the model's into it", folder.string());
  }
  Tokenizer tokenizer(read_object(path), path.string());
  const std::filesystem::path text_settings = folder / "tokenizer_config.json", model_settings = folder / "config.json";
  if (std::filesystem::exists(model_settings)) {
    tokenizer.read_config(parse_json(read_text(model_settings), model_settings.string()));
  }
  if (std::filesystem::exists(text_settings)) {
    with_file_named(text_settings.string(),
                    [&] { tokenizer.read_tokenizer_config(read_object(text_settings), text_settings.string()); });
  }
  return tokenizer;
}

Tokenizer::Tokenizer(const json& configuration, const std::string& where)
    : where_(where),
      composes_(with_file_named(where, [&] { return is_nfc(field(configuration, "normalizer"), where); })),
      pre_tokenizer_(
          with_file_named(where, [&] { return PreTokenizer(field(configuration, "pre_tokenizer"), where); })),
      model_(with_file_named(where, [&] { return BytePairEncoding(configuration.at("model"), where); })) {
  with_file_named(where, [&] {
    check_decoder(field(configuration, "decoder"), where);
    for (const auto& [symbol, token] : model_.vocabulary()) {
      if (token >= most_tokens) fail(ExitCode::input, "{}: token \"{}\" has the number {}", where, symbol, token);
      if (token >= size()) tokens_.resize(token + 1);
      tokens_[token].bytes = from_byte_alphabet(symbol).value_or(symbol);
    }
    read_added_tokens(field(configuration, "added_tokens"));
    read_post_processor(field(configuration, "post_processor"));
  });
}

void Tokenizer::read_added_tokens(const json& list) {
  for (const json& entry : list) {
    const std::string content = entry.at("content");
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      if (entry.value(flag, false)) {
        fail(ExitCode::input, "{}: {} of the added token \"{}\" is not supported", where_, flag, content);
      }
    }
    const int64_t number = entry.at("id");
    if (number < 0 || number >= most_tokens || content.empty()) {
      fail(ExitCode::input, "{}: added token \"{}\" has the number {}", where_, content, number);
    }
    const auto token = static_cast<int32_t>(number);
    if (token >= size()) tokens_.resize(token + 1);
    tokens_[token] = {content, entry.value("special", false)};
    if (entry.value("normalized", true)) {
      added_after_.tokens[normalize(content)] = token;
    } else {
      added_before_.tokens[content] = token;
    }
  }
  for (AddedTokens* added : {&added_before_, &added_after_}) {
    if (added->tokens.empty()) continue;
    // An alternation takes the first that matches: with the longest in front, that is the longest.
    std::vector<std::string> contents;
    for (const auto& [content, token] : added->tokens) contents.push_back(content);
    std::sort(contents.begin(), contents.end(), [](const std::string& left, const std::string& right) {
      return std::pair(right.size(), left) < std::pair(left.size(), right);
    });
    std::string pattern;
    for (const std::string& content : contents) {
      pattern += (pattern.empty() ? "" : "|") + RegularExpression::quoted(content);
    }
    added->any.emplace(pattern, where_);
  }
}

// Templates put special tokens around a text. One in front is a begin token; anything else is not supported.
void Tokenizer::read_post_processor(const json& processor) {
  if (processor.is_null()) return;
  const std::string type = processor.at("type");
  if (type == "Sequence") {
    for (const json& part : processor.at("processors")) read_post_processor(part);
  } else if (type == "TemplateProcessing") {
    const json& pieces = processor.at("single");
    if (!pieces.empty() && pieces.back().contains("Sequence")) {
      if (pieces.size() == 1) return;
      if (pieces.size() == 2 && pieces[0].contains("SpecialToken")) {
        begin_token_ = find(pieces[0]["SpecialToken"].at("id"));
        prepends_begin_token_ = begin_token_.has_value();
        if (prepends_begin_token_) return;
      }
    }
    fail(ExitCode::input, "{}: post-processor TemplateProcessing with {} is not supported", where_, pieces.dump());
  } else if (type != "ByteLevel") {  // that one changes offsets only
    fail(ExitCode::input, "{}: post-processor {} is not supported", where_, type);
  }
}

void Tokenizer::read_tokenizer_config(const json& configuration, const std::string& where) {
  const auto token_of = [&](const char* name) -> std::optional<int32_t> {
    const std::optional<std::string> content = token_text(field(configuration, name));
    if (!content) return std::nullopt;
    const std::optional<int32_t> token = find(*content);
    if (!token) fail(ExitCode::input, "{}: {} \"{}\" is not a token of {}", where, name, *content, where_);
    return token;
  };
  if (const auto begin = token_of("bos_token")) begin_token_ = begin;
  if (const auto end = token_of("eos_token")) end_tokens_.push_back(*end);
  const json prepends = field(configuration, "add_bos_token");
  if (!prepends.is_null()) prepends_begin_token_ = prepends.get<bool>();
  if (prepends_begin_token_ && !begin_token_) {
    fail(ExitCode::input, "{}: add_bos_token is true, but no bos_token is named", where);
  }
}

void Tokenizer::read_config(const json& configuration) {
  if (!configuration.is_object()) return;
  const auto valid = [&](const json& token) { return token.is_number_integer() && token >= 0 && token < size(); };
  const json begin = field(configuration, "bos_token_id"), end = field(configuration, "eos_token_id");
  if (valid(begin) && !begin_token_) begin_token_ = begin.get<int32_t>();
  for (const json& token : end.is_array() ? end : json::array({end})) {
    if (valid(token)) end_tokens_.push_back(token.get<int32_t>());
  }
}

std::optional<int32_t> Tokenizer::find(const std::string& content) const {
  for (const AddedTokens* added : {&added_before_, &added_after_}) {
    const auto found = added->tokens.find(content);
    if (found != added->tokens.end()) return found->second;
  }
  const auto found = model_.vocabulary().find(content);
  if (found == model_.vocabulary().end()) return std::nullopt;
  return found->second;
}

std::string Tokenizer::normalize(std::string_view text) const {
  if (!composes_) return std::string(text);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t bytes =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(composed, std::free);
  if (bytes < 0) fail(ExitCode::input, "text cannot be normalized: {}", utf8proc_errmsg(bytes));
  return {reinterpret_cast<const char*>(composed), static_cast<size_t>(bytes)};
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> tokens;
  // Added tokens become themselves, `rest` sees what lies between them.
  const auto cut = [&tokens](const AddedTokens& added, std::string_view piece, const auto& rest) {
    if (!added.any) return rest(piece);
    for (const RegularExpression::Piece& part : added.any->split(piece)) {
      if (part.match) {
        tokens.push_back(added.tokens.at(std::string(part.text)));
      } else {
        rest(part.text);
      }
    }
  };
  cut(added_before_, valid_utf8(text), [&](std::string_view raw) {
    cut(added_after_, normalize(raw), [&](std::string_view normalized) {
      for (const std::string& piece : pre_tokenizer_.split(normalized)) model_.encode(piece, tokens);
    });
  });
  return tokens;
}

std::string_view Tokenizer::bytes(int32_t token) const {
  return token >= 0 && token < size() ? std::string_view(tokens_[token].bytes) : std::string_view();
}

bool Tokenizer::special(int32_t token) const { return token >= 0 && token < size() && tokens_[token].special; }

}  // namespace mambac
