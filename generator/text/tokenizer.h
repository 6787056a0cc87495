// Text to tokens and back, as Hugging Face's `tokenizers` does it: byte-level BPE from a folder's tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "generator/text/byte_pair_encoding.h"
#include "generator/text/pre_tokenizer.h"
#include "generator/text/regular_expression.h"

namespace mambac {

class Tokenizer {
 public:
  // tokenizer.json, and if there are any tokenizer_config.json and config.json, which name the tokens that begin and
  // end a text. Throws Error (ExitCode::input) that names file and field: missing, wrong, or not supported.
  static Tokenizer read(const std::filesystem::path& folder);

  // From the contents of tokenizer.json; `where` names it in messages.
  Tokenizer(const nlohmann::json& configuration, const std::string& where);

  // Tokens of `text`, without a begin token. Added tokens ("<|endoftext|>") are found in it. Bytes that are not valid
  // UTF-8 become U+FFFD first.
  std::vector<int32_t> encode(std::string_view text) const;

  // What a token stands for, possibly a part of a character; nothing for a number that is no token.
  std::string_view bytes(int32_t token) const;

  bool special(int32_t token) const;                                     // not part of the text: begin, end, padding
  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }  // all tokens are below
  std::optional<int32_t> begin_token() const { return begin_token_; }
  bool prepends_begin_token() const { return prepends_begin_token_; }  // `add_bos_token`
  const std::vector<int32_t>& end_tokens() const { return end_tokens_; }

 private:
  struct Token {
    std::string bytes;
    bool special = false;
  };
  // Added tokens that are looked for together: before the text is normalized, or after.
  struct AddedTokens {
    std::unordered_map<std::string, int32_t> tokens;
    std::optional<RegularExpression> any;  // matches the longest one; nothing if there are none
  };
  void read_added_tokens(const nlohmann::json& list);
  void read_post_processor(const nlohmann::json& processor);
  void read_tokenizer_config(const nlohmann::json& configuration, const std::string& where);
  void read_config(const nlohmann::json& configuration);
  std::optional<int32_t> find(const std::string& content) const;
  std::string normalize(std::string_view text) const;

  std::string where_;
  bool composes_ = false;  // the normalizer is NFC
  PreTokenizer pre_tokenizer_;
  BytePairEncoding model_;
  AddedTokens added_before_, added_after_;
  std::vector<Token> tokens_;  // by number
  std::optional<int32_t> begin_token_;
  bool prepends_begin_token_ = false;
  std::vector<int32_t> end_tokens_;
};

}  // namespace mambac
