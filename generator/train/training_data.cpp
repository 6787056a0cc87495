#include "generator/train/training_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "generator/error.h"
#include "generator/file.h"
#include "generator/plan/plan.h"

namespace mambac {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool parse_number(std::string_view text, float& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

bool holds_no_number(const std::vector<std::string_view>& fields) {
  float value = 0;
  return std::none_of(fields.begin(), fields.end(),
                      [&](std::string_view field) { return parse_number(trimmed(field), value); });
}

}  // namespace

TrainingData TrainingData::split_off(int64_t count) {
  TrainingData last;
  last.width = width;
  if (width == 0) {
    last.tokens.assign(tokens.end() - count, tokens.end());
    tokens.resize(tokens.size() - count);
  } else {
    last.values.assign(values.end() - count * width, values.end());
    values.resize(values.size() - count * width);
  }
  return last;
}

std::string TrainingData::hash() const {
  std::string bytes = fmt::format("{} ", width);
  bytes.append(reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(int32_t));
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return sha256(bytes);
}

Windows windows_of(const TrainingData& data, std::span<const int64_t> firsts, int64_t tokens) {
  Windows windows;
  for (const int64_t first : firsts) {
    if (data.width == 0 && first >= 0) {
      const auto from = data.tokens.begin() + first;
      windows.input_tokens.insert(windows.input_tokens.end(), from, from + tokens);
      windows.target_tokens.insert(windows.target_tokens.end(), from + 1, from + 1 + tokens);
    } else if (data.width == 0) {
      windows.input_tokens.resize(windows.input_tokens.size() + tokens, 0);
      windows.target_tokens.resize(windows.target_tokens.size() + tokens, ignored_target);
    } else {
      const auto from = data.values.begin() + std::max<int64_t>(first, 0) * data.width;
      windows.input_values.insert(windows.input_values.end(), from, from + tokens * data.width);
      windows.target_values.insert(windows.target_values.end(), from + data.width, from + (1 + tokens) * data.width);
    }
  }
  return windows;
}

TrainingData read_text_data(const std::vector<std::string>& files,
                            const std::function<std::vector<int32_t>(const std::string&)>& encode, int64_t vocabulary) {
  TrainingData data;
  for (const std::string& file : files) {
    const std::vector<int32_t> tokens = encode(read_text(file));
    if (tokens.empty()) fail(ExitCode::input, "{}: holds no text", file);
    const auto outside =
        std::find_if(tokens.begin(), tokens.end(), [&](int32_t token) { return token < 0 || token >= vocabulary; });
    if (outside != tokens.end()) {
      fail(ExitCode::input,
           "{}: gives token {}, but the model's vocabulary ends at {}: the tokenizer is another model's", file,
           *outside, vocabulary);
    }
    data.tokens.insert(data.tokens.end(), tokens.begin(), tokens.end());
  }
  return data;
}

TrainingData read_series(const std::string& file, int64_t width) {
  TrainingData data;
  data.width = width;
  const std::string text = read_text(file);
  int64_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    const std::string_view content = trimmed(line);
    if (content.empty() && line.data() + line.size() == text.data() + text.size()) break;  // behind the last newline
    const std::vector<std::string_view> fields = split(content, ',');
    if (number == 1 && holds_no_number(fields)) continue;  // the columns' names
    if (static_cast<int64_t>(fields.size()) != width) {
      fail(ExitCode::input, "{}:{}: has {} column{}, the model's input has {}", file, number, fields.size(),
           fields.size() == 1 ? "" : "s", width);
    }
    for (size_t column = 0; column < fields.size(); ++column) {
      float value = 0;
      const std::string_view field = trimmed(fields[column]);
      if (!parse_number(field, value)) {
        fail(ExitCode::input, "{}:{}: column {} is {}, not a finite number", file, number, column + 1,
             field.empty() ? "empty" : fmt::format("\"{}\"", field));
      }
      data.values.push_back(value);
    }
  }
  return data;
}

}  // namespace mambac
