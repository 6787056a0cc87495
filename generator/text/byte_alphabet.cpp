#include "generator/text/byte_alphabet.h"

#include <array>

namespace mambac {
namespace {

constexpr int alphabet_end = 0x100 + 68;  // 68 bytes are not printable in Latin-1

bool printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

// Printable bytes of Latin-1 stand for themselves, the others in order for U+0100 and what follows.
std::array<int, 256> make_characters() {
  std::array<int, 256> characters{};
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) characters[byte] = printable(byte) ? byte : next++;
  return characters;
}

std::array<int, alphabet_end> make_bytes() {
  std::array<int, alphabet_end> bytes;
  bytes.fill(-1);
  const std::array<int, 256> characters = make_characters();
  for (int byte = 0; byte < 256; ++byte) bytes[characters[byte]] = byte;
  return bytes;
}

}  // namespace

std::string to_byte_alphabet(std::string_view bytes) {
  static const std::array<int, 256> characters = make_characters();
  std::string text;
  text.reserve(bytes.size());
  for (const char byte : bytes) {
    const int character = characters[static_cast<unsigned char>(byte)];
    if (character < 0x80) {
      text += static_cast<char>(character);
    } else {
      text += static_cast<char>(0xC0 | character >> 6);
      text += static_cast<char>(0x80 | (character & 0x3F));
    }
  }
  return text;
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  static const std::array<int, alphabet_end> alphabet = make_bytes();
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    int character = static_cast<unsigned char>(text[i]);
    if (character >= 0x80) {
      // All characters of the alphabet beyond ASCII take two bytes.
      if (character < 0xC2 || character > 0xDF || i + 1 == text.size()) return std::nullopt;
      character = (character & 0x1F) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F);
    }
    if (character >= alphabet_end || alphabet[character] < 0) return std::nullopt;
    bytes += static_cast<char>(alphabet[character]);
  }
  return bytes;
}

}  // namespace mambac
