#include <algorithm>
#include <cstdlib>

#include "generator/error.h"
#include "generator/specialize/specialize_renderer.h"

namespace mambac {
namespace {

Binding binding_of(const clang::Expr* expression) {
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(expression)) {
    if (binary->isMultiplicativeOp()) return Binding::multiplicative;
    return binary->isAdditiveOp() ? Binding::additive : Binding::loose;
  }
  if (llvm::isa<clang::ConditionalOperator>(expression)) return Binding::loose;
  if (llvm::isa<clang::UnaryOperator, clang::CStyleCastExpr>(expression)) return Binding::unary;
  return Binding::primary;
}

// The operands of `a + b - c` or `a * b * c`, as far as no parentheses and no conversion stand between.
struct Term {
  clang::Expr* expression;
  bool negative = false;
  std::optional<llvm::APSInt> constant;
  bool is_bound = false;
};

// What the constants among the operands come to.
struct Constant {
  int64_t value;
  size_t count = 0, first = 0, last = 0;
  bool is_bound = false;
};

template <typename Join>
Constant constant_of(const std::vector<Term>& terms, int64_t neutral, Join join) {
  Constant result{neutral};
  for (size_t index = 0; index < terms.size(); ++index) {
    if (!terms[index].constant) continue;
    const int64_t value = terms[index].constant->getExtValue();
    result.value = join(result.value, terms[index].negative ? -value : value);
    result.is_bound = result.is_bound || terms[index].is_bound;
    if (result.count++ == 0) result.first = index;
    result.last = index;
  }
  return result;
}

bool belongs(const clang::BinaryOperator* operation, const clang::BinaryOperator* chain) {
  if (chain->isAdditiveOp() != operation->isAdditiveOp() || written_type(operation) != written_type(chain))
    return false;
  return chain->isAdditiveOp() || operation->getOpcode() == clang::BO_Mul;
}

Term term_of(clang::Expr* expression, bool negative, const Constants& constants) {
  if (!expression->getType()->isIntegerType()) return {expression, negative, std::nullopt, false};
  return {expression, negative, constants.value(expression), constants.is_bound(expression)};
}

void collect(clang::BinaryOperator* operation, clang::BinaryOperator* chain, const Constants& constants,
             std::vector<Term>& terms) {
  auto* left = llvm::dyn_cast<clang::BinaryOperator>(operation->getLHS()->IgnoreImpCasts());
  if (left != nullptr && belongs(left, chain)) {
    collect(left, chain, constants, terms);
  } else {
    terms.push_back(term_of(operation->getLHS(), false, constants));
  }
  terms.push_back(term_of(operation->getRHS(), operation->getOpcode() == clang::BO_Sub, constants));
}

bool fits(int64_t value, clang::QualType type, const clang::ASTContext& context) {
  return context.MakeIntValue(static_cast<uint64_t>(value), type).getExtValue() == value;
}

// Leaving an operand out, or joining two, must not change the type that the rest is computed in.
bool is_uniform(const clang::BinaryOperator* chain, const std::vector<Term>& terms) {
  const clang::QualType type = written_type(chain);
  for (const Term& term : terms) {
    const clang::QualType of_term = written_type(term.expression);
    const bool is_offset = type->isPointerType() && &term != &terms.front() && of_term->isIntegerType();
    if (of_term != type && !is_offset) return false;
  }
  return type->isIntegerType() || type->isPointerType();
}

// An array counts as the pointer that it becomes.
clang::QualType type_of_term(const Term& term, const clang::ASTContext& context) {
  const clang::QualType type = written_type(term.expression);
  return type->isArrayType() ? context.getArrayDecayedType(type) : type;
}

// Takes zeros out of a chain whose terms differ in type. Not if the type of its first sum would change.
void leave_out_zeros(const clang::BinaryOperator* chain, const clang::ASTContext& context, std::vector<Term>& terms) {
  std::vector<Term> rest;
  std::ranges::copy_if(terms, std::back_inserter(rest),
                       [](const Term& term) { return !(term.constant && *term.constant == 0 && term.is_bound); });
  const auto is_of_the_chain = [&](const Term& term) { return type_of_term(term, context) == written_type(chain); };
  if (!rest.empty() && !rest.front().negative &&
      std::any_of(rest.begin(), rest.begin() + std::min<size_t>(2, rest.size()), is_of_the_chain)) {
    terms = std::move(rest);
  }
}

}  // namespace

