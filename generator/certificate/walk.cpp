#include "generator/certificate/walk.h"

#include <algorithm>

#include "clang/AST/DeclCXX.h"
#include "clang/AST/StmtCXX.h"
#include "generator/error.h"

namespace mambac {
namespace {

// Kinds of nodes that are harmless by themselves; every other kind is refused, also one that nobody thought of.
bool is_harmless(const clang::Stmt* statement) {
  switch (statement->getStmtClass()) {
    case clang::Stmt::CompoundStmtClass:
    case clang::Stmt::DeclStmtClass:
    case clang::Stmt::ForStmtClass:
    case clang::Stmt::IfStmtClass:
    case clang::Stmt::NullStmtClass:
    case clang::Stmt::ReturnStmtClass:
    // Values.
    case clang::Stmt::ArraySubscriptExprClass:
    case clang::Stmt::BinaryOperatorClass:
    case clang::Stmt::CompoundAssignOperatorClass:
    case clang::Stmt::ConditionalOperatorClass:
    case clang::Stmt::CXXBoolLiteralExprClass:
    case clang::Stmt::CXXDefaultArgExprClass:
    case clang::Stmt::CXXDefaultInitExprClass:
    case clang::Stmt::CXXNullPtrLiteralExprClass:
    case clang::Stmt::CXXScalarValueInitExprClass:
    case clang::Stmt::CXXThisExprClass:
    case clang::Stmt::DeclRefExprClass:
    case clang::Stmt::FloatingLiteralClass:
    case clang::Stmt::ImplicitValueInitExprClass:
    case clang::Stmt::InitListExprClass:
    case clang::Stmt::IntegerLiteralClass:
    case clang::Stmt::MemberExprClass:
    case clang::Stmt::UnaryExprOrTypeTraitExprClass:
    case clang::Stmt::UnaryOperatorClass:
    // Conversions and wrappers.
    case clang::Stmt::BuiltinBitCastExprClass:
    case clang::Stmt::ConstantExprClass:
    case clang::Stmt::CStyleCastExprClass:
    case clang::Stmt::CXXBindTemporaryExprClass:
    case clang::Stmt::CXXConstCastExprClass:
    case clang::Stmt::CXXFunctionalCastExprClass:
    case clang::Stmt::CXXReinterpretCastExprClass:
    case clang::Stmt::CXXStaticCastExprClass:
    case clang::Stmt::ExprWithCleanupsClass:
    case clang::Stmt::ImplicitCastExprClass:
    case clang::Stmt::MaterializeTemporaryExprClass:
    case clang::Stmt::ParenExprClass:
    case clang::Stmt::SubstNonTypeTemplateParmExprClass:
    // Calls: whom they call is looked at.
    case clang::Stmt::CallExprClass:
    case clang::Stmt::CXXConstructExprClass:
    case clang::Stmt::CXXMemberCallExprClass:
    case clang::Stmt::CXXOperatorCallExprClass:
    case clang::Stmt::CXXTemporaryObjectExprClass:
      return true;
    default:
      return false;
  }
}

std::string harm_of(const clang::Stmt* statement) {
  switch (statement->getStmtClass()) {
    case clang::Stmt::CXXNewExprClass:
    case clang::Stmt::CXXDeleteExprClass:
      return "allocates or frees memory (new, delete)";
    case clang::Stmt::CXXThrowExprClass:
      return "throws an exception";
    case clang::Stmt::CXXTryStmtClass:
      return "has a try block";
    case clang::Stmt::GotoStmtClass:
    case clang::Stmt::IndirectGotoStmtClass:
    case clang::Stmt::LabelStmtClass:
      return "has a goto";
    case clang::Stmt::WhileStmtClass:
    case clang::Stmt::DoStmtClass:
    case clang::Stmt::CXXForRangeStmtClass:
      return "has a loop without a constant bound: only `for` loops over a counter are understood";
    default:
      return fmt::format("has a {}, which the walk does not know", statement->getStmtClassName());
  }
}

class CallWalk {
 public:
  CallWalk(const ArtifactUnit& unit, const CertificateRules& rules) : unit_(unit), rules_(rules) {}

  CallGraph run(const clang::FunctionDecl* entry) {
    visit(entry);
    std::reverse(graph_.functions.begin(), graph_.functions.end());
    return std::move(graph_);
  }

 private:
  void visit(const clang::FunctionDecl* function) {
    path_.push_back(function);
    graph_.callees[function];
    if (!rules_.is_worker_function(rules_.plain_name(function))) {
      for (const clang::Stmt* part : evaluated_parts(function)) look_at(part);
      if (const auto* destructor = llvm::dyn_cast<clang::CXXDestructorDecl>(function)) members_of(destructor);
    }
    path_.pop_back();
    graph_.functions.push_back(function);
  }

