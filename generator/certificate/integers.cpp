#include "generator/certificate/integers.h"

namespace mambac {
namespace {

bool is_integer(clang::QualType type) { return type->isIntegralOrEnumerationType(); }

const clang::VarDecl* local_integer(const clang::Expr* expression) {
  const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(expression->IgnoreParens());
  const auto* variable = reference ? llvm::dyn_cast<clang::VarDecl>(reference->getDecl()) : nullptr;
  return variable && is_integer(variable->getType()) ? variable : nullptr;
}

// Integers that are named for more than their value or an assignment: a reference or pointer to them can be anywhere.
void find_escaped(const clang::Stmt* statement, std::set<const clang::VarDecl*>& escaped) {
  const clang::Expr* used = nullptr;
  if (const auto* cast = llvm::dyn_cast<clang::ImplicitCastExpr>(statement)) {
    if (cast->getCastKind() == clang::CK_LValueToRValue) used = cast->getSubExpr();
  } else if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(statement)) {
    if (operation->isAssignmentOp()) used = operation->getLHS();
  } else if (const auto* step = llvm::dyn_cast<clang::UnaryOperator>(statement)) {
    if (step->isIncrementDecrementOp()) used = step->getSubExpr();
  } else if (const auto* expression = llvm::dyn_cast<clang::Expr>(statement)) {
    if (const clang::VarDecl* variable = local_integer(expression)) escaped.insert(variable);
  }
  for (const clang::Stmt* part : evaluated_parts(statement)) {
    if (part != used || !local_integer(used)) find_escaped(part, escaped);
  }
}

}  // namespace

Integers::Integers(const clang::ASTContext& context, const CertificateRules& rules, const Plan& plan,
                   const CallGraph& graph)
    : context_(context), rules_(rules), threads_(plan.deployment.threads), graph_(graph) {}

void Integers::enter(const clang::FunctionDecl* function) {
  variables_.clear();
  escaped_.clear();
  for (const clang::Stmt* part : evaluated_parts(function)) find_escaped(part, escaped_);
  for (const clang::ParmVarDecl* parameter : function->parameters()) {
    if (!is_integer(parameter->getType())) continue;
    const auto found = parameters_.find(parameter);
    variables_[parameter] = function == graph_.functions.front() ? of_type(parameter->getType())
                            : found == parameters_.end()         ? std::nullopt
                                                                 : found->second;
  }
}

KnownLimits Integers::limits(const clang::Expr* expression) const {
  if (!is_integer(expression->getType())) return std::nullopt;
  clang::Expr::EvalResult constant;
  if (expression->EvaluateAsInt(constant, context_)) {
    const llvm::APSInt& value = constant.Val.getInt();
    return value.isRepresentableByInt64() ? Limits{value.getExtValue(), value.getExtValue()}
                                          : *of_type(expression->getType());
  }
  expression = expression->IgnoreParens();
  if (const auto* cast = llvm::dyn_cast<clang::CastExpr>(expression)) {
    return fitted(limits(cast->getSubExpr()), cast->getType());
  }
  if (const auto* full = llvm::dyn_cast<clang::FullExpr>(expression)) return limits(full->getSubExpr());
  if (const clang::VarDecl* variable = local_integer(expression)) {
    const auto found = variables_.find(variable);
    return found == variables_.end() || escaped_.contains(variable) ? std::nullopt : found->second;
  }
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(expression)) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    const auto found = fields_.find(field);
    return found == fields_.end() ? std::nullopt : found->second;
  }
  if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(expression)) {
    const KnownLimits operand = limits(operation->getSubExpr());
    if (!operand) return std::nullopt;
    if (operation->getOpcode() == clang::UO_Minus) return fitted(Limits{0, 0} - *operand, operation->getType());
    return operation->getOpcode() == clang::UO_Deref ? std::nullopt : of_type(operation->getType());
  }
  if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(expression)) return of_operation(operation);
  if (const auto* choice = llvm::dyn_cast<clang::ConditionalOperator>(expression)) return of_choice(choice);
  return std::nullopt;
}

bool Integers::is_constant(const clang::Expr* expression) const {
  return expression->isEvaluatable(context_, clang::Expr::SE_NoSideEffects);
}

KnownLimits Integers::of_operation(const clang::BinaryOperator* operation) const {
  const KnownLimits left = limits(operation->getLHS()), right = limits(operation->getRHS());
  if (!left || !right) return std::nullopt;
  const bool divides = right->is_one_value() && right->low > 0;
  const clang::QualType type = operation->getType();
  switch (operation->getOpcode()) {
    case clang::BO_Assign:
      return right;
    case clang::BO_Add:
      return fitted(*left + *right, type);
    case clang::BO_Sub:
      return fitted(*left - *right, type);
    case clang::BO_Mul:
      return fitted(*left * *right, type);
    case clang::BO_Div:
      return divides ? *left / right->low : of_type(type);
    case clang::BO_Rem:
      return divides ? *left % right->low : of_type(type);
    default:
      return of_type(type);  // depends on counts alone, but nobody says how large it is
  }
}

// `a < b ? a : b` is at most the smaller of both.
KnownLimits Integers::of_choice(const clang::ConditionalOperator* choice) const {
  const KnownLimits yes = limits(choice->getTrueExpr()), no = limits(choice->getFalseExpr());
  if (!limits(choice->getCond()) || !yes || !no) return std::nullopt;
  Limits result = either(*yes, *no);
  const auto* comparison = llvm::dyn_cast<clang::BinaryOperator>(choice->getCond()->IgnoreParens());
  if (comparison && (comparison->getOpcode() == clang::BO_LT || comparison->getOpcode() == clang::BO_LE) &&
      is_same(comparison->getLHS(), choice->getTrueExpr()) && is_same(comparison->getRHS(), choice->getFalseExpr())) {
    result.high = std::min(yes->high, no->high);
  }
  return result;
}

