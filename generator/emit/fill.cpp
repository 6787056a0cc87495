#include "generator/emit/fill.h"

#include "generator/error.h"

namespace mambac {

std::string fill(const std::string& skeleton, const Placeholders& values) {
  std::string text;
  size_t at = 0;
  for (;;) {
    const size_t open = skeleton.find('@', at);
    if (open == std::string::npos) return text + skeleton.substr(at);
    const size_t close = skeleton.find('@', open + 1);
    const std::string key = skeleton.substr(open + 1, close - open - 1);
    const auto value = values.find(key);
    if (close == std::string::npos || value == values.end()) {
      fail(ExitCode::internal, "a skeleton of the artifact asks for '@{}@', which has no value", key);
    }
    text += skeleton.substr(at, open - at) + value->second;
    at = close + 1;
  }
}

}  // namespace mambac
