// What a model is trained on: one long sequence of tokens, or of rows of numbers, and windows of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace mambac {

// Tokens, or rows of `width` numbers.
struct TrainingData {
  std::vector<int32_t> tokens;
  std::vector<float> values;  // (length, width)
  int64_t width = 0;          // 0: tokens

  int64_t length() const {
    return width == 0 ? static_cast<int64_t>(tokens.size()) : static_cast<int64_t>(values.size()) / width;
  }

  // The last `count` tokens or rows, which this loses.
  TrainingData split_off(int64_t count);

  // 64 hexadecimal digits.
  std::string hash() const;
};

// Windows of `tokens` tokens beside one another: inputs, and what comes next at each position.
struct Windows {
  std::vector<int32_t> input_tokens, target_tokens;  // (windows, tokens)
  std::vector<float> input_values, target_values;    // (windows, tokens, width)

  const void* input() const {
    return input_tokens.empty() ? static_cast<const void*>(input_values.data()) : input_tokens.data();
  }
};

// From each of `firsts` on. A window needs tokens + 1 of the data. A first of -1 is an empty window: token 0, and
// targets `ignored`.
inline constexpr int32_t ignored_target = -1;
Windows windows_of(const TrainingData& data, std::span<const int64_t> firsts, int64_t tokens);

// All files, one after the other. Throws Error (ExitCode::input): no text, not UTF-8, or a token outside
// `vocabulary`.
TrainingData read_text_data(const std::vector<std::string>& files,
                            const std::function<std::vector<int32_t>(const std::string&)>& encode, int64_t vocabulary);

// Comma-separated numbers, `width` on a line; a first line that holds no number is a heading. Throws Error
// (ExitCode::input) that names file and line: a hole, a word, another width.
TrainingData read_series(const std::string& file, int64_t width);

}  // namespace mambac
