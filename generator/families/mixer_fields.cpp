#include "generator/families/mixer_fields.h"

#include <cmath>

namespace mambac {
namespace {

constexpr Range<double> expansions{1.0 / 1024, 1024};

}  // namespace

int64_t expanded(ConfigurationReader& reader, int64_t model_size) {
  const double inner_size = std::floor(reader.number("expand", expansions, 2) * static_cast<double>(model_size));
  if (inner_size < widths.least || inner_size > widths.most) {
    reader.refuse("expand", "makes the inner width {}, must be {} to {}", inner_size, widths.least, widths.most);
  }
  return static_cast<int64_t>(inner_size);
}

void check_leftover(ConfigurationReader& reader, const std::string& name, int64_t used, ModelConfiguration& model) {
  const nlohmann::json& leftover = reader.value(name);
  if (leftover.is_null() || leftover == used || leftover == "auto") return;
  model.warnings.push_back(
      fmt::format("{}: field \"{}\" is ignored: the other fields make it {}", reader.where(), name, used));
}

void warn_of_unread(const ConfigurationReader& reader, ModelConfiguration& model) {
  for (const std::string& name : reader.unread()) {
    std::string warning = fmt::format("{}: field \"{}\" is unknown and ignored", reader.where(), name);
    if (const auto meant = reader.meant_by(name)) {
      warning += fmt::format("; if \"{}\" is meant, correct it: its default was taken", *meant);
    }
    model.warnings.push_back(std::move(warning));
  }
}

}  // namespace mambac
