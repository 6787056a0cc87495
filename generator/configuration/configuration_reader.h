// Reads the fields of one JSON object with their types and ranges, and remembers which ones were read, so that every
// other field can be named. All errors are Errors (ExitCode::input) that name file and field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "generator/error.h"

namespace mambac {

template <typename Number>
struct Range {
  Number least, most;  // inclusive
};

// What any model may ask for; beyond them lies a typing error, not a model.
inline constexpr Range<int64_t> widths{1, 1 << 24};  // D, E, V, R and the like
inline constexpr Range<double> norm_epsilons{1e-12, 1};

// A null field counts as absent, as in Python's configurations.
class ConfigurationReader {
 public:
  // `object` must outlive the reader; `where` names it in messages ("model/config.json").
  ConfigurationReader(const nlohmann::json& object, std::string where);

  const std::string& where() const { return where_; }
  bool has(const std::string& name) const;  // does not count as reading

  // Required fields.
  int64_t integer(const std::string& name, Range<int64_t> range);
  std::string text(const std::string& name);

  // Fields with a default.
  int64_t integer(const std::string& name, Range<int64_t> range, int64_t otherwise);
  double number(const std::string& name, Range<double> range, double otherwise);
  bool boolean(const std::string& name, bool otherwise);
  std::string text(const std::string& name, const std::string& otherwise);
  std::vector<double> numbers(const std::string& name, const std::vector<double>& otherwise);  // may be infinite
  std::vector<std::string> texts(const std::string& name, const std::vector<std::string>& otherwise);
  ConfigurationReader object(const std::string& name);  // absent: an empty object

  // Any field as JSON; null if absent.
  const nlohmann::json& value(const std::string& name);

  // These fields are known and need no attention.
  void accept(std::initializer_list<const char*> names);
  // Fields that nobody read or accepted, in alphabetical order.
  std::vector<std::string> unread() const;
  // The absent field that was looked for and is spelt almost like the unread field `name`.
  std::optional<std::string> meant_by(const std::string& name) const;

  // Throws "WHERE: field "NAME" SENTENCE".
  template <typename... Arguments>
  [[noreturn]] void refuse(const std::string& name, fmt::format_string<Arguments...> sentence,
                           Arguments&&... arguments) const {
    fail(ExitCode::input, "{}: field \"{}\" {}", where_, name,
         fmt::format(sentence, std::forward<Arguments>(arguments)...));
  }

 private:
  const nlohmann::json& required(const std::string& name);

  const nlohmann::json* object_;
  std::string where_;
  std::set<std::string> read_;
};

}  // namespace mambac
