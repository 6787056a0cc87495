#include "generator/emit/emit_kernels.h"

#include <fmt/format.h>

#include "generator/emit/embedded_sources.h"
#include "generator/names.h"
#include "generator/specialize/specialize.h"

namespace mambac {
namespace {

std::string text_of(const TemplateArgument& argument) {
  if (const auto* number = std::get_if<int64_t>(&argument)) return std::to_string(*number);
  return std::get<std::string>(argument);
}

std::vector<std::string> template_arguments(const Call& call) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : call.shape) texts.push_back(text_of(value));
  return texts;
}

std::string key_of(const Call& call) {
  return fmt::format("{}<{}>", call.kernel, fmt::join(template_arguments(call), ","));
}

std::string shape_of(const Call& call, const std::string& name) {
  for (const auto& [argument, value] : call.shape) {
    if (argument == name) return text_of(value);
  }
  return "";
}

// project_192_to_768, convolve_384x4, rms_norm_192.
std::string short_name(const Call& call) {
  if (call.kernel == "project") {
    return fmt::format("project_{}_to_{}", shape_of(call, "Inputs"), shape_of(call, "Outputs"));
  }
  std::string name = call.kernel;
  const char* separator = "_";
  for (const char* size : {"Vocabulary", "Size", "Channels", "States", "Taps"}) {
    const std::string value = shape_of(call, size);
    if (value.empty()) continue;
    name += separator + value;
    separator = "x";
  }
  return name;
}

// The template arguments in which the calls differ: "_bias", "_tile_rows_6", "_bfloat16".
std::string difference(const Call& call, const std::vector<const Call*>& others) {
  std::string text;
  for (size_t index = 0; index < call.shape.size(); ++index) {
    const auto& [name, value] = call.shape[index];
    bool differs = false;
    for (const Call* other : others) differs |= other->shape[index].second != value;
    if (!differs) continue;
    const std::string argument = text_of(value);
    if (argument == "true") {
      text += "_" + snake_case(name);
    } else if (std::holds_alternative<std::string>(value)) {
      if (argument != "false") text += "_" + argument;
    } else {
      text += "_" + snake_case(name) + "_" + argument;
    }
  }
  return text;
}

template <typename Visit>
void for_each_call(const Plan& plan, Visit visit) {
  for (const Program& program : plan.programs) {
    for (const auto* calls : {&program.calls, &program.outputs_all, &program.outputs_last}) {
      for (const Call& call : *calls) visit(call);
    }
  }
}

// The target's templates and what they include.
std::map<std::string, std::string> kernel_sources(const std::string& target) {
  std::map<std::string, std::string> sources;
  for (const auto& [path, text] : embedded_sources()) {
    if (path.starts_with("templates/" + target + "/") || path.starts_with("runtime/")) sources[path] = text;
  }
  return sources;
}

}  // namespace

KernelNames::KernelNames(const Plan& plan) {
  std::map<std::string, std::vector<const Call*>> by_short_name;
  for_each_call(plan, [&](const Call& call) {
    if (!names_.emplace(key_of(call), "").second) return;
    distinct_.push_back(&call);
    by_short_name[short_name(call)].push_back(&call);
  });
  for (const auto& [name, calls] : by_short_name) {
    for (const Call* call : calls) names_[key_of(*call)] = name + difference(*call, calls);
  }
}

const std::string& KernelNames::of(const Call& call) const { return names_.at(key_of(call)); }

std::string emit_kernels(const Plan& plan, const KernelNames& names) {
  std::vector<Specialization> wanted;
  for (const Call* call : names.distinct())
    wanted.push_back({call->kernel, template_arguments(*call), names.of(*call)});
  std::string text = fmt::format(
      "// {0}: the kernels, specialized for this model's shapes from the templates of mambac.\n"
      "// Written by mambac {1} for plan {2}; do not edit.\n"
      "#pragma once\n\n"
      "#include \"runtime/mathematics.h\"\n#include \"runtime/reduce.h\"\n#include \"runtime/vector.h\"\n\n"
      "namespace {0}_runtime {{\n",
      plan.name, plan.generator_version, plan.hash.substr(0, 16));
  for (const SpecializedFunction& function : specialize(kernel_sources(plan.deployment.target), wanted))
    text += "\n" + function.text + "\n";
  return text + fmt::format("\n}}  // namespace {}_runtime\n", plan.name);
}

}  // namespace mambac
