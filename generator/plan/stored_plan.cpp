#include "generator/plan/stored_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

using Json = nlohmann::ordered_json;

// Null if the text is no plan.
Json parse_plan(const std::string& text) {
  const Json plan = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool whole = plan.is_object() && plan.contains("name") && plan["name"].is_string() && plan.contains("hash") &&
                     plan.contains("generator_version");
  return whole ? plan : Json();
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const Json& element : value) list += (list.empty() ? "" : ",") + text_of(element);
  return list;
}

}  // namespace

bool is_artifact(const std::filesystem::path& folder) {
  return is_present(folder / "plan.json") && !parse_plan(read_text(folder / "plan.json")).is_null();
}

Json read_plan(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "plan.json";
  if (!is_present(path)) {
    fail(ExitCode::input, "{} is not an artifact: it has no plan.json; make one with mambac build MODEL --out DIR",
         folder.string());
  }
  Json plan = parse_plan(read_text(path));
  if (plan.is_null()) fail(ExitCode::input, "{} is not a plan of mambac; build the artifact again", path.string());
  return plan;
}

std::string first_difference(const Json& there, const Json& here) {
  const auto differs = [](const std::string& what, const Json& one, const Json& other) {
    return fmt::format("{} is {} there, {} here", what, text_of(one), text_of(other));
  };
  if (there["name"] != here["name"]) return differs("the name", there["name"], here["name"]);
  if (there["generator_version"] != here["generator_version"]) {
    return differs("the version of mambac", there["generator_version"], here["generator_version"]);
  }
  for (const auto& [option, value] : here["deployment"].items()) {
    const Json other = there["deployment"].value(option, Json());
    if (other != value) return differs(option, other, value);
  }
  return "the model's configuration is another one";
}

std::string pack_command(const Json& plan, const std::filesystem::path& folder) {
  const std::string name = plan["name"];
  std::string command = fmt::format("mambac pack FOLDER --name {}", name);
  for (const auto& [option, value] : plan["deployment"].items()) {
    std::string flag = option;
    std::replace(flag.begin(), flag.end(), '_', '-');
    command += fmt::format(" --{} {}", flag, text_of(value));
  }
  return command + fmt::format(" --out {}", (folder / (name + ".weights")).string());
}

}  // namespace mambac
