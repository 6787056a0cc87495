#include "generator/text/regular_expression.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string>

#include "generator/error.h"

namespace mambac {
namespace {

std::string message_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

// PCRE2's \s has U+180E, which Unicode took out of White_Space long ago; Oniguruma follows Unicode. What differs in a
// less simple way is refused rather than matched differently.
std::string for_pcre2(std::string_view pattern, std::string_view where) {
  if (pattern.find("&&") != std::string_view::npos) {
    fail(ExitCode::input, "{}: the regular expression \"{}\" intersects classes with &&, which is not supported", where,
         pattern);
  }
  std::string result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      result += pattern[i];
      continue;
    }
    const char escaped = pattern[++i];
    if (std::string_view("wWbBhHRXKGQE").find(escaped) != std::string_view::npos) {
      fail(ExitCode::input, "{}: the regular expression \"{}\" uses \\{}, which is not supported", where, pattern,
           escaped);
    }
    if (escaped == 's') {
      result += "\\p{White_Space}";
    } else if (escaped == 'S') {
      result += "\\P{White_Space}";
    } else {
      result += {'\\', escaped};
    }
  }
  return result;
}

}  // namespace

RegularExpression::RegularExpression(std::string_view pattern, std::string_view where) {
  const std::string translated = for_pcre2(pattern, where);
  int error = 0;
  PCRE2_SIZE position = 0;
  // Oniguruma's ^ and $ match at every line.
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error, &position, nullptr);
  if (code == nullptr) {
    fail(ExitCode::input, "{}: the regular expression \"{}\" is wrong: {}", where, pattern, message_of(error));
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // only speed: where it fails, matching interprets
  code_ = std::shared_ptr<const pcre2_code>(
      code, [](const pcre2_code* owned) { pcre2_code_free(const_cast<pcre2_code*>(owned)); });
}

std::vector<RegularExpression::Piece> RegularExpression::split(std::string_view text) const {
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> match(
      pcre2_match_data_create_from_pattern(code_.get(), nullptr), pcre2_match_data_free);
  std::vector<Piece> pieces;
  size_t cut = 0;  // everything before it is in `pieces`
  size_t from = 0;
  while (from < text.size()) {
    // The text is known to be valid: checking it again at every match would take quadratic time.
    const int count = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                  PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) fail(ExitCode::input, "a regular expression of the tokenizer gave up: {}", message_of(count));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    const size_t begin = bounds[0], end = bounds[1];
    if (begin > cut) pieces.push_back({text.substr(cut, begin - cut), false});
    if (end > begin) pieces.push_back({text.substr(begin, end - begin), true});
    cut = from = end;
    if (end == begin) {  // an empty match cuts; the search goes on behind the next character
      ++from;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
    }
  }
  if (cut < text.size()) pieces.push_back({text.substr(cut), false});
  return pieces;
}

std::string RegularExpression::quoted(std::string_view text) {
  std::string pattern;
  for (const char character : text) {
    if (std::string_view("\\^$.|?*+()[]{}#-&").find(character) != std::string_view::npos) pattern += '\\';
    pattern += character;
  }
  return pattern;
}

}  // namespace mambac