  void look_at(const clang::Stmt* statement) {
    if (!is_harmless(statement)) refuse(statement->getBeginLoc(), harm_of(statement));
    if (const auto* declarations = llvm::dyn_cast<clang::DeclStmt>(statement)) {
      for (const clang::Decl* declaration : declarations->decls()) look_at(declaration);
    } else if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(statement)) {
      variable(llvm::dyn_cast<clang::VarDecl>(reference->getDecl()), reference->getLocation());
    } else if (const auto* call = llvm::dyn_cast<clang::CallExpr>(statement)) {
      look_at(call);
    } else if (const auto* construction = llvm::dyn_cast<clang::CXXConstructExpr>(statement)) {
      called(construction->getConstructor(), construction->getLocation());
    } else if (const auto* temporary = llvm::dyn_cast<clang::CXXBindTemporaryExpr>(statement)) {
      called(temporary->getTemporary()->getDestructor(), temporary->getBeginLoc());
    } else if (const auto* list = llvm::dyn_cast<clang::InitListExpr>(statement)) {
      if (const clang::RecordDecl* record = list->getType()->getAsRecordDecl()) ++graph_.made[record];
    } else if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(statement)) {
      const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
      if (field && !read_.contains(member)) graph_.changed_fields.insert(field);
      variable(llvm::dyn_cast<clang::VarDecl>(member->getMemberDecl()), member->getMemberLoc());
    } else if (const auto* cast = llvm::dyn_cast<clang::ImplicitCastExpr>(statement)) {
      if (cast->getCastKind() == clang::CK_LValueToRValue) read_.insert(cast->getSubExpr()->IgnoreParens());
    }
    for (const clang::Stmt* part : evaluated_parts(statement)) look_at(part);
    if (const auto* declarations = llvm::dyn_cast<clang::DeclStmt>(statement)) destroyed(declarations);
  }

  void look_at(const clang::Decl* declaration) {
    const auto* local = llvm::dyn_cast<clang::VarDecl>(declaration);
    if (local == nullptr) return;  // a type, a static_assert
    variable(local, local->getLocation());
    if (local->getType()->isVariableArrayType()) refuse(local->getLocation(), "has an array of variable size");
  }

  // What declared objects do at the end of their scope.
  void destroyed(const clang::DeclStmt* declarations) {
    for (const clang::Decl* declaration : declarations->decls()) {
      const auto* local = llvm::dyn_cast<clang::VarDecl>(declaration);
      if (!local || local->needsDestruction(unit_.context()) != clang::QualType::DK_cxx_destructor) continue;
      const auto* type = local->getType()->getBaseElementTypeUnsafe()->getAsCXXRecordDecl();
      called(type->getDestructor(), local->getLocation());
    }
  }

  // Nothing that outlives the call but what the caller handed in.
  void variable(const clang::VarDecl* variable, clang::SourceLocation location) {
    if (variable == nullptr || !variable->hasGlobalStorage() || variable->isConstexpr()) return;
    refuse(location,
           fmt::format("uses {}, a static or global variable that is not constexpr", variable->getNameAsString()));
  }