// `(part + 1) * 48 / 48` has become `(part + 1)`, which stands here without its parentheses.
std::string Renderer::whole_expression(clang::Expr* node) {
  const std::string text = expression(node).text;
  const bool is_as_written = text == source_.text(source_.range(node->getSourceRange()));
  if (is_as_written || llvm::isa<clang::ParenExpr>(node->IgnoreImpCasts()) || !text.starts_with('(')) return text;
  size_t position = 0;
  int depth = 0;
  do {
    if (text[position] == '(') ++depth;
    if (text[position] == ')') --depth;
  } while (++position < text.size() && depth > 0);
  return position == text.size() ? text.substr(1, position - 2) : text;
}

Expression Renderer::expression(clang::Expr* node) {
  if (const auto literal = constants_.literal(node)) {
    return {*literal, literal->front() == '-' ? Binding::unary : Binding::primary};
  }
  clang::Expr* written = node->IgnoreImpCasts();
  const TextRange range = source_.range(node->getSourceRange());
  if (auto* conditional = llvm::dyn_cast<clang::ConditionalOperator>(written)) {
    if (const auto condition = decided(conditional->getCond())) {
      clang::Expr* taken = *condition != 0 ? conditional->getTrueExpr() : conditional->getFalseExpr();
      const clang::QualType type = written_type(taken), whole = written_type(conditional);
      const bool gains_const = type->isPointerType() && whole->isPointerType() &&
                               context_.hasSameUnqualifiedType(type->getPointeeType(), whole->getPointeeType());
      if (type == whole || gains_const) return expression(taken);
    }
  }
  if (auto* paren = llvm::dyn_cast<clang::ParenExpr>(written)) {
    return parenthesized(paren, Binding::primary);
  }
  if (auto* operation = llvm::dyn_cast<clang::BinaryOperator>(written)) return binary(operation);
  if (auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(written)) {
    refer(reference);
    if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl())) {
      if (const auto name = names_.function(function)) return {*name};
    }
  }
  const auto traverse = [&] {
    auto* call = llvm::dyn_cast<clang::CallExpr>(written);
    if (call == nullptr || !call_with_kept_arguments(call)) RecursiveASTVisitor::TraverseStmt(written);
  };
  return {render(range, traverse), binding_of(written)};
}

bool Renderer::call_with_kept_arguments(clang::CallExpr* call) {
  const clang::FunctionDecl* callee = call->getDirectCallee();
  if (callee == nullptr || llvm::isa<clang::CXXOperatorCallExpr, clang::CXXMemberCallExpr>(call)) return false;
  if (!names_.function(callee)) return false;
  const std::vector<bool>& kept = names_.kept(callee);
  if (std::find(kept.begin(), kept.end(), false) == kept.end()) return false;
  TraverseStmt(call->getCallee());
  std::vector<TextRange> ranges;
  for (unsigned index = 0; index < call->getNumArgs(); ++index) {
    clang::Expr* argument = call->getArg(index);
    ranges.push_back(source_.range(argument->getSourceRange()));
    if (kept[index]) {
      TraverseStmt(argument);
    } else if (argument->HasSideEffects(context_)) {
      fail(ExitCode::internal, "{}: nothing reads this argument, but it does something by itself",
           source_.place(argument->getBeginLoc()));
    }
  }
  keep(ranges, kept);
  return true;
}

void Renderer::refer(const clang::DeclRefExpr* reference) {
  const auto* variable = llvm::dyn_cast<clang::VarDecl>(reference->getDecl());
  if (variable != nullptr && variable->isFileVarDecl() && source_.contains(variable->getSourceRange())) {
    fail(ExitCode::internal, "{}: the constant {} must stand inside of the function, where it can be printed",
         source_.place(reference->getLocation()), variable->getNameAsString());
  }
  used_.insert(reference->getDecl());
}

