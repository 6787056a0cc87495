#include "generator/configuration/json_text.h"

#include <cctype>
#include <set>
#include <vector>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr int deepest_nesting = 64;
constexpr size_t longest_reason = 300;  // characters of the parser's message that are worth showing

// Replaces bare Infinity, -Infinity and NaN outside of strings. Adds no lines, so that the parser's line numbers hold.
std::string with_named_literals(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    if (in_string) {
      const size_t length = text[i] == '\\' && i + 1 < text.size() ? 2 : 1;
      in_string = text[i] != '"';
      result.append(text, i, length);
      i += length;
      continue;
    }
    std::string_view literal;
    for (const std::string_view candidate : {"-Infinity", "Infinity", "NaN"}) {
      if (text.substr(i).starts_with(candidate)) {
        literal = candidate;
        break;
      }
    }
    if (literal.empty()) {
      in_string = text[i] == '"';
      result += text[i++];
    } else {
      result += fmt::format(R"({{"__float__":"{}"}})", literal);
      i += literal.size();
    }
  }
  return result;
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without what is in brackets.
std::string reason(const nlohmann::json::exception& error) {
  const std::string_view message = error.what();
  const size_t bracket = message.find("] ");
  return std::string(message.substr(bracket == message.npos ? 0 : bracket + 2, longest_reason));
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> fields;  // of the objects that are open
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > deepest_nesting) fail(ExitCode::input, "{}: nested deeper than {} levels", where, deepest_nesting);
    if (event == Event::object_start) fields.emplace_back();
    if (event == Event::object_end) fields.pop_back();
    if (event == Event::key && !fields.back().insert(value.get<std::string>()).second) {
      fail(ExitCode::input, "{}: field \"{}\" is given twice", where, value.get<std::string>());
    }
    return true;
  };
  try {
    return nlohmann::json::parse(with_named_literals(text), check);
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::input, "{}: not JSON: {}", where, reason(error));
  }
}

}  // namespace mambac
