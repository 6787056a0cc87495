// The certificate as files: certificate.json for tools, certificate.md for people.
#include <fmt/ranges.h>

#include <algorithm>

#include "generator/certificate/certificate.h"
#include "generator/certificate/rules.h"
#include "generator/emit/emit_step_until.h"

namespace mambac {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* checked[] = {
    "no allocation: no new, delete or function that allocates",
    "no lock and no system call: functions without source in the artifact are called only if they are on the "
    "allow-list",
    "no recursion: no function calls itself, directly or through others",
    "no exception: nothing throws, nothing catches",
    "no call through a pointer, no virtual function",
    "no static or global variable that is not constexpr",
    "no jump, and no loop but `for` loops whose counter grows by a constant up to a bound; the bound and every number "
    "it comes from are followed back to literals and to counts that the C function refuses beyond a limit",
    "no branch on data: conditions depend on such counts alone, never on a weight, a state, an activation or a token; "
    "a "
    "choice between the lanes of vectors, or between two constants, is no branch",
};

constexpr char method[] =
    "The emitted source was parsed with Clang for the instruction set that it is compiled for, and every call, "
    "constructor, destructor and operator followed from the C function. Every kind of statement that is not known to "
    "be "
    "harmless is refused.";

constexpr char stack_method[] =
    "frames as the compiler reports them (-fstack-usage), 64 bytes more for each (return address, alignment), summed "
    "along "
    "the deepest path, and 128 bytes below it; without what memcpy, memset and clock_gettime of the C library take";

std::string claim(const Plan& plan) {
  if (plan.deployment.threads == 1) {
    return "A call runs a bounded number of instructions and waits for nothing: a step cannot stall. What the machine "
           "does "
           "to it is outside of this claim: another thread that is given the core, a page that is not in memory, a "
           "signal.";
  }
  return fmt::format(
      "The {} threads of a call wait for one another, so that the system decides when it ends: that a step cannot "
      "stall is "
      "claimed for artifacts of one thread alone, not for this one. What each thread does between two barriers was "
      "checked as below.",
      plan.deployment.threads);
}

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (int64_t position = static_cast<int64_t>(text.size()) - 3; position > 0; position -= 3)
    text.insert(position, " ");
  return text;
}

// What one call of a program works on, at most.
struct Work {
  int64_t tokens = 0;  // of all sequences
  Json bytes, operations;
};

Work work_of(const Plan& plan, const CertifiedProgram& certified) {
  constexpr int64_t float_bytes = sizeof(float);
  const Program& program = planned_program(plan, certified.name);
  const int64_t count = program.name == "forward" ? plan.deployment.forward_tokens : 1;
  const ModelConfiguration& model = plan.model;
  Work work{plan.deployment.batch * count, {}, {}};
  int64_t workspace_floats = 0;
  for (const WorkspaceBuffer& buffer : program.buffers) {
    workspace_floats = std::max(workspace_floats, buffer.offset + buffer.rows * buffer.row_stride);
  }
  work.bytes["weights"] = plan.cost.weight_bytes;
  work.bytes["state"] = plan.deployment.batch * plan.cost.state_bytes;
  work.bytes["workspace"] = workspace_floats * float_bytes;
  if (certified.name == "step_until") work.bytes["copy of the state"] = next_state_bytes(plan);
  work.bytes["input"] = work.tokens * (model.continuous() ? model.input_size * float_bytes : int64_t{sizeof(int32_t)});
  work.bytes["output"] = work.tokens * model.outputs() * float_bytes;
  work.operations["matrix_multiply_adds"] =
      work.tokens * (plan.cost.matrix_multiply_adds + plan.cost.head_multiply_adds);
  work.operations["recurrence_multiply_adds"] = work.tokens * plan.cost.recurrence_multiply_adds;
  work.operations["exponentials"] = work.tokens * plan.cost.exponentials;
  return work;
}

// Functions in the order of a reader who follows the calls, each at its first mention, with its depth.
struct TreeLine {
  size_t function = 0;
  int depth = 0;
};

void follow(const CertifiedProgram& program, size_t function, int depth, std::vector<bool>& seen,
            std::vector<TreeLine>& lines) {
  if (seen[function]) return;
  seen[function] = true;
  lines.push_back({function, depth});
  for (const size_t callee : program.functions[function].callees) follow(program, callee, depth + 1, seen, lines);
}

std::vector<TreeLine> call_tree(const CertifiedProgram& program) {
  std::vector<bool> seen(program.functions.size());
  std::vector<TreeLine> lines;
  follow(program, 0, 0, seen, lines);
  return lines;
}

Json json_of(const Plan& plan, const CertifiedProgram& program) {
  const Work work = work_of(plan, program);
  Json json;
  json["name"] = program.name;
  json["stack_bytes"] = program.stack_bytes ? Json(*program.stack_bytes) : Json();
  json["tokens_at_most"] = work.tokens;
  json["bytes_touched_at_most"] = work.bytes;
  json["operations_at_most"] = work.operations;
  json["calls_beyond_the_source"] = program.outside;
  for (const TreeLine& line : call_tree(program)) {
    const CertifiedFunction& function = program.functions[line.function];
    Json entry;
    entry["name"] = function.name;
    entry["file"] = function.file;
    entry["line"] = function.line;
    entry["rounds_of_loops_at_most"] = function.loops;
    if (!function.exception.empty()) entry["exception"] = function.exception;
    if (function.stack_bytes) entry["frame_bytes"] = *function.stack_bytes;
    entry["calls"] = Json::array();
    for (const size_t callee : function.callees) entry["calls"].push_back(program.functions[callee].name);
    json["functions"].push_back(std::move(entry));
  }
  return json;
}

