// What a misspelt name was meant to be.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace mambac {

// The candidate that fewest insertions, deletions and replacements of a letter make of `name`; none if it takes more
// than one for every three letters.
std::optional<std::string> nearest_name(const std::string& name, const std::set<std::string>& candidates);

}  // namespace mambac
