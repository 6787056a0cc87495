// Byte-pair encoding: `model` of tokenizer.json. Symbols are strings of the byte alphabet.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mambac {

class BytePairEncoding {
 public:
  // Throws Error (ExitCode::input) that begins with `where` and names what is wrong or not supported.
  BytePairEncoding(const nlohmann::json& configuration, const std::string& where);

  // Appends the tokens of one piece. Of all neighbors that may merge, those of the earliest rule do, from the left.
  void encode(const std::string& piece, std::vector<int32_t>& tokens) const;

  const std::unordered_map<std::string, int32_t>& vocabulary() const { return vocabulary_; }

 private:
  struct Merge {
    int32_t rank;
    int32_t token;
  };
  const Merge* find_merge(int32_t left, int32_t right) const;

  std::string where_;
  std::unordered_map<std::string, int32_t> vocabulary_;
  std::unordered_map<uint64_t, Merge> merges_;  // by left << 32 | right
  bool ignore_merges_ = false;                  // a piece that is a token is that token
};

}  // namespace mambac
