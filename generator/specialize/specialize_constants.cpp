#include "generator/specialize/specialize_constants.h"

#include "clang/AST/RecursiveASTVisitor.h"
#include "llvm/Support/raw_ostream.h"

namespace mambac {
namespace {

// Finds what the binding of parameters or variables has changed.
class BoundFinder : public clang::RecursiveASTVisitor<BoundFinder> {
 public:
  bool VisitSubstNonTypeTemplateParmExpr(clang::SubstNonTypeTemplateParmExpr*) { return stop(); }
  bool VisitSubstTemplateTypeParmTypeLoc(clang::SubstTemplateTypeParmTypeLoc) { return stop(); }
  bool VisitDeclRefExpr(clang::DeclRefExpr* reference) {
    return llvm::isa<clang::VarDecl>(reference->getDecl()) ? stop() : true;
  }
  bool found = false;

 private:
  bool stop() {
    found = true;
    return false;
  }
};

bool is_number(clang::QualType type) { return type->isIntegralOrUnscopedEnumerationType(); }

}  // namespace

clang::QualType written_type(const clang::Expr* expression) {
  return expression->IgnoreImpCasts()->getType().getCanonicalType().getUnqualifiedType();
}

Constants::~Constants() {
  while (!initializers_.empty()) release(initializers_.begin()->first);
}

std::optional<llvm::APSInt> Constants::value(const clang::Expr* expression) const {
  if (!expression->getType()->isIntegralOrEnumerationType() || expression->isValueDependent()) return std::nullopt;
  clang::Expr::EvalResult result;
  if (expression->EvaluateAsInt(result, context_)) {
    const llvm::APSInt& number = result.Val.getInt();
    return number.isRepresentableByInt64() ? std::optional(number) : std::nullopt;
  }

  const auto* cast = llvm::dyn_cast<clang::CastExpr>(expression);
  if (cast != nullptr && is_number(cast->getType()) && is_number(cast->getSubExpr()->getType())) {
    const auto inner = value(cast->getSubExpr());
    if (inner && *inner == 0) return context_.MakeIntValue(0, expression->getType());
    return std::nullopt;
  }
  if (const auto* paren = llvm::dyn_cast<clang::ParenExpr>(expression)) return value(paren->getSubExpr());
  const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(expression);
  if (binary == nullptr || !is_number(binary->getType()) || binary->HasSideEffects(context_)) return std::nullopt;
  const auto left = binary->getLHS()->getType()->isIntegerType() ? value(binary->getLHS()) : std::nullopt;
  const auto right = binary->getRHS()->getType()->isIntegerType() ? value(binary->getRHS()) : std::nullopt;
  const bool left_is_zero = left && *left == 0;
  const bool right_is_zero = right && *right == 0;
  bool is_zero = false;
  if (binary->getOpcode() == clang::BO_Mul) is_zero = left_is_zero || right_is_zero;
  if (binary->getOpcode() == clang::BO_Div) is_zero = left_is_zero;
  if (binary->getOpcode() == clang::BO_Rem) is_zero = left_is_zero || (right && *right == 1);
  if (binary->isAdditiveOp()) is_zero = left_is_zero && right_is_zero;
  if (is_zero) return context_.MakeIntValue(0, expression->getType());
  return std::nullopt;
}

bool Constants::is_bound(const clang::Expr* expression) const {
  BoundFinder finder;
  finder.TraverseStmt(const_cast<clang::Expr*>(expression));
  return finder.found;
}

std::optional<std::string> Constants::literal(const clang::Expr* expression) const {
  const clang::Expr* written = expression->IgnoreImpCasts();
  const clang::QualType type = written_type(expression);
  // A cast to int64_t stays, so that the reader sees the width; what it holds becomes a literal.
  const bool is_plain = type == context_.IntTy || type == context_.BoolTy;
  if (llvm::isa<clang::ExplicitCastExpr>(written) && !is_plain) return std::nullopt;
  if (llvm::isa<clang::UnaryExprOrTypeTraitExpr>(written)) return std::nullopt;  // sizeof says more than its value
  if (llvm::isa<clang::InitListExpr>(written)) return std::nullopt;  // long{4}: what its braces hold becomes a literal
  const auto constant = value(written);
  if (!constant || !is_bound(written)) return std::nullopt;
  return literal(*constant, type);
}

std::string Constants::literal(const llvm::APSInt& value, clang::QualType type) const {
  clang::PrintingPolicy policy(context_.getLangOpts());
  std::string text;
  llvm::raw_string_ostream stream(text);
  clang::TemplateArgument(context_, value, type).print(policy, stream, /*IncludeType=*/true);
  return stream.str();
}

void Constants::bind(clang::VarDecl* variable, const llvm::APSInt& value) {
  const clang::QualType type = variable->getType().getUnqualifiedType();
  initializers_.try_emplace(variable, variable->getInit());
  const llvm::APSInt sized = context_.MakeIntValue(value.getExtValue(), type);
  variable->setInit(clang::IntegerLiteral::Create(context_, sized, type, variable->getLocation()));
  variable->setConstexpr(true);
  llvm::SmallVector<clang::PartialDiagnosticAt, 1> notes;
  variable->checkForConstantInitialization(notes);
}

void Constants::release(clang::VarDecl* variable) {
  const auto initializer = initializers_.extract(variable);
  if (initializer.empty()) return;
  variable->setConstexpr(false);
  variable->setInit(initializer.mapped());
}

bool Constants::is_constant(clang::VarDecl* variable) {
  release(variable);
  if (variable->getInit() == nullptr || !variable->getType()->isIntegralOrEnumerationType()) return false;
  if (!variable->isConstexpr() && !variable->getType().isConstQualified()) return false;
  variable->setInit(variable->getInit());  // forgets what an earlier round evaluated
  llvm::SmallVector<clang::PartialDiagnosticAt, 1> notes;
  if (variable->checkForConstantInitialization(notes)) return true;
  const auto zero = value(variable->getInit());
  if (!zero) return false;
  bind(variable, *zero);
  return true;
}

}  // namespace mambac