Json json_of(const Plan& plan, const Certificate& certificate, const CertificateRules& rules) {
  Json json;
  json["name"] = plan.name;
  json["generator_version"] = plan.generator_version;
  json["plan_hash"] = plan.hash;
  json["isa"] = plan.deployment.isa;
  json["threads"] = plan.deployment.threads;
  json["step_cannot_stall"] = plan.deployment.threads == 1;
  json["claim"] = claim(plan);
  json["method"] = method;
  json["checked"] = checked;
  json["exceptions"] = rules.exceptions();
  json["allowed_calls"] = rules.allowed();
  json["stack_measured_with"] = certificate.compiler.empty() ? Json() : Json(certificate.compiler);
  json["stack_method"] = stack_method;
  for (const CertifiedProgram& program : certificate.programs) json["programs"].push_back(json_of(plan, program));
  return json;
}

std::string markdown_of(const CertifiedProgram& program) {
  std::vector<std::string> names, places;
  size_t name_width = 0, place_width = 0;
  const std::vector<TreeLine> tree = call_tree(program);
  for (const TreeLine& line : tree) {
    const CertifiedFunction& function = program.functions[line.function];
    names.push_back(std::string(2 * line.depth, ' ') + function.name);
    places.push_back(fmt::format("{}:{}", function.file, function.line));
    name_width = std::max(name_width, names.back().size());
    place_width = std::max(place_width, places.back().size());
  }
  std::string text;
  for (size_t index = 0; index < tree.size(); ++index) {
    const CertifiedFunction& function = program.functions[tree[index].function];
    std::string line = fmt::format("    {:<{}}  {:<{}}", names[index], name_width, places[index], place_width);
    if (function.stack_bytes) line += fmt::format("  {:>6}", *function.stack_bytes);
    if (!function.loops.empty()) line += fmt::format("  {}", fmt::join(function.loops, ", "));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string markdown_of(const Plan& plan, const CertifiedProgram& program) {
  const Work work = work_of(plan, program);
  const auto number = [](const Json& json) { return grouped(json.get<int64_t>()); };
  std::string text = fmt::format("\n## {}_{}\n\n| one call, at most | |\n|---|---|\n", plan.name, program.name);
  text += fmt::format("| stack | {} |\n",
                      program.stack_bytes ? grouped(*program.stack_bytes) + " bytes" : std::string("not measured"));
  text += fmt::format("| tokens | {} |\n", grouped(work.tokens));
  for (const auto& [name, bytes] : work.bytes.items()) text += fmt::format("| {} | {} bytes |\n", name, number(bytes));
  text += fmt::format("| multiply-adds of matrices | {} |\n", number(work.operations["matrix_multiply_adds"]));
  text +=
      fmt::format("| multiply-adds of the recurrence | {} |\n", number(work.operations["recurrence_multiply_adds"]));
  text += fmt::format("| exponentials | {} |\n", number(work.operations["exponentials"]));
  text += fmt::format("| calls beyond the artifact's source | {} |\n", fmt::join(program.outside, ", "));
  text += fmt::format(
      "\nCall tree: function, where it stands, {}most rounds of its loops. A function that several call\nstands below "
      "the "
      "first of them; certificate.json lists every call.\n\n",
      program.stack_bytes ? "bytes of its own frame (0: part of its callers'), " : "");
  return text + markdown_of(program);
}

std::string markdown_of(const Plan& plan, const Certificate& certificate, const CertificateRules& rules) {
  std::string text = fmt::format(
      "# Real-time certificate of {}\n\n"
      "Written by mambac {} for plan {}, {} {}, {} thread{}.\n\n{}\n\n## What was checked\n\n{}\n\n",
      plan.name, plan.generator_version, plan.hash.substr(0, 16), plan.deployment.target, plan.deployment.isa,
      plan.deployment.threads, plan.deployment.threads == 1 ? "" : "s", claim(plan), method);
  for (const char* line : checked) text += fmt::format("- {}\n", line);
  text += fmt::format("\nAllow-list: {}.\n\nStack: {}.\n\n## Exceptions\n\n", fmt::join(rules.allowed(), ", "),
                      certificate.compiler.empty() ? "not measured; nothing is claimed of it"
                                                   : fmt::format("{}: {}", certificate.compiler, stack_method));
  for (const auto& [name, why] : rules.exceptions()) text += fmt::format("- `{}`: {}\n", name, why);
  for (const CertifiedProgram& program : certificate.programs) text += markdown_of(plan, program);
  return text;
}

}  // namespace

std::map<std::string, std::string> certificate_files(const Plan& plan, const Certificate& certificate) {
  const CertificateRules rules(plan);
  return {{"certificate.json", json_of(plan, certificate, rules).dump(1) + "\n"},
          {"certificate.md", markdown_of(plan, certificate, rules)}};
}

}  // namespace mambac
