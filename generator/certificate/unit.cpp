#include "generator/certificate/unit.h"

#include "clang/Frontend/TextDiagnosticBuffer.h"
#include "generator/certificate/prelude.h"
#include "generator/emit/emit_step_until.h"
#include "generator/error.h"
#include "generator/specialize/specialize_source.h"

namespace mambac {
namespace {

const std::string root(source_root);
const std::string prelude_root = "/mambac-prelude/";

}  // namespace

ArtifactUnit::ArtifactUnit(const Plan& plan, const std::map<std::string, std::string>& sources) {
  for (const auto& [path, text] : sources) files_.emplace_back(root + path, text);
  for (const auto& [name, text] : certificate_prelude()) files_.emplace_back(prelude_root + name, text);
  unit_text_ = fmt::format("#include \"{}.cpp\"\n", plan.name);
  for (const Program& program : plan.programs) {
    if (!is_real_time(program)) continue;
    unit_text_ += fmt::format("#include \"{}_{}.cpp\"\n", plan.name, program.name);
  }
  if (has_step_until(plan)) unit_text_ += fmt::format("#include \"{}_step_until.cpp\"\n", plan.name);
  const std::vector<std::string> arguments = {"-std=c++20",
                                              "--target=x86_64-unknown-linux-gnu",
                                              "-nostdinc",
                                              "-nostdinc++",
                                              "-fsyntax-only",
                                              "-w",
                                              "-I" + root,
                                              "-isystem" + prelude_root,
                                              "-march=" + plan.deployment.isa};
  clang::TextDiagnosticBuffer diagnostics;
  unit_ = clang::tooling::buildASTFromCodeWithArgs(
      unit_text_, arguments, root + "certificate.cpp", "mambac", std::make_shared<clang::PCHContainerOperations>(),
      clang::tooling::getClangStripDependencyFileAdjuster(), files_, &diagnostics);
  if (diagnostics.err_begin() != diagnostics.err_end()) {
    const auto& [location, message] = *diagnostics.err_begin();
    fail(
        ExitCode::internal,
        "the real-time certificate of {} is refused: {}: {} (the walk knows the standard library and the intrinsics as "
        "far as generator/certificate/prelude.cpp declares them)",
        plan.name, unit_ ? place(unit_->getSourceManager(), location) : plan.name, message);
  }
  if (unit_ == nullptr) fail(ExitCode::internal, "the real-time certificate of {}: Clang did not start", plan.name);
}

const clang::FunctionDecl* ArtifactUnit::c_function(const std::string& name) const {
  const clang::IdentifierInfo& identifier = context().Idents.get(name);
  for (const clang::NamedDecl* found : context().getTranslationUnitDecl()->lookup(&identifier)) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(found);
    if (function && function->getDefinition()) return function->getDefinition();
  }
  fail(ExitCode::internal, "the real-time certificate: there is no function {} in the artifact's source", name);
}

std::string ArtifactUnit::file(clang::SourceLocation location) const {
  const clang::SourceManager& manager = unit_->getSourceManager();
  const llvm::StringRef path = manager.getFilename(manager.getExpansionLoc(location));
  return path.starts_with(root) ? path.substr(root.size()).str() : "";
}

int ArtifactUnit::line(clang::SourceLocation location) const {
  return static_cast<int>(unit_->getSourceManager().getExpansionLineNumber(location));
}

}  // namespace mambac