bool Integers::is_same(const clang::Expr* a, const clang::Expr* b) const {
  llvm::FoldingSetNodeID first, second;
  stripped(a)->Profile(first, context_, true);
  stripped(b)->Profile(second, context_, true);
  return first == second;
}

void Integers::happen(const clang::Stmt* statement) {
  if (const auto* declarations = llvm::dyn_cast<clang::DeclStmt>(statement)) {
    for (const clang::Decl* declaration : declarations->decls()) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(declaration);
      if (!variable || !is_integer(variable->getType())) continue;
      variables_[variable] =
          variable->getInit() ? fitted(limits(variable->getInit()), variable->getType()) : std::nullopt;
    }
  } else if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(statement)) {
    const clang::VarDecl* variable = operation->isAssignmentOp() ? local_integer(operation->getLHS()) : nullptr;
    if (variable == nullptr) return;
    variables_[variable] = operation->getOpcode() == clang::BO_Assign ? limits(operation->getRHS()) : std::nullopt;
  } else if (const auto* step = llvm::dyn_cast<clang::UnaryOperator>(statement)) {
    const clang::VarDecl* variable = step->isIncrementDecrementOp() ? local_integer(step->getSubExpr()) : nullptr;
    if (variable) variables_[variable] = std::nullopt;
  } else if (const auto* one = llvm::dyn_cast<clang::CallExpr>(statement)) {
    call(one);
  } else if (const auto* construction = llvm::dyn_cast<clang::CXXConstructExpr>(statement)) {
    for (unsigned index = 0; index < construction->getNumArgs(); ++index) {
      pass(construction->getConstructor(), index, limits(construction->getArg(index)));
    }
  } else if (const auto* list = llvm::dyn_cast<clang::InitListExpr>(statement)) {
    make(list);
  }
}

void Integers::pass(const clang::FunctionDecl* callee, unsigned parameter, KnownLimits limits) {
  const clang::FunctionDecl* definition = callee->getDefinition();
  if (!definition || parameter >= definition->getNumParams()) return;
  const clang::ParmVarDecl* received = definition->getParamDecl(parameter);
  const auto [entry, is_first] = parameters_.try_emplace(received, fitted(limits, received->getType()));
  if (!is_first) entry->second = either(entry->second, fitted(limits, received->getType()));
}

void Integers::call(const clang::CallExpr* call) {
  const clang::FunctionDecl* callee = call->getDirectCallee();
  // A member operator's first argument is its object.
  const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(callee);
  const unsigned object = method && llvm::isa<clang::CXXOperatorCallExpr>(call) ? 1 : 0;
  for (unsigned index = object; index < call->getNumArgs(); ++index) {
    pass(callee, index - object, limits(call->getArg(index)));
  }
  if (!rules_.is_worker_function(rules_.plain_name(callee)) || call->getNumArgs() == 0) return;
  // run(function, argument) calls function(argument, part) for every part.
  const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(stripped(call->getArg(0)));
  const auto* function = reference ? llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl()) : nullptr;
  if (function) pass(function, 1, Limits{0, threads_ - 1});
}

void Integers::make(const clang::InitListExpr* list) {
  const clang::RecordDecl* record = list->getType()->getAsRecordDecl();
  if (!record || graph_.made.at(record) != 1) return;
  unsigned index = 0;
  for (const clang::FieldDecl* field : record->fields()) {
    if (index == list->getNumInits()) return;
    const clang::Expr* value = list->getInit(index++);
    if (!is_integer(field->getType()) || graph_.changed_fields.contains(field)) continue;
    fields_[field] = fitted(limits(value), field->getType());
  }
}

void Integers::assume_not(const clang::Expr* condition) {
  const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(condition->IgnoreParens());
  if (operation == nullptr) return;
  if (operation->getOpcode() == clang::BO_LOr) {
    assume_not(operation->getLHS());
    assume_not(operation->getRHS());
    return;
  }
  const clang::VarDecl* variable = local_integer(operation->getLHS()->IgnoreParenImpCasts());
  const KnownLimits bound = limits(operation->getRHS());
  const bool is_converted =
      !variable || !context_.hasSameUnqualifiedType(operation->getLHS()->getType(), variable->getType());
  if (is_converted || !bound || !variables_[variable]) return;
  Limits& kept = *variables_[variable];
  if (operation->getOpcode() == clang::BO_LT) kept.low = std::max(kept.low, bound->low);
  if (operation->getOpcode() == clang::BO_GT) kept.high = std::min(kept.high, bound->high);
}

void Integers::join(const Variables& other) {
  for (auto& [variable, limits] : variables_) {
    const auto found = other.find(variable);
    if (found != other.end()) limits = either(limits, found->second);
  }
}

KnownLimits Integers::of_type(clang::QualType type) const {
  if (type->isBooleanType()) return Limits{0, 1};
  const unsigned bits = context_.getIntWidth(type);
  const bool is_signed = type->isSignedIntegerOrEnumerationType();
  const __int128 half = static_cast<__int128>(1) << (bits - 1);
  return is_signed ? Limits{saturated(-half), saturated(half - 1)} : Limits{0, saturated(2 * half - 1)};
}

// What does not fit wraps around: still no data, but of any size.
KnownLimits Integers::fitted(KnownLimits limits, clang::QualType type) const {
  if (!limits || !is_integer(type)) return std::nullopt;
  const KnownLimits all = of_type(type);
  return all->contains(*limits) ? limits : all;
}

}  // namespace mambac
