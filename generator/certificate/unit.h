// An artifact's programs as Clang sees them: NAME.cpp and its programs, NAME_step.cpp and so on, with all that they
// include, as one unit, so that every call leads to the source of what it calls.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "clang/Frontend/ASTUnit.h"
#include "clang/Tooling/Tooling.h"
#include "generator/plan/plan.h"

namespace mambac {

class ArtifactUnit {
 public:
  // Parses with the deployment's instruction set, so that what is seen is what is compiled. Throws Error
  // (ExitCode::internal) if the sources do not parse, or use what the prelude does not declare.
  ArtifactUnit(const Plan& plan, const std::map<std::string, std::string>& sources);

  clang::ASTContext& context() const { return unit_->getASTContext(); }
  const clang::FunctionDecl* c_function(const std::string& name) const;  // its definition

  // "NAME_kernels.h" and 12; "" if it is not the artifact's.
  std::string file(clang::SourceLocation location) const;
  int line(clang::SourceLocation location) const;

 private:
  // Clang reads these as long as the unit lives.
  clang::tooling::FileContentMappings files_;
  std::string unit_text_;
  std::unique_ptr<clang::ASTUnit> unit_;
};

}  // namespace mambac