// Parentheses go if what they hold has changed and binds tightly enough to stand without them.
Expression Renderer::parenthesized(clang::ParenExpr* paren, Binding at_least) {
  const Expression inner = expression(paren->getSubExpr());
  const bool is_as_written = inner.text == source_.text(source_.range(paren->getSubExpr()->getSourceRange()));
  if (inner.binding >= at_least && !is_as_written) return inner;
  return {"(" + inner.text + ")"};
}

std::string Renderer::operand(clang::Expr* node, Binding at_least) {
  auto* paren = llvm::dyn_cast<clang::ParenExpr>(node->IgnoreImpCasts());
  if (paren == nullptr || constants_.literal(node)) {
    return at_least == Binding::loose ? whole_expression(node) : expression(node).text;
  }
  return parenthesized(paren, at_least).text;
}

Expression Renderer::binary(clang::BinaryOperator* operation) {
  if (operation->isLogicalOp()) {
    if (auto result = logical(operation)) return *result;
  }
  if (operation->isAdditiveOp()) {
    if (auto result = sum(operation)) return *result;
  }
  if (operation->isMultiplicativeOp()) {
    if (auto result = product(operation)) return *result;
  }
  const Binding binding = binding_of(operation);
  // An operand may lose its parentheses if it binds more tightly than the operation.
  Binding at_least = Binding::primary;
  if (operation->isAssignmentOp()) at_least = Binding::loose;
  if (operation->isComparisonOp()) at_least = Binding::additive;
  if (binding == Binding::additive) at_least = Binding::multiplicative;
  if (binding == Binding::multiplicative) at_least = Binding::unary;
  const auto traverse = [&] {
    for (clang::Expr* side : {operation->getLHS(), operation->getRHS()}) {
      edit(source_.range(side->getSourceRange()), operand(side, at_least));
    }
  };
  return {render(source_.range(operation->getSourceRange()), traverse), binding};
}

// Constants of a sum are joined, zero is left out.
std::optional<Expression> Renderer::sum(clang::BinaryOperator* operation) {
  std::vector<Term> terms;
  collect(operation, operation, constants_, terms);
  Constant constant = constant_of(terms, 0, [](int64_t total, int64_t value) { return total + value; });
  if (!constant.is_bound) return std::nullopt;
  if (!is_uniform(operation, terms)) return sum_of_types(operation);
  const bool is_pointer = operation->getType()->isPointerType();
  const bool is_wide = is_pointer && written_type(terms[constant.last].expression) != context_.IntTy;
  const bool is_first = !is_pointer && constant.last == 0 && !terms[1].negative;  // 768 + row reads row + 768
  if (constant.count == 1 && constant.value > 0 && !is_wide && !is_first) return std::nullopt;
  if (is_first) {
    std::rotate(terms.begin(), terms.begin() + 1, terms.end());
    constant.last = terms.size() - 1;
  }

  const clang::QualType type = is_pointer ? context_.IntTy : written_type(operation);
  if (!fits(constant.value, type, context_)) return std::nullopt;
  std::string text;
  size_t printed = 0;
  Binding binding{};
  for (size_t index = 0; index < terms.size(); ++index) {
    if (terms[index].constant && (index != constant.last || constant.value == 0)) continue;
    const bool negative = terms[index].constant ? constant.value < 0 : terms[index].negative;
    if (printed > 0) text += negative ? " - " : " + ";
    if (printed == 0 && negative) text += "-";
    if (terms[index].constant) {
      text += constants_.literal(context_.MakeIntValue(static_cast<uint64_t>(std::abs(constant.value)), type), type);
    } else if (printed == 0 && !negative) {
      const Expression first = expression(terms[index].expression);
      text += first.text;
      binding = first.binding;
    } else {
      text += operand(terms[index].expression, Binding::multiplicative);
    }
    ++printed;
  }
  if (printed > 1) binding = Binding::additive;
  return Expression{text, binding};
}

