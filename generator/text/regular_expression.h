// The regular expressions of tokenizer.json, which are Oniguruma's, matched by PCRE2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace mambac {

class RegularExpression {
 public:
  // Throws Error (ExitCode::input) that begins with `where` if the pattern is wrong, or means something else to PCRE2.
  RegularExpression(std::string_view pattern, std::string_view where);

  struct Piece {
    std::string_view text;
    bool match;
  };

  // Cuts `text` (valid UTF-8) into its matches and what lies between them, in order; no piece is empty.
  std::vector<Piece> split(std::string_view text) const;

  // A pattern that matches `text` and nothing else.
  static std::string quoted(std::string_view text);

 private:
  std::shared_ptr<const pcre2_real_code_8> code_;
};

}  // namespace mambac
