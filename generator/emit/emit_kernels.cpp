#include "generator/emit/emit_kernels.h"

#include <fmt/format.h>

#include "generator/emit/embedded_sources.h"
#include "generator/names.h"

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
  if (!shape_of(call, "Inputs").empty()) {
    return fmt::format("{}_{}_to_{}", call.kernel, shape_of(call, "Inputs"), shape_of(call, "Outputs"));
  }
  std::string name = call.kernel;
  const char* separator = "_";
  for (const char* size : {"Vocabulary", "Size", "Rows", "Columns", "Channels", "States", "Taps"}) {
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

// The headers of the runtime that a template includes, itself or through others.
void add_headers(const std::string& path, std::set<std::string>& visited, std::set<std::string>& headers) {
  if (!visited.insert(path).second) return;
  const std::string& text = embedded_sources().at(path);
  const std::string directive = "#include \"";
  for (size_t at = text.find(directive); at != text.npos; at = text.find(directive, at + 1)) {
    const size_t begin = at + directive.size();
    const std::string included = text.substr(begin, text.find('"', begin) - begin);
    if (included.starts_with("runtime/")) headers.insert(included);
    add_headers(included, visited, headers);
  }
}

std::string head(const Plan& plan, const std::string& about) {
  return fmt::format("// {}: {}.\n// Written by mambac {} for plan {}; do not edit.\n", plan.name, about,
                     plan.generator_version, plan.hash.substr(0, 16));
}

std::string tail(const Plan& plan) { return fmt::format("\n}}  // namespace {}_runtime\n", plan.name); }

}  // namespace

Kernels::Kernels(const Plan& plan) {
  std::map<std::string, std::vector<const Call*>> by_short_name;
  for_each_call(plan, [&](const Call& call) {
    if (!names_.emplace(key_of(call), "").second) return;
    distinct_.push_back(&call);
    by_short_name[short_name(call)].push_back(&call);
  });
  for (const auto& [name, calls] : by_short_name) {
    for (const Call* call : calls) names_[key_of(*call)] = name + difference(*call, calls);
  }
  std::vector<Specialization> wanted;
  for (const Call* call : distinct_) wanted.push_back({call->kernel, template_arguments(*call), name(*call)});
  const std::string& target = plan.deployment.target;
  functions_ = specialize(kernel_sources(target), wanted, target == "cuda" ? Dialect::cuda : Dialect::cpp);
  for (const SpecializedFunction& function : functions_) kept_[function.name] = function.kept;
}

const std::string& Kernels::name(const Call& call) const { return names_.at(key_of(call)); }

bool Kernels::takes(const Call& call, size_t argument) const { return kept_.at(name(call)).at(argument); }

std::string emit_kernels(const Plan& plan, const Kernels& kernels) {
  std::string text = fmt::format(
      "{}#pragma once\n\n"
      "#include \"runtime/mathematics.h\"\n#include \"runtime/reduce.h\"\n#include \"runtime/vector.h\"\n{}\n"
      "namespace {}_runtime {{\n",
      head(plan, "the kernels, specialized for this model's shapes from the templates of mambac"),
      plan.training ? "#include \"runtime/transpose.h\"\n" : "", plan.name);
  for (const SpecializedFunction& function : kernels.functions()) text += "\n" + function.text + "\n";
  return text + tail(plan);
}

CudaKernels emit_cuda_kernels(const Plan& plan, const Kernels& kernels) {
  CudaKernels files;
  std::set<std::string> visited;
  for (const Call* call : kernels.distinct()) {
    add_headers(fmt::format("templates/cuda/{}.cuh", call->kernel), visited, files.headers);
  }
  files.declarations = head(plan, "the kernels of " + plan.name + "_kernels.cu") + "#pragma once\n\n";
  for (const std::string& header : files.headers) files.declarations += fmt::format("#include \"{}\"\n", header);
  files.declarations += fmt::format("\nnamespace {}_runtime {{\n\n", plan.name);
  files.definitions =
      fmt::format("{}#include \"{}_kernels.h\"\n\nnamespace {}_runtime {{\n",
                  head(plan, "the kernels, specialized for this model's shapes from the templates of mambac"),
                  plan.name, plan.name);
  for (const SpecializedFunction& function : kernels.functions()) {
    files.definitions += "\n" + function.text + "\n";
    const size_t begin = function.text.find("__global__"), body = function.text.find(" {\n", begin);
    if (begin != std::string::npos) files.declarations += function.text.substr(begin, body - begin) + ";\n";
  }
  files.declarations += tail(plan);
  files.definitions += tail(plan);
  return files;
}

}  // namespace mambac
