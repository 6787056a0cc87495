#include "generator/certificate/counts.h"

#include <set>

#include "clang/AST/StmtCXX.h"
#include "clang/Lex/Lexer.h"
#include "generator/certificate/integers.h"
#include "generator/error.h"

namespace mambac {
namespace {

const clang::VarDecl* variable_of(const clang::Expr* expression) {
  const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(expression->IgnoreParens());
  return reference ? llvm::dyn_cast<clang::VarDecl>(reference->getDecl()) : nullptr;
}

// Variables that anything may be written to: named without their value being taken.
void find_changed(const clang::Stmt* statement, bool value_is_taken, std::set<const clang::VarDecl*>& changed) {
  if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(statement)) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(reference->getDecl());
    if (variable && !value_is_taken) changed.insert(variable);
  }
  const auto* cast = llvm::dyn_cast<clang::ImplicitCastExpr>(statement);
  const bool takes_value = cast && cast->getCastKind() == clang::CK_LValueToRValue;
  for (const clang::Stmt* part : evaluated_parts(statement)) {
    find_changed(part, takes_value || (value_is_taken && llvm::isa<clang::ParenExpr>(statement)), changed);
  }
}

bool reads_float(const clang::Stmt* statement) {
  const auto* expression = llvm::dyn_cast<clang::Expr>(statement);
  if (expression && expression->isPRValue() && expression->getType()->hasFloatingRepresentation()) return true;
  for (const clang::Stmt* part : evaluated_parts(statement)) {
    if (reads_float(part)) return true;
  }
  return false;
}

// && and ||, which leave their right side out.
bool is_logical(const clang::Stmt* statement) {
  const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(statement);
  return operation && operation->isLogicalOp();
}

// Whether nothing after the statement runs once it has run.
bool returns(const clang::Stmt* statement) {
  if (const auto* block = llvm::dyn_cast<clang::CompoundStmt>(statement))
    return block->size() && returns(block->body_back());
  return llvm::isa<clang::ReturnStmt>(statement);
}

class FunctionCheck {
 public:
  FunctionCheck(const ArtifactUnit& unit, const CertificateRules& rules, Integers& integers,
                const clang::FunctionDecl* function)
      : unit_(unit), rules_(rules), integers_(integers), function_(function) {}

  std::vector<int64_t> run() {
    integers_.enter(function_);
    for (const clang::Stmt* part : evaluated_parts(function_)) check(part);
    return std::move(rounds_);
  }

 private:
  void check(const clang::Stmt* statement) {
    if (const auto* loop = llvm::dyn_cast<clang::ForStmt>(statement)) return check_loop(loop);
    if (const auto* branch = llvm::dyn_cast<clang::IfStmt>(statement)) return check_branch(branch);
    if (const auto* choice = llvm::dyn_cast<clang::ConditionalOperator>(statement)) check_choice(choice);
    if (is_logical(statement)) check_condition(llvm::cast<clang::Expr>(statement));
    const bool is_choice = is_logical(statement) || llvm::isa<clang::ConditionalOperator>(statement);
    const Integers::Variables before = is_choice ? integers_.variables() : Integers::Variables();
    for (const clang::Stmt* part : evaluated_parts(statement)) check(part);
    if (is_choice) integers_.join(before);
    integers_.happen(statement);
  }

  void check_branch(const clang::IfStmt* branch) {
    if (branch->getInit()) check(branch->getInit());
    if (branch->getConditionVariableDeclStmt()) check(branch->getConditionVariableDeclStmt());
    check_condition(branch->getCond());
    check(branch->getCond());
    const Integers::Variables before = integers_.variables();
    if (branch->getThen()) check(branch->getThen());
    Integers::Variables after = integers_.variables();
    integers_.set(before);
    if (branch->getElse()) check(branch->getElse());
    if (branch->getThen() && returns(branch->getThen())) {
      if (!branch->getElse()) integers_.assume_not(branch->getCond());
    } else if (!branch->getElse() || !returns(branch->getElse())) {
      integers_.join(after);
    } else {
      integers_.set(std::move(after));
    }
  }

  // Both sides of a choice between constants cost the same, and lanes are chosen without a branch.
  void check_choice(const clang::ConditionalOperator* choice) {
    if (choice->getCond()->getType()->isVectorType()) return;
    if (integers_.is_constant(choice->getTrueExpr()) && integers_.is_constant(choice->getFalseExpr())) return;
    check_condition(choice->getCond());
  }

  void check_condition(const clang::Expr* condition) {
    if (integers_.limits(condition) || asks_clock(condition)) return;
    const bool is_float = reads_float(condition);
    if (!is_float && rules_.is_argument_check(rules_.plain_name(function_))) return;
    const llvm::StringRef text =
        clang::Lexer::getSourceText(clang::CharSourceRange::getTokenRange(condition->getSourceRange()),
                                    unit_.context().getSourceManager(), unit_.context().getLangOpts());
    refuse(condition->getBeginLoc(), fmt::format("branches on {}: {}", is_float ? "a float" : "data", text.str()));
  }