// Of a sum whose terms differ in type, only zeros are left out.
std::optional<Expression> Renderer::sum_of_types(clang::BinaryOperator* operation) {
  std::vector<Term> terms;
  collect(operation, operation, constants_, terms);
  const size_t all = terms.size();
  leave_out_zeros(operation, context_, terms);
  if (terms.size() == all) return std::nullopt;
  Expression result = expression(terms.front().expression);
  for (size_t index = 1; index < terms.size(); ++index) {
    result.text += (terms[index].negative ? " - " : " + ") + operand(terms[index].expression, Binding::multiplicative);
    result.binding = Binding::additive;
  }
  return result;
}

// Constants of a product are joined, a factor of one is left out; so is a divisor that divides them.
std::optional<Expression> Renderer::product(clang::BinaryOperator* operation) {
  std::vector<Term> terms;
  int64_t divisor = 1;
  if (operation->getOpcode() == clang::BO_Div) {
    const Term right = term_of(operation->getRHS(), false, constants_);
    const bool is_exact = operation->getType()->isSignedIntegerType();  // an unsigned product may have wrapped around
    if (!right.constant || *right.constant <= 0 || !right.is_bound || !is_exact) return std::nullopt;
    divisor = right.constant->getExtValue();
    auto* dividend = llvm::dyn_cast<clang::BinaryOperator>(operation->getLHS()->IgnoreImpCasts());
    if (dividend != nullptr && dividend->getOpcode() == clang::BO_Mul) {
      collect(dividend, dividend, constants_, terms);
    } else {
      terms.push_back(term_of(operation->getLHS(), false, constants_));
    }
  } else if (operation->getOpcode() == clang::BO_Mul) {
    collect(operation, operation, constants_, terms);
  }
  if (terms.empty() || !is_uniform(operation, terms)) return std::nullopt;
  Constant constant = constant_of(terms, 1, [](int64_t total, int64_t value) { return total * value; });
  const bool is_division = operation->getOpcode() == clang::BO_Div;
  if (is_division ? constant.value % divisor != 0 : !constant.is_bound) return std::nullopt;
  if (!is_division && constant.count == 1 && constant.value != 1) return std::nullopt;
  constant.value /= divisor;
  if (!fits(constant.value, written_type(operation), context_)) return std::nullopt;

  std::string text;
  size_t printed = 0;
  Binding binding{};
  for (size_t index = 0; index < terms.size(); ++index) {
    if (terms[index].constant && (index != constant.first || constant.value == 1)) continue;
    if (printed > 0) text += " * ";
    const clang::QualType type = written_type(operation);
    Expression factor =
        terms[index].constant
            ? Expression{constants_.literal(context_.MakeIntValue(static_cast<uint64_t>(constant.value), type), type)}
            : expression(terms[index].expression);
    text += factor.text;
    binding = factor.binding;
    ++printed;
  }
  if (printed > 1) binding = Binding::multiplicative;
  return Expression{text, binding};
}

// The value of a condition, also of `condition || true` and `condition && false`.
std::optional<bool> Renderer::decided(clang::Expr* condition) {
  if (const auto value = constants_.value(condition)) return *value != 0;
  auto* operation = llvm::dyn_cast<clang::BinaryOperator>(condition->IgnoreParenImpCasts());
  if (operation == nullptr || !operation->isLogicalOp() || operation->HasSideEffects(context_)) return std::nullopt;
  const bool absorbing = operation->getOpcode() == clang::BO_LOr;
  for (clang::Expr* side : {operation->getLHS(), operation->getRHS()}) {
    const auto value = constants_.value(side);
    if (value && (*value != 0) == absorbing && constants_.is_bound(side)) return absorbing;
  }
  return std::nullopt;
}

// `true && condition` is `condition`.
std::optional<Expression> Renderer::logical(clang::BinaryOperator* operation) {
  const bool neutral = operation->getOpcode() == clang::BO_LAnd;
  clang::Expr* sides[] = {operation->getLHS(), operation->getRHS()};
  for (int side : {0, 1}) {
    const auto constant = constants_.value(sides[side]);
    if (!constant || (*constant != 0) != neutral || !constants_.is_bound(sides[side])) continue;
    if (written_type(sides[1 - side]) == context_.BoolTy) return expression(sides[1 - side]);
  }
  return std::nullopt;
}

}  // namespace mambac
