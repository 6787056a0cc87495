// The part of a tokenizer that cuts text into the pieces inside which bytes are merged: `pre_tokenizer` of
// tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generator/text/regular_expression.h"

namespace mambac {

// Supported: ByteLevel (GPT-2's and GPT-NeoX's), Split (Isolated), Digits, Punctuation (Isolated, Contiguous: Falcon's)
// and a Sequence of these. Each is at most a space in front, then a cut, then the change to the byte alphabet.
class PreTokenizer {
 public:
  // Throws Error (ExitCode::input) that begins with `where` and names what is not supported, or if nothing in the
  // sequence changes text to the byte alphabet.
  PreTokenizer(const nlohmann::json& configuration, const std::string& where);

  // Pieces of `text` (valid UTF-8), written in the byte alphabet.
  std::vector<std::string> split(std::string_view text) const;

 private:
  struct Stage {
    bool prefix_space = false;             // a space in front of a piece that has none
    std::optional<RegularExpression> cut;  // matches and what lies between them become pieces
    bool byte_alphabet = false;
  };
  void add(const nlohmann::json& configuration, const std::string& where);

  std::vector<Stage> stages_;
};

}  // namespace mambac
