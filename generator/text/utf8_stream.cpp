#include "generator/text/utf8_stream.h"

#include <algorithm>
#include <cstddef>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

// Length of the character that `first` begins; 0 if no character does.
size_t character_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// Whether `byte` may stand at `position` of a character that begins with `first`. The second byte carries the limits
// that keep out overlong forms, surrogates and everything above U+10FFFF.
bool may_continue(unsigned char first, size_t position, unsigned char byte) {
  unsigned char lowest = 0x80, highest = 0xBF;
  if (position == 1) {
    if (first == 0xE0) lowest = 0xA0;
    if (first == 0xED) highest = 0x9F;
    if (first == 0xF0) lowest = 0x90;
    if (first == 0xF4) highest = 0x8F;
  }
  return byte >= lowest && byte <= highest;
}

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  std::string complete;
  complete.reserve(bytes.size());
  for (const char value : bytes) {
    const auto byte = static_cast<unsigned char>(value);
    if (!incomplete_.empty() && !may_continue(static_cast<unsigned char>(incomplete_[0]), incomplete_.size(), byte)) {
      complete += replacement;
      incomplete_.clear();
    }
    if (incomplete_.empty() && character_length(byte) == 0) {
      complete += replacement;
      continue;
    }
    incomplete_ += value;
    if (incomplete_.size() == character_length(static_cast<unsigned char>(incomplete_[0]))) {
      complete += incomplete_;
      incomplete_.clear();
    }
  }
  return complete;
}

std::string Utf8Stream::finish() {
  const std::string rest(incomplete_.empty() ? std::string_view() : replacement);
  incomplete_.clear();
  return rest;
}

std::string valid_utf8(std::string_view bytes) {
  Utf8Stream stream;
  std::string text = stream.push(bytes);
  return text + stream.finish();
}

void check_utf8(std::string_view text, const std::string& where) {
  const std::string valid = valid_utf8(text);
  if (valid == text) return;
  const size_t position = std::ranges::mismatch(text, valid).in1 - text.begin();
  fail(ExitCode::input, "{} is not UTF-8: byte {} (from 0) is 0x{:02x}; convert it to UTF-8 first", where, position,
       static_cast<unsigned char>(text[position]));
}

}  // namespace mambac
