// JSON as model folders really contain it, read with the checks that every input of the compiler wants.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mambac {

// Parses `text`; `where` names it in messages. Python writes bare Infinity, -Infinity and NaN, which are not JSON: they
// arrive as {"__float__": "Infinity"}, the spelling that other writers use for them. Throws Error (ExitCode::input):
// not JSON (with line and column), nested deeper than any honest file, a field given twice in one object.
nlohmann::json parse_json(std::string_view text, const std::string& where);

}  // namespace mambac
