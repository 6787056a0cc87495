#include "generator/text/utf8_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace mambac {
namespace {

TEST(Utf8Stream, HoldsACharacterBackUntilItIsComplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, ReplacesWhatCannotBecomeACharacterAtOnce) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\x80"), "\uFFFD");
  EXPECT_EQ(stream.push("\xE2\x82"), "");
  EXPECT_EQ(stream.push("("), "\uFFFD(");
  EXPECT_EQ(stream.push("\xC3"), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

// Table 3-8 to 3-11 of the Unicode Standard 15: one U+FFFD for each maximal part of a character.
TEST(Utf8Stream, ReplacesMaximalParts) {
  EXPECT_EQ(valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(valid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42");
  EXPECT_EQ(valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
}

// U+0000 to U+10FFFF: exactly the characters stay, surrogates do not.
TEST(Utf8Stream, KeepsEveryCharacter) {
  int kept = 0;
  for (uint32_t character = 0; character < 0x110000; ++character) {
    std::string bytes;
    if (character < 0x80) {
      bytes = {static_cast<char>(character)};
    } else if (character < 0x800) {
      bytes = {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
    } else if (character < 0x10000) {
      bytes = {static_cast<char>(0xE0 | character >> 12), static_cast<char>(0x80 | (character >> 6 & 0x3F)),
               static_cast<char>(0x80 | (character & 0x3F))};
    } else {
      bytes = {static_cast<char>(0xF0 | character >> 18), static_cast<char>(0x80 | (character >> 12 & 0x3F)),
               static_cast<char>(0x80 | (character >> 6 & 0x3F)), static_cast<char>(0x80 | (character & 0x3F))};
    }
    kept += valid_utf8(bytes) == bytes;
  }
  EXPECT_EQ(kept, 0x110000 - 0x800);
}

TEST(Utf8Stream, GivesTheSameForEveryCut) {
  const std::string bytes = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xE2\x82\x80\xFFz\xF0\x9F\x98";
  const std::string whole = valid_utf8(bytes);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (size_t second = first; second <= bytes.size(); ++second) {
      Utf8Stream stream;
      std::string text = stream.push(bytes.substr(0, first));
      text += stream.push(bytes.substr(first, second - first));
      text += stream.push(bytes.substr(second));
      EXPECT_EQ(text + stream.finish(), whole);
    }
  }
}

}  // namespace
}  // namespace mambac
