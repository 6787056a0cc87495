#include "generator/configuration/configuration_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "generator/configuration/nearest_name.h"

namespace mambac {
namespace {

// A number, or {"__float__": "Infinity"} for what JSON cannot write.
std::optional<double> as_number(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_object() && value.size() == 1 && value.contains("__float__")) {
    const nlohmann::json& name = value["__float__"];
    if (name == "Infinity") return std::numeric_limits<double>::infinity();
    if (name == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (name == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  return std::nullopt;
}

}  // namespace

ConfigurationReader::ConfigurationReader(const nlohmann::json& object, std::string where)
    : object_(&object), where_(std::move(where)) {
  if (!object.is_object()) fail(ExitCode::input, "{}: must be a JSON object, not {}", where_, object.type_name());
}

bool ConfigurationReader::has(const std::string& name) const {
  const auto field = object_->find(name);
  return field != object_->end() && !field->is_null();
}

const nlohmann::json& ConfigurationReader::value(const std::string& name) {
  static const nlohmann::json absent;
  read_.insert(name);
  return has(name) ? object_->at(name) : absent;
}

const nlohmann::json& ConfigurationReader::required(const std::string& name) {
  if (!has(name)) {
    const std::vector<std::string> others = unread();
    const auto misspelt = nearest_name(name, {others.begin(), others.end()});
    refuse(name, "is missing{}", misspelt ? fmt::format("; is \"{}\" a misspelling of it?", *misspelt) : "");
  }
  return value(name);
}

int64_t ConfigurationReader::integer(const std::string& name, Range<int64_t> range) {
  const nlohmann::json& field = required(name);
  if (!field.is_number_integer()) refuse(name, "must be an integer");
  // An unsigned value above int64 is too large for every range.
  const bool fits = !field.is_number_unsigned() || field.get<uint64_t>() <= std::numeric_limits<int64_t>::max();
  if (!fits || field.get<int64_t>() < range.least || field.get<int64_t>() > range.most) {
    refuse(name, "is {}, must be {} to {}", field.dump(), range.least, range.most);
  }
  return field.get<int64_t>();
}

std::string ConfigurationReader::text(const std::string& name) {
  const nlohmann::json& field = required(name);
  if (!field.is_string()) refuse(name, "must be a string");
  return field.get<std::string>();
}

int64_t ConfigurationReader::integer(const std::string& name, Range<int64_t> range, int64_t otherwise) {
  return value(name).is_null() ? otherwise : integer(name, range);
}

double ConfigurationReader::number(const std::string& name, Range<double> range, double otherwise) {
  const nlohmann::json& field = value(name);
  if (field.is_null()) return otherwise;
  const std::optional<double> number = as_number(field);
  if (!number) refuse(name, "must be a number");
  if (!(*number >= range.least && *number <= range.most)) {  // also refuses NaN
    refuse(name, "is {}, must be {} to {}", *number, range.least, range.most);
  }
  return *number;
}

bool ConfigurationReader::boolean(const std::string& name, bool otherwise) {
  const nlohmann::json& field = value(name);
  if (field.is_null()) return otherwise;
  if (!field.is_boolean()) refuse(name, "must be true or false");
  return field.get<bool>();
}

std::string ConfigurationReader::text(const std::string& name, const std::string& otherwise) {
  return value(name).is_null() ? otherwise : text(name);
}

std::vector<double> ConfigurationReader::numbers(const std::string& name, const std::vector<double>& otherwise) {
  const nlohmann::json& field = value(name);
  if (field.is_null()) return otherwise;
  if (!field.is_array()) refuse(name, "must be a list of numbers");
  std::vector<double> result;
  for (const nlohmann::json& element : field) {
    const std::optional<double> number = as_number(element);
    if (!number) refuse(name, "must be a list of numbers");
    result.push_back(*number);
  }
  return result;
}

std::vector<std::string> ConfigurationReader::texts(const std::string& name,
                                                    const std::vector<std::string>& otherwise) {
  const nlohmann::json& field = value(name);
  if (field.is_null()) return otherwise;
  if (!field.is_array()) refuse(name, "must be a list of strings");
  std::vector<std::string> result;
  for (const nlohmann::json& element : field) {
    if (!element.is_string()) refuse(name, "must be a list of strings");
    result.push_back(element.get<std::string>());
  }
  return result;
}

ConfigurationReader ConfigurationReader::object(const std::string& name) {
  static const nlohmann::json empty = nlohmann::json::object();
  const nlohmann::json& field = value(name);
  return {field.is_null() ? empty : field, where_ + ", field \"" + name + "\""};
}

void ConfigurationReader::accept(std::initializer_list<const char*> names) { read_.insert(names.begin(), names.end()); }

std::vector<std::string> ConfigurationReader::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, field] : object_->items()) {
    if (!read_.contains(name)) names.push_back(name);
  }
  return names;
}

std::optional<std::string> ConfigurationReader::meant_by(const std::string& name) const {
  std::set<std::string> absent;
  std::ranges::copy_if(read_, std::inserter(absent, absent.end()), [&](const auto& field) { return !has(field); });
  return nearest_name(name, absent);
}

}  // namespace mambac
