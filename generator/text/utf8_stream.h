// Bytes in, valid UTF-8 out: tokens end in the middle of characters, a terminal must not see that.
#pragma once

#include <string>
#include <string_view>

namespace mambac {

class Utf8Stream {
 public:
  // What has become complete: always valid UTF-8. The beginning of a character stays here until the rest arrives. Each
  // maximal run of bytes that can never become a character gives one U+FFFD (the practice that Unicode recommends;
  // Python and Rust do the same).
  std::string push(std::string_view bytes);

  // The end: an incomplete character gives one U+FFFD.
  std::string finish();

 private:
  std::string incomplete_;  // the valid beginning of a character, at most 3 bytes
};

// Throws Error (ExitCode::input) that names the first byte of `text` that is not UTF-8; `where` says whose text it is.
void check_utf8(std::string_view text, const std::string& where);

// `bytes` with everything that is not valid UTF-8 replaced.
std::string valid_utf8(std::string_view bytes);

}  // namespace mambac