  // `deadline.passed()`, in a program that may ask.
  bool asks_clock(const clang::Expr* condition) const {
    const auto* call = llvm::dyn_cast<clang::CallExpr>(stripped(condition));
    const clang::FunctionDecl* callee = call ? call->getDirectCallee() : nullptr;
    return callee && rules_.is_clock(rules_.plain_name(callee));
  }

  // for (...; counter < bound; ++counter), also counter + constant <= bound and counter += step.
  void check_loop(const clang::ForStmt* loop) {
    if (loop->getInit()) check(loop->getInit());
    if (!loop->getInc()) refuse_loop(loop, "nothing advances its counter");
    const auto* condition = llvm::dyn_cast_or_null<clang::BinaryOperator>(loop->getCond());
    if (!condition || (condition->getOpcode() != clang::BO_LT && condition->getOpcode() != clang::BO_LE)) {
      refuse_loop(loop, "its condition is not `counter < bound`");
    }
    int64_t ahead = condition->getOpcode() == clang::BO_LT ? 1 : 0;  // how far below the bound the counter stays
    const clang::Expr* compared = condition->getLHS()->IgnoreParenImpCasts();
    if (const auto* sum = llvm::dyn_cast<clang::BinaryOperator>(compared); sum && sum->getOpcode() == clang::BO_Add) {
      const KnownLimits constant = integers_.limits(sum->getRHS());
      if (!constant || !constant->is_one_value())
        refuse_loop(loop, "its condition is not `counter + constant <= bound`");
      ahead += constant->low;
      compared = sum->getLHS()->IgnoreParenImpCasts();
    }
    const clang::VarDecl* counter = variable_of(compared);
    const KnownLimits start = counter ? integers_.limits(compared) : std::nullopt;
    if (!start) refuse_loop(loop, "its counter has no known start");

    std::set<const clang::VarDecl*> changed;
    find_changed(loop->getBody(), false, changed);
    if (changed.contains(counter)) refuse_loop(loop, "its body changes the counter");
    find_changed(condition, false, changed);
    find_changed(loop->getInc(), false, changed);
    changed.erase(counter);
    const KnownLimits before_changes = integers_.limits(condition->getRHS());
    const Integers::Variables before = integers_.variables();
    for (const clang::VarDecl* variable : changed) integers_.set(variable, std::nullopt);
    const KnownLimits bound = integers_.limits(condition->getRHS());
    if (before_changes && !bound) refuse_loop(loop, "its body changes the bound");
    if (!bound) refuse_loop(loop, "its bound depends on data");
    if (bound->high >= std::numeric_limits<int32_t>::max()) refuse_loop(loop, "nothing limits its bound");
    const KnownLimits step = step_of(loop->getInc(), counter);
    if (!step || step->low < 1) refuse_loop(loop, "its counter does not grow by a constant");
    const int64_t last = bound->high - ahead;
    if (last + step->high > integers_.of_type(counter->getType())->high) refuse_loop(loop, "its counter is too narrow");

    rounds_.push_back(last < start->low ? 0 : (last - start->low) / step->low + 1);
    integers_.set(counter, Limits{start->low, std::max(start->low, last)});
    check(loop->getBody());
    integers_.join(before);
    integers_.set(counter, Limits{start->low, std::max(start->high, last + step->high)});
  }

  KnownLimits step_of(const clang::Expr* increment, const clang::VarDecl* counter) {
    if (const auto* one = llvm::dyn_cast<clang::UnaryOperator>(increment)) {
      return one->isIncrementOp() && variable_of(one->getSubExpr()) == counter ? KnownLimits(Limits{1, 1})
                                                                               : std::nullopt;
    }
    const auto* sum = llvm::dyn_cast<clang::CompoundAssignOperator>(increment);
    if (!sum || sum->getOpcode() != clang::BO_AddAssign || variable_of(sum->getLHS()) != counter) return std::nullopt;
    return integers_.limits(sum->getRHS());
  }

  [[noreturn]] void refuse_loop(const clang::ForStmt* loop, const std::string& why) {
    refuse(loop->getForLoc(), "has a loop without a constant bound: " + why);
  }
  [[noreturn]] void refuse(clang::SourceLocation location, const std::string& what) {
    mambac::refuse(unit_, rules_, function_, location, what);
  }

  const ArtifactUnit& unit_;
  const CertificateRules& rules_;
  Integers& integers_;
  const clang::FunctionDecl* function_;
  std::vector<int64_t> rounds_;
};

}  // namespace

LoopRounds check_counts(const ArtifactUnit& unit, const CertificateRules& rules, const Plan& plan,
                        const CallGraph& graph) {
  Integers integers(unit.context(), rules, plan, graph);
  LoopRounds rounds;
  for (const clang::FunctionDecl* function : graph.functions) {
    if (rules.is_worker_function(rules.plain_name(function))) continue;
    rounds[function] = FunctionCheck(unit, rules, integers, function).run();
  }
  return rounds;
}

}  // namespace mambac
