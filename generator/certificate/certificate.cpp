#include "generator/certificate/certificate.h"

#include "generator/certificate/counts.h"
#include "generator/certificate/rules.h"
#include "generator/certificate/unit.h"
#include "generator/certificate/walk.h"
#include "generator/emit/emit_step_until.h"

namespace mambac {
namespace {

CertifiedProgram certify(const ArtifactUnit& unit, const CertificateRules& rules, const Plan& plan,
                         const std::string& program) {
  const CallGraph graph = walk_calls(unit, rules, unit.c_function(plan.name + "_" + program));
  LoopRounds rounds = check_counts(unit, rules, plan, graph);
  std::map<const clang::FunctionDecl*, size_t> index_of;
  for (const clang::FunctionDecl* function : graph.functions) index_of.emplace(function, index_of.size());
  CertifiedProgram certified{program};
  for (const clang::FunctionDecl* function : graph.functions) {
    CertifiedFunction& entry = certified.functions.emplace_back();
    entry.name = rules.name(function);
    entry.file = unit.file(function->getLocation());
    entry.line = unit.line(function->getBeginLoc());
    entry.body_line = unit.line(function->getBody() ? function->getBody()->getBeginLoc() : function->getLocation());
    for (const clang::FunctionDecl* callee : graph.callees.at(function)) entry.callees.push_back(index_of.at(callee));
    entry.loops = std::move(rounds[function]);
    entry.exception = rules.exception(rules.plain_name(function));
  }
  certified.outside.assign(graph.outside.begin(), graph.outside.end());
  return certified;
}

}  // namespace

Certificate certify(const Plan& plan, const std::map<std::string, std::string>& sources) {
  const ArtifactUnit unit(plan, sources);
  const CertificateRules rules(plan);
  Certificate certificate;
  for (const Program& program : plan.programs) {
    if (!is_real_time(program)) continue;
    certificate.programs.push_back(certify(unit, rules, plan, program.name));
    if (program.name == "step" && has_step_until(plan)) {
      certificate.programs.push_back(certify(unit, rules, plan, "step_until"));
    }
  }
  return certificate;
}

const Program& planned_program(const Plan& plan, const std::string& name) {
  return plan.program(name == "step_until" ? "step" : name);
}

}  // namespace mambac
