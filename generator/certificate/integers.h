// The integers of a program while its functions are gone through, callers before callees: what limits each of them
// keeps to. Variables are followed in the order of the text; parameters have the limits of all calls together.
#pragma once

#include <map>
#include <set>

#include "clang/AST/ASTContext.h"
#include "generator/certificate/limits.h"
#include "generator/certificate/rules.h"
#include "generator/certificate/walk.h"

namespace mambac {

class Integers {
 public:
  using Variables = std::map<const clang::VarDecl*, KnownLimits>;  // of the current function

  Integers(const clang::ASTContext& context, const CertificateRules& rules, const Plan& plan, const CallGraph& graph);

  // Begins a function with the limits that the calls so far gave to its parameters; those of the first function, the C
  // function, are limited by their types alone.
  void enter(const clang::FunctionDecl* function);

  // Limits of an expression now; nothing if it depends on data.
  KnownLimits limits(const clang::Expr* expression) const;
  bool is_constant(const clang::Expr* expression) const;
  KnownLimits of_type(clang::QualType type) const;

  // What a declaration, assignment, call or initialization does, after its parts have been gone through.
  void happen(const clang::Stmt* statement);

  // From here on the condition is false: `count < 1 || count > 64` leaves count between 1 and 64.
  void assume_not(const clang::Expr* condition);

  const Variables& variables() const { return variables_; }
  void set(Variables variables) { variables_ = std::move(variables); }
  void set(const clang::VarDecl* variable, KnownLimits limits) { variables_[variable] = limits; }
  void join(const Variables& other);  // either what is now or `other`

 private:
  KnownLimits fitted(KnownLimits limits, clang::QualType type) const;
  KnownLimits of_operation(const clang::BinaryOperator* operation) const;
  KnownLimits of_choice(const clang::ConditionalOperator* choice) const;
  bool is_same(const clang::Expr* a, const clang::Expr* b) const;
  void pass(const clang::FunctionDecl* callee, unsigned parameter, KnownLimits limits);
  void call(const clang::CallExpr* call);
  void make(const clang::InitListExpr* list);

  const clang::ASTContext& context_;
  const CertificateRules& rules_;
  const int64_t threads_;
  const CallGraph& graph_;
  Variables variables_;
  std::set<const clang::VarDecl*> escaped_;  // never known
  std::map<const clang::ParmVarDecl*, KnownLimits> parameters_;
  std::map<const clang::FieldDecl*, KnownLimits> fields_;  // of structures that hand a call to the workers
};

}  // namespace mambac
