#include "generator/text/byte_pair_encoding.h"

#include <queue>
#include <utility>

#include "generator/error.h"
#include "generator/text/byte_alphabet.h"

namespace mambac {
namespace {

using nlohmann::json;

uint64_t key_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// One rule: "a b" or ["a", "b"].
std::pair<std::string, std::string> parse_merge(const json& merge, const std::string& where) {
  if (merge.is_array() && merge.size() == 2) return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const std::string text = merge;
    const size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  fail(ExitCode::input, "{}: merge {} is neither \"a b\" nor [\"a\", \"b\"]", where, merge.dump());
}

void check_supported(const json& configuration, const std::string& where) {
  const std::string type = configuration.value("type", "BPE");
  if (type != "BPE") fail(ExitCode::input, "{}: model {} is not supported, only byte-level BPE", where, type);
  for (const char* field : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const auto found = configuration.find(field);
    if (found != configuration.end() && !found->is_null() && *found != "" && *found != 0.0) {
      fail(ExitCode::input, "{}: model.{} is not supported", where, field);
    }
  }
}

}  // namespace

BytePairEncoding::BytePairEncoding(const json& configuration, const std::string& where) : where_(where) {
  check_supported(configuration, where);
  ignore_merges_ = configuration.value("ignore_merges", false);
  for (const auto& [symbol, token] : configuration.at("vocab").items()) {
    const int64_t value = token.get<int64_t>();
    if (value < 0 || value >= INT32_MAX)
      fail(ExitCode::input, "{}: token \"{}\" has the number {}", where, symbol, value);
    vocabulary_.emplace(symbol, static_cast<int32_t>(value));
  }
  const auto token_of = [&](const std::string& symbol) {
    const auto found = vocabulary_.find(symbol);
    if (found == vocabulary_.end()) {
      fail(ExitCode::input, "{}: a merge uses or makes \"{}\", which is not in the vocabulary", where, symbol);
    }
    return found->second;
  };
  int32_t rank = 0;
  for (const json& merge : configuration.at("merges")) {
    const auto [left, right] = parse_merge(merge, where);
    merges_[key_of(token_of(left), token_of(right))] = {rank++, token_of(left + right)};
  }
}

const BytePairEncoding::Merge* BytePairEncoding::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_.find(key_of(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairEncoding::encode(const std::string& piece, std::vector<int32_t>& tokens) const {
  if (ignore_merges_) {
    const auto whole = vocabulary_.find(piece);
    if (whole != vocabulary_.end()) {
      tokens.push_back(whole->second);
      return;
    }
  }

  // A doubly linked list of symbols inside a vector: a merge joins the right one to the left one.
  struct Symbol {
    int32_t token;  // -1: joined to the one before
    int previous, next;
  };
  std::vector<Symbol> symbols;
  for (size_t i = 0; i < piece.size();) {
    const size_t bytes = static_cast<unsigned char>(piece[i]) < 0x80 ? 1 : 2;  // of the byte alphabet's character
    const std::string character = piece.substr(i, bytes);
    const auto found = vocabulary_.find(character);
    if (found == vocabulary_.end()) {
      fail(ExitCode::input, "{}: the vocabulary has no token for the byte {:#04x}", where_,
           static_cast<unsigned char>(from_byte_alphabet(character).value_or("?")[0]));
    }
    const int position = static_cast<int>(symbols.size());
    symbols.push_back({found->second, position - 1, position + 1});
    i += bytes;
  }
  const int end = static_cast<int>(symbols.size());
  if (end > 0) symbols.back().next = end;

  struct Candidate {
    int32_t rank;
    int left;  // position of the left symbol
    int32_t left_token, right_token;
    bool operator<(const Candidate& other) const {  // the queue's top: lowest rank, then leftmost
      return std::pair(rank, left) > std::pair(other.rank, other.left);
    }
  };
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](int left) {
    if (left < 0 || symbols[left].next == end) return;
    const int32_t right_token = symbols[symbols[left].next].token;
    const Merge* merge = find_merge(symbols[left].token, right_token);
    if (merge != nullptr) candidates.push({merge->rank, left, symbols[left].token, right_token});
  };
  for (int i = 0; i < end; ++i) consider(i);

  while (!candidates.empty()) {
    const Candidate candidate = candidates.top();
    candidates.pop();
    Symbol& left = symbols[candidate.left];
    // A merge beside this one may have changed either symbol since.
    if (left.token != candidate.left_token || left.next == end) continue;
    Symbol& right = symbols[left.next];
    if (right.token != candidate.right_token) continue;
    left.token = find_merge(left.token, right.token)->token;
    right.token = -1;
    left.next = right.next;
    if (left.next != end) symbols[left.next].previous = candidate.left;
    consider(left.previous);
    consider(candidate.left);
  }
  for (int i = 0; i < end; i = symbols[i].next) tokens.push_back(symbols[i].token);
}

}  // namespace mambac
