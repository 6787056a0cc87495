#include "generator/configuration/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace mambac {
namespace {

// Levenshtein's distance, by rows of its table.
size_t distance(const std::string& from, const std::string& to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replaced = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest_name(const std::string& name, const std::set<std::string>& candidates) {
  std::optional<std::string> nearest;
  size_t least = name.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    const size_t changes = distance(name, candidate);
    if (changes >= least) continue;
    least = changes;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace mambac
