// Names as the stages use them: finding a thing by its own, and writing one in another style.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "generator/error.h"

namespace mambac {

// The element of that name. `none` begins the Error (ExitCode::internal) if there is none: "the plan has no weight".
template <typename Named>
const Named& find_named(const std::vector<Named>& all, const std::string& name, const char* none) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
  if (found == all.end()) fail(ExitCode::internal, "{} '{}'", none, name);
  return *found;
}

// "TileRows" becomes "tile_rows".
inline std::string snake_case(const std::string& name) {
  std::string text;
  for (const char letter : name) {
    if (std::isupper(static_cast<unsigned char>(letter)) && !text.empty()) text += '_';
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

}  // namespace mambac
