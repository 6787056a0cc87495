// The call graph of a program, and a refusal of everything in it that a certificate excludes by its kind: memory,
// locks, exceptions, recursion, calls of unknown or chosen functions, mutable statics, jumps, loops other than `for`.
// What is left to look at is how far loops run and what branches depend on: see counts.h.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "clang/AST/ExprCXX.h"
#include "generator/certificate/rules.h"
#include "generator/certificate/unit.h"

namespace mambac {

// "NAME_step.cpp:12: step calls malloc, which allocates memory"; throws Error (ExitCode::internal).
[[noreturn]] void refuse(const ArtifactUnit& unit, const CertificateRules& rules, const clang::FunctionDecl* function,
                         clang::SourceLocation location, const std::string& what);

// What is behind parentheses, casts and the like that change no value's meaning for the walk.
const clang::Expr* stripped(const clang::Expr* expression);

// What a node evaluates, in order; nothing of what is only named, such as the operand of sizeof.
std::vector<const clang::Stmt*> evaluated_parts(const clang::Stmt* statement);

// Bodies and initializers of a function that run when it is called.
std::vector<const clang::Stmt*> evaluated_parts(const clang::FunctionDecl* function);

struct CallGraph {
  // Definitions of the artifact's source, callers before callees.
  std::vector<const clang::FunctionDecl*> functions;
  std::map<const clang::FunctionDecl*, std::vector<const clang::FunctionDecl*>> callees;  // in order, each once
  std::set<std::string> outside;                     // functions of the allow-list that are called
  std::set<const clang::FieldDecl*> changed_fields;  // written to after their object was made
  std::map<const clang::RecordDecl*, int> made;      // how many initializer lists make objects of a type
};

// Follows every call from `entry`. Throws Error (ExitCode::internal).
CallGraph walk_calls(const ArtifactUnit& unit, const CertificateRules& rules, const clang::FunctionDecl* entry);

}  // namespace mambac
