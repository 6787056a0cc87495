// Which expressions of an instantiated template are integer constants, and how these are printed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "clang/AST/ASTContext.h"
#include "clang/AST/Expr.h"

namespace mambac {

class Constants {
 public:
  explicit Constants(clang::ASTContext& context) : context_(context) {}
  ~Constants();  // releases every variable
  Constants(const Constants&) = delete;
  Constants& operator=(const Constants&) = delete;

  // The value of an integer, bool or enumeration. Also of products with zero and remainders of one, whatever else is
  // in them, as long as it has no side effect.
  std::optional<llvm::APSInt> value(const clang::Expr* expression) const;

  // The text of a constant that the template's parameters or a constant variable had a part in; nothing for what the
  // author wrote as literals. The literal has the expression's type: 768, 768L, true, or an enumerator.
  std::optional<std::string> literal(const clang::Expr* expression) const;
  std::string literal(const llvm::APSInt& value, clang::QualType type) const;
  bool is_bound(const clang::Expr* expression) const;

  // Makes a constant variable of a loop's, for one round. Clang then evaluates everything that reads it.
  void bind(clang::VarDecl* variable, const llvm::APSInt& value);
  void release(clang::VarDecl* variable);

  // True if the local variable is a constant integer here. Asked again for every round of a loop that is written out,
  // since its value may follow the loop's variable.
  bool is_constant(clang::VarDecl* variable);

 private:
  clang::ASTContext& context_;
  std::map<clang::VarDecl*, clang::Expr*> initializers_;  // of the bound variables, as they were
};

// The type of the expression as written, without the implicit conversions around it.
clang::QualType written_type(const clang::Expr* expression);

}  // namespace mambac
