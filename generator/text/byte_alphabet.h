// GPT-2's alphabet: every byte written as one printable character, so that a vocabulary of byte strings is JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mambac {

// "café" becomes "cafÃ©", " a" becomes "Ġa".
std::string to_byte_alphabet(std::string_view bytes);

// The bytes again; nothing if `text` has a character outside the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace mambac
