#include "generator/specialize/specialize_comments.h"

#include <regex>
#include <sstream>
#include <utility>

namespace mambac {
namespace {

using Parameters = std::map<std::string, std::string>;

constexpr size_t most_columns = 120;

// `text` with every match replaced by what `replacement` makes of it; a match of which it makes nothing stays.
template <typename Replacement>
std::string replaced(const std::string& text, const std::regex& pattern, Replacement replacement) {
  std::string result;
  auto rest = text.begin();
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
    result.append(rest, text.begin() + match->position());
    result += replacement(*match);
    rest = text.begin() + match->position() + match->length();
  }
  return result.append(rest, text.end());
}

// A condition on a parameter that is none of the function's stays as it was written.
std::string said(const std::smatch& match, const Parameters& parameters) {
  const auto parameter = parameters.find(match[1]);
  if (parameter == parameters.end()) return match.str();
  const bool holds = match[2].matched ? std::stoll(parameter->second) > std::stoll(match[2])
                                      : parameter->second != "false" && parameter->second != "0";
  return holds ? match[3] : match[4];
}

std::string value(const std::smatch& match, const Parameters& parameters) {
  const auto parameter = parameters.find(match[1]);
  if (parameter == parameters.end()) return match.str();
  if (!match[2].matched) return parameter->second;
  return std::to_string(std::stoll(parameter->second) - std::stoll(match[2]));
}

void add_laid_out(const std::string& sentences, std::string& lines) {
  std::istringstream words(sentences);
  std::string line, word;
  while (words >> word) {
    if (!line.empty() && line.size() + 1 + word.size() > most_columns) {
      lines += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "// " : " ") + word;
  }
  if (!line.empty()) lines += line + "\n";
}

}  // namespace

std::string bound_comment(std::string text, const Parameters& parameters) {
  static const std::regex condition(R"(\{(\w+)(?: > (\d+))? \? ([^{}]*?)(?: : ([^{}]*))?\})");
  static const std::regex quoted(R"(`(\w+)(?: - (\d+))?`)");
  text = replaced(text, condition, [&](const std::smatch& match) { return said(match, parameters); });
  return replaced(text, quoted, [&](const std::smatch& match) { return value(match, parameters); });
}

std::string bound_comment_lines(const std::string& lines, const Parameters& parameters) {
  std::istringstream text(lines);
  std::string line, sentences, result;
  while (std::getline(text, line)) {
    const bool flows = line.size() > 3 && line.starts_with("// ") && line[3] != ' ';
    if (flows) {
      sentences += line.substr(2);
      continue;
    }
    add_laid_out(bound_comment(std::exchange(sentences, ""), parameters), result);
    result += bound_comment(line, parameters) + "\n";
  }
  add_laid_out(bound_comment(sentences, parameters), result);
  return result;
}

}  // namespace mambac
