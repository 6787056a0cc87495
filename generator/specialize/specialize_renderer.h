// Prints an instantiated function over its template's own text: the tree says what has become constant or dead, the
// text says everything else.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "clang/AST/RecursiveASTVisitor.h"
#include "generator/specialize/specialize_constants.h"
#include "generator/specialize/specialize_source.h"

namespace mambac {

// How tightly the outermost operator of an expression binds.
enum class Binding { loose, additive, multiplicative, unary, primary };

struct Expression {
  std::string text;
  Binding binding = Binding::primary;
};

// What the renderer asks of the translation unit.
struct Names {
  // The emitted name of a function that is specialized too; nothing if calls of it stay.
  std::function<std::optional<std::string>(const clang::FunctionDecl*)> function;
  // Which of its parameters it has kept, once it has been emitted.
  std::function<const std::vector<bool>&(const clang::FunctionDecl*)> kept;
  std::function<std::string(clang::QualType)> type;
};

class Renderer : public clang::RecursiveASTVisitor<Renderer> {
 public:
  Renderer(clang::ASTContext& context, const SourceText& source, const Names& names)
      : constants_(context), context_(context), source_(source), names_(names) {}

  // The whole function with the comment above it, under a new name. Helpers are `inline`. `kept`: whether each parameter
  // has stayed; one that nothing reads any more goes, unless all of them must stay (`is_launched`: a GPU's kernel is
  // called with the addresses of its arguments, in order).
  std::string function(clang::FunctionDecl* function, const std::string& name, bool is_helper, bool is_launched,
                       std::vector<bool>& kept);

  // Called back by the traversal.
  bool TraverseStmt(clang::Stmt* statement);
  bool TraverseInitListExpr(clang::InitListExpr* list);
  bool VisitSubstTemplateTypeParmTypeLoc(clang::SubstTemplateTypeParmTypeLoc type);

 private:
  // specialize_statements.cpp. `in_block`: the parent is a compound statement, so that anything can stand here.
  void launch_bounds(TextRange before_name);
  void compound(clang::CompoundStmt* block);
  void declaration(clang::DeclStmt* declaration, bool in_block);
  void branch(clang::IfStmt* statement, bool in_block);
  void plain_loop(clang::ForStmt* loop, bool in_block);
  // `statement`: the loop, or what holds it and its #pragma.
  void unrolled_loop(clang::Stmt* statement, clang::ForStmt* loop, bool in_block);
  bool runs_once(clang::ForStmt* loop, clang::VarDecl* variable, const llvm::APSInt& first);
  std::string inside(clang::Stmt* statement);  // without its braces
  bool collides(size_t first_declared) const;  // a name declared since then is one of several in the function
  void remove(clang::Stmt* statement, bool in_block);
  void replace(clang::Stmt* statement, const std::string& text, bool in_block);

  // specialize_expressions.cpp
  std::string whole_expression(clang::Expr* expression);  // that is no operand
  Expression expression(clang::Expr* expression);
  Expression binary(clang::BinaryOperator* operation);
  std::optional<Expression> sum(clang::BinaryOperator* operation);
  std::optional<Expression> sum_of_types(clang::BinaryOperator* operation);
  std::optional<Expression> product(clang::BinaryOperator* operation);
  std::optional<Expression> logical(clang::BinaryOperator* operation);
  std::optional<bool> decided(clang::Expr* condition);
  Expression parenthesized(clang::ParenExpr* paren, Binding at_least);
  std::string operand(clang::Expr* expression, Binding at_least);
  void refer(const clang::DeclRefExpr* reference);
  bool call_with_kept_arguments(clang::CallExpr* call);  // false: all of them are kept

  // The text of `range` after `traverse` has left its edits in it.
  std::string render(TextRange range, const std::function<void()>& traverse);
  void comments(TextRange range);
  void parameters(clang::FunctionDecl* function, bool is_launched, std::vector<bool>& kept);
  // Takes the elements of a list that are not kept out of it, with the comma before or after them.
  void keep(const std::vector<TextRange>& elements, const std::vector<bool>& kept);
  void edit(TextRange range, const std::string& text);

  Constants constants_;
  clang::ASTContext& context_;
  const SourceText& source_;
  const Names& names_;

  std::vector<Edit> edits_;
  std::map<std::string, std::string> parameters_;  // template parameter -> its value, for comments
  std::map<std::string, int> declarations_;        // name -> how many variables of the function have it
  std::vector<std::string> declared_;              // names that stand in the current block, as it is printed
  std::set<const clang::Decl*> used_;              // what the printed text refers to
  bool in_block_ = false;                          // of the statement that is traversed next
  bool repeated_ = false;                          // in a later round of a loop: its comments were printed before
};

}  // namespace mambac
