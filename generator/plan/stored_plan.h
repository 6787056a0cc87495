// The plan.json of an artifact's folder, read back.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace mambac {

// Whether the folder has a plan.json that mambac wrote.
bool is_artifact(const std::filesystem::path& folder);

// Throws Error (ExitCode::input) if the folder is no artifact.
nlohmann::ordered_json read_plan(const std::filesystem::path& folder);

// The first choice in which two plans differ: "isa is x86-64-v3 there, x86-64-v4 here".
std::string first_difference(const nlohmann::ordered_json& there, const nlohmann::ordered_json& here);

// The command that packs weights for the artifact in `folder`.
std::string pack_command(const nlohmann::ordered_json& plan, const std::filesystem::path& folder);

}  // namespace mambac
