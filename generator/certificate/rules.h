// What a real-time program may call beyond the artifact's own source, and what is excused, by name.
#pragma once

#include <map>
#include <set>
#include <string>

#include "clang/AST/Decl.h"
#include "generator/plan/plan.h"

namespace mambac {

class CertificateRules {
 public:
  explicit CertificateRules(const Plan& plan);

  // "FloatingPointMode::set", "Workers::run", "std::memcpy": without the artifact's namespace and template arguments.
  std::string plain_name(const clang::FunctionDecl* function) const;
  // The same with template arguments: "load<8>".
  std::string name(const clang::FunctionDecl* function) const;

  bool is_allowed(const std::string& plain_name) const;  // functions of the library and of the compiler
  // What a function of the artifact is excused from, and why that is sound; "" for nearly all of them.
  std::string exception(const std::string& plain_name) const;
  bool is_argument_check(const std::string& plain_name) const;   // may branch on the arguments of the call
  bool is_worker_function(const std::string& plain_name) const;  // is not walked
  bool is_clock(const std::string& plain_name) const;            // may be asked, and branched on, by step_until alone
  // Why a function is not on the list, for messages: "allocates memory".
  static std::string reason(const std::string& plain_name);

  const std::set<std::string>& allowed() const { return allowed_; }
  const std::map<std::string, std::string>& exceptions() const { return exceptions_; }

 private:
  std::string namespace_;
  std::set<std::string> allowed_, argument_checks_, worker_functions_, clock_functions_;
  std::map<std::string, std::string> exceptions_;  // by plain name
};

}  // namespace mambac