  void look_at(const clang::CallExpr* call) {
    const clang::FunctionDecl* callee = call->getDirectCallee();
    if (callee == nullptr) refuse(call->getBeginLoc(), "calls through a pointer to a function");
    const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(callee);
    if (method && method->isVirtual()) {
      refuse(call->getBeginLoc(), fmt::format("calls {}, which is virtual", rules_.name(callee)));
    }
    called(callee, call->getBeginLoc());
    // Which hands the call to the function that it is given.
    if (rules_.is_worker_function(rules_.plain_name(callee))) {
      for (const clang::Expr* argument : call->arguments()) {
        const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(stripped(argument));
        const auto* function = reference ? llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl()) : nullptr;
        if (function) called(function, argument->getBeginLoc());
      }
    }
  }

  void called(const clang::FunctionDecl* callee, clang::SourceLocation location) {
    if (callee->isTrivial()) return;
    const bool is_clock = rules_.is_clock(rules_.plain_name(callee));
    if (is_clock && !is_step_until(path_.front())) refuse(location, "looks at the clock, which step_until alone may");
    const clang::FunctionDecl* definition = callee->getDefinition();
    const bool is_ours = definition && !unit_.file(definition->getLocation()).empty();
    if (!is_ours) {
      const std::string name = rules_.plain_name(callee);
      if (!rules_.is_allowed(name) && !is_clock)
        refuse(location, fmt::format("calls {}, which {}", name, rules_.reason(name)));
      graph_.outside.insert(name);
      return;
    }
    if (std::find(path_.begin(), path_.end(), definition) != path_.end()) {
      refuse(location, fmt::format("calls {}, which calls it: recursion", rules_.name(definition)));
    }
    std::vector<const clang::FunctionDecl*>& callees = graph_.callees[path_.back()];
    if (std::find(callees.begin(), callees.end(), definition) == callees.end()) callees.push_back(definition);
    if (!graph_.callees.contains(definition)) visit(definition);
  }

  static bool is_step_until(const clang::FunctionDecl* entry) {
    return entry->isExternC() && entry->getName().ends_with("_step_until");
  }

  // A destructor also runs those of the members and bases.
  void members_of(const clang::CXXDestructorDecl* destructor) {
    const auto destroyed = [&](clang::QualType type) {
      const auto* record = type->getBaseElementTypeUnsafe()->getAsCXXRecordDecl();
      if (record && !record->hasTrivialDestructor()) called(record->getDestructor(), destructor->getLocation());
    };
    for (const clang::FieldDecl* field : destructor->getParent()->fields()) destroyed(field->getType());
    for (const clang::CXXBaseSpecifier& base : destructor->getParent()->bases()) destroyed(base.getType());
  }

  [[noreturn]] void refuse(clang::SourceLocation location, const std::string& what) {
    mambac::refuse(unit_, rules_, path_.back(), location, what);
  }

  const ArtifactUnit& unit_;
  const CertificateRules& rules_;
  CallGraph graph_;
  std::vector<const clang::FunctionDecl*> path_;  // from the entry to where the walk is
  std::set<const clang::Expr*> read_;             // whose value is taken, so that it is not written to
};

}  // namespace

CallGraph walk_calls(const ArtifactUnit& unit, const CertificateRules& rules, const clang::FunctionDecl* entry) {
  return CallWalk(unit, rules).run(entry);
}

void refuse(const ArtifactUnit& unit, const CertificateRules& rules, const clang::FunctionDecl* function,
            clang::SourceLocation location, const std::string& what) {
  fail(ExitCode::internal, "the real-time certificate is refused: {}:{}: {} {}", unit.file(location),
       unit.line(location), rules.name(function), what);
}

const clang::Expr* stripped(const clang::Expr* expression) {
  for (;;) {
    const clang::Expr* inner = expression;
    if (const auto* cast = llvm::dyn_cast<clang::CastExpr>(expression)) {
      inner = cast->getSubExpr();
    } else if (const auto* constant = llvm::dyn_cast<clang::FullExpr>(expression)) {
      inner = constant->getSubExpr();
    } else if (const auto* bound = llvm::dyn_cast<clang::SubstNonTypeTemplateParmExpr>(expression)) {
      inner = bound->getReplacement();
    } else if (const auto* temporary = llvm::dyn_cast<clang::MaterializeTemporaryExpr>(expression)) {
      inner = temporary->getSubExpr();
    } else {
      inner = expression->IgnoreParens();
    }
    if (inner == expression) return expression;
    expression = inner;
  }
}

std::vector<const clang::Stmt*> evaluated_parts(const clang::Stmt* statement) {
  std::vector<const clang::Stmt*> parts;
  if (llvm::isa<clang::UnaryExprOrTypeTraitExpr>(statement)) return parts;
  if (const auto* constant = llvm::dyn_cast<clang::ConstantExpr>(statement)) {
    if (constant->hasAPValueResult()) return parts;  // computed by the compiler
  }
  if (const auto* declarations = llvm::dyn_cast<clang::DeclStmt>(statement)) {
    for (const clang::Decl* declaration : declarations->decls()) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(declaration);
      if (variable && variable->getInit() && !variable->isConstexpr()) parts.push_back(variable->getInit());
    }
    return parts;
  }
  if (const auto* argument = llvm::dyn_cast<clang::CXXDefaultArgExpr>(statement)) return {argument->getExpr()};
  if (const auto* initializer = llvm::dyn_cast<clang::CXXDefaultInitExpr>(statement)) return {initializer->getExpr()};
  for (const clang::Stmt* child : statement->children()) {
    if (child) parts.push_back(child);
  }
  return parts;
}

std::vector<const clang::Stmt*> evaluated_parts(const clang::FunctionDecl* function) {
  std::vector<const clang::Stmt*> parts;
  if (const auto* constructor = llvm::dyn_cast<clang::CXXConstructorDecl>(function)) {
    for (const clang::CXXCtorInitializer* initializer : constructor->inits()) parts.push_back(initializer->getInit());
  }
  if (const clang::Stmt* body = function->getBody()) parts.push_back(body);
  return parts;
}

}  // namespace mambac
