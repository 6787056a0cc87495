#include <algorithm>
#include <cctype>
#include <utility>

#include "generator/error.h"
#include "generator/specialize/specialize_comments.h"
#include "generator/specialize/specialize_renderer.h"

namespace mambac {
namespace {

// More rounds than this were not meant to be written out.
constexpr int most_rounds = 1024;

class VariableCounter : public clang::RecursiveASTVisitor<VariableCounter> {
 public:
  explicit VariableCounter(std::map<std::string, int>& counts) : counts_(counts) {}
  bool VisitVarDecl(clang::VarDecl* variable) {
    ++counts_[variable->getNameAsString()];
    return true;
  }

 private:
  std::map<std::string, int>& counts_;
};

// Finds a `break` or `continue` of the loop itself.
class JumpFinder : public clang::RecursiveASTVisitor<JumpFinder> {
 public:
  bool TraverseForStmt(clang::ForStmt*) { return true; }
  bool TraverseWhileStmt(clang::WhileStmt*) { return true; }
  bool TraverseDoStmt(clang::DoStmt*) { return true; }
  bool VisitBreakStmt(clang::BreakStmt*) { return stop(); }
  bool VisitContinueStmt(clang::ContinueStmt*) { return stop(); }
  bool found = false;

 private:
  bool stop() {
    found = true;
    return false;
  }
};

std::string trimmed(const std::string& text) { return llvm::StringRef(text).trim().str(); }
std::string braced(const std::string& text) { return "{\n" + text + "\n}"; }

// The one integer that a loop declares in its head.
clang::VarDecl* loop_variable(const clang::ForStmt* loop) {
  const auto* declaration = llvm::dyn_cast_or_null<clang::DeclStmt>(loop->getInit());
  if (declaration == nullptr || !declaration->isSingleDecl() || loop->getCond() == nullptr) return nullptr;
  auto* variable = llvm::dyn_cast<clang::VarDecl>(const_cast<clang::Decl*>(declaration->getSingleDecl()));
  const bool counts = variable != nullptr && variable->getInit() != nullptr && variable->getType()->isIntegerType();
  return counts ? variable : nullptr;
}

// What the loop does to its variable after every round.
struct LoopStep {
  clang::BinaryOperatorKind operation;
  int64_t by;

  int64_t after(int64_t value) const {
    if (operation == clang::BO_AddAssign) return value + by;
    if (operation == clang::BO_SubAssign) return value - by;
    return operation == clang::BO_MulAssign ? value * by : value / by;
  }
};

std::optional<LoopStep> loop_step(const clang::ForStmt* loop, const Constants& constants) {
  if (const auto* unary = llvm::dyn_cast_or_null<clang::UnaryOperator>(loop->getInc())) {
    if (unary->isIncrementOp()) return LoopStep{clang::BO_AddAssign, 1};
    if (unary->isDecrementOp()) return LoopStep{clang::BO_SubAssign, 1};
  }
  const auto* assignment = llvm::dyn_cast_or_null<clang::CompoundAssignOperator>(loop->getInc());
  if (assignment == nullptr) return std::nullopt;
  const clang::BinaryOperatorKind operation = assignment->getOpcode();
  const bool known = operation == clang::BO_AddAssign || operation == clang::BO_SubAssign ||
                     operation == clang::BO_MulAssign || operation == clang::BO_DivAssign;
  const auto by = constants.value(assignment->getRHS());
  if (!known || !by || (operation == clang::BO_DivAssign && *by == 0)) return std::nullopt;
  return LoopStep{operation, by->getExtValue()};
}

}  // namespace

std::string Renderer::function(clang::FunctionDecl* function, const std::string& name, bool is_helper, bool is_launched,
                               std::vector<bool>& kept) {
  if (const auto* primary = function->getPrimaryTemplate()) {
    const clang::TemplateArgumentList& arguments = *function->getTemplateSpecializationArgs();
    for (unsigned index = 0; index < arguments.size(); ++index) {
      const clang::TemplateArgument& argument = arguments[index];
      const std::string parameter = primary->getTemplateParameters()->getParam(index)->getNameAsString();
      if (argument.getKind() == clang::TemplateArgument::Integral) {
        parameters_[parameter] = constants_.literal(argument.getAsIntegral(), argument.getIntegralType());
      } else if (argument.getKind() == clang::TemplateArgument::Type) {
        parameters_[parameter] = names_.type(argument.getAsType());
      }
    }
  }
  VariableCounter(declarations_).TraverseDecl(function);

  TextRange header = source_.range(function->getSourceRange());
  if (const auto* pattern = function->getTemplateInstantiationPattern()) {
    const clang::FunctionTemplateDecl* declared = pattern->getDescribedFunctionTemplate();
    header.begin = source_.range(declared->getSourceRange()).begin;
    header.end = source_.range(declared->getTemplateParameters()->getSourceRange()).end;
    header.end = static_cast<unsigned>(source_.text().find_first_not_of(" \n", header.end));
  } else {
    header.begin = header.end = source_.line_text_begin(header.begin);
  }
  const TextRange whole = {source_.begin_with_comments(header.begin),
                           source_.range(function->getBody()->getSourceRange()).end};
  const TextRange comment = {whole.begin, source_.line_text_begin(header.begin)};
  return render(whole, [&] {
    edit(comment, bound_comment_lines(std::string(source_.text(comment)), parameters_));
    launch_bounds({header.end, source_.range(function->getLocation()).begin});
    edit(header, is_helper && !function->isInlineSpecified() ? "inline " : "");
    edit(source_.range(function->getLocation()), name);
    TraverseStmt(function->getBody());
    TraverseTypeLoc(function->getFunctionTypeLoc().getReturnLoc());
    parameters(function, is_launched, kept);
  });
}

void Renderer::parameters(clang::FunctionDecl* function, bool is_launched, std::vector<bool>& kept) {
  std::vector<TextRange> ranges;
  for (clang::ParmVarDecl* parameter : function->parameters()) {
    ranges.push_back(source_.range(parameter->getSourceRange()));
    const bool is_used = parameter->getIdentifier() == nullptr || used_.contains(parameter);
    kept.push_back(is_used || is_launched);
    if (!kept.back()) continue;
    const std::string text = render(ranges.back(), [&] { TraverseDecl(parameter); });
    edit(ranges.back(), is_used || text.starts_with("[[") ? text : "[[maybe_unused]] " + text);
  }
  keep(ranges, kept);
}

void Renderer::keep(const std::vector<TextRange>& elements, const std::vector<bool>& kept) {
  bool is_first = true;
  for (size_t index = 0; index < elements.size(); ++index) {
    if (kept[index]) {
      if (is_first && index > 0) edit({elements[0].begin, elements[index].begin}, "");
      is_first = false;
    } else if (!is_first) {
      edit({elements[index - 1].end, elements[index].end}, "");
    }
  }
  if (is_first && !elements.empty()) edit({elements.front().begin, elements.back().end}, "");
}

// `__launch_bounds__(Threads, 1)` and `__cluster_dims__(Blocks)` are no part of the tree: their parameters become
// values by name.
void Renderer::launch_bounds(TextRange before_name) {
  const std::string_view text = source_.text(before_name);
  const size_t bounds = text.find("__global__");
  if (bounds == text.npos) return;
  for (const auto& [parameter, value] : parameters_) {
    for (size_t at = text.find(parameter, bounds); at != text.npos; at = text.find(parameter, at + 1)) {
      const auto is_word = [&](size_t index) {
        return index < text.size() && (std::isalnum(text[index]) || text[index] == '_');
      };
      if (is_word(at - 1) || is_word(at + parameter.size())) continue;
      const auto begin = static_cast<unsigned>(before_name.begin + at);
      edit({begin, begin + static_cast<unsigned>(parameter.size())}, value);
    }
  }
}

bool Renderer::TraverseStmt(clang::Stmt* statement) {
  const bool in_block = std::exchange(in_block_, false);
  if (statement == nullptr || !source_.contains(statement->getSourceRange())) return true;
  if (auto* node = llvm::dyn_cast<clang::Expr>(statement)) {
    edit(source_.range(node->getSourceRange()), whole_expression(node));
  } else if (auto* block = llvm::dyn_cast<clang::CompoundStmt>(statement)) {
    const size_t declared = declared_.size();
    compound(block);
    declared_.resize(declared);
  } else if (auto* declared = llvm::dyn_cast<clang::DeclStmt>(statement)) {
    declaration(declared, in_block);
  } else if (auto* condition = llvm::dyn_cast<clang::IfStmt>(statement)) {
    branch(condition, in_block);
  } else if (auto* loop = llvm::dyn_cast<clang::ForStmt>(statement)) {
    plain_loop(loop, in_block);
  } else if (auto* attributed = llvm::dyn_cast<clang::AttributedStmt>(statement);
             attributed != nullptr && clang::hasSpecificAttr<clang::LoopHintAttr>(attributed->getAttrs())) {
    unrolled_loop(attributed, llvm::dyn_cast<clang::ForStmt>(attributed->getSubStmt()), in_block);
  } else {
    RecursiveASTVisitor::TraverseStmt(statement);
  }
  return true;
}

void Renderer::compound(clang::CompoundStmt* block) {
  for (clang::Stmt* statement : block->body()) {
    in_block_ = true;
    TraverseStmt(statement);
  }
}

// Constants are literals where they are read, so that their declarations are dead.
void Renderer::declaration(clang::DeclStmt* statement, bool in_block) {
  bool is_dead = true;
  for (clang::Decl* declared : statement->decls()) {
    auto* variable = llvm::dyn_cast<clang::VarDecl>(declared);
    const bool is_constant = variable != nullptr && constants_.is_constant(variable);
    is_dead = is_dead && (is_constant || llvm::isa<clang::StaticAssertDecl>(declared));
  }
  if (is_dead) return remove(statement, in_block);
  for (clang::Decl* declared : statement->decls()) {
    if (const auto* named = llvm::dyn_cast<clang::NamedDecl>(declared)) declared_.push_back(named->getNameAsString());
  }
  RecursiveASTVisitor::TraverseStmt(statement);
}

void Renderer::branch(clang::IfStmt* statement, bool in_block) {
  const auto condition = constants_.value(statement->getCond());
  if (!condition || statement->hasInitStorage() || statement->hasVarStorage()) {
    RecursiveASTVisitor::TraverseStmt(statement);
    return;
  }
  clang::Stmt* taken = *condition != 0 ? statement->getThen() : statement->getElse();
  if (taken == nullptr || llvm::isa<clang::NullStmt>(taken)) return remove(statement, in_block);
  const size_t first_declared = declared_.size();
  std::string text = inside(taken);
  if (collides(first_declared)) {
    text = braced(text);
    declared_.resize(first_declared);
  }
  replace(statement, text, in_block);
}

void Renderer::plain_loop(clang::ForStmt* loop, bool in_block) {
  clang::VarDecl* variable = loop_variable(loop);
  if (variable != nullptr) {
    if (const auto first = constants_.value(variable->getInit())) {
      constants_.bind(variable, *first);
      const auto runs = constants_.value(loop->getCond());
      constants_.release(variable);
      if (runs && *runs == 0) return remove(loop, in_block);
      if (runs && runs_once(loop, variable, *first)) return unrolled_loop(loop, loop, in_block);
    }
  }
  RecursiveASTVisitor::TraverseStmt(loop);
}

// Of a loop whose first round runs.
bool Renderer::runs_once(clang::ForStmt* loop, clang::VarDecl* variable, const llvm::APSInt& first) {
  const auto step = loop_step(loop, constants_);
  JumpFinder jumps;
  jumps.TraverseStmt(loop->getBody());
  if (!step || jumps.found) return false;
  const int64_t second = step->after(first.getExtValue());
  constants_.bind(variable, context_.MakeIntValue(static_cast<uint64_t>(second), variable->getType()));
  const auto runs_again = constants_.value(loop->getCond());
  constants_.release(variable);
  return runs_again && *runs_again == 0;
}

void Renderer::unrolled_loop(clang::Stmt* statement, clang::ForStmt* loop, bool in_block) {
  const auto refuse = [&](const char* reason) {
    fail(ExitCode::internal, "{}: the loop under #pragma unroll cannot be written out: {}",
         source_.place(statement->getBeginLoc()), reason);
  };
  clang::VarDecl* variable = loop == nullptr ? nullptr : loop_variable(loop);
  if (variable == nullptr) refuse("it must be a `for` that declares one integer");
  const auto first = constants_.value(variable->getInit());
  if (!first) refuse("its first value is not a constant");
  const auto step = loop_step(loop, constants_);
  if (!step) refuse("its variable does not change by a constant");
  JumpFinder jumps;
  jumps.TraverseStmt(loop->getBody());
  if (jumps.found) refuse("it holds `break` or `continue`");

  struct Round {
    std::string text;
    bool declares;
  };
  std::vector<Round> rounds;
  const size_t first_declared = declared_.size();
  const bool was_repeated = repeated_;
  for (int64_t value = first->getExtValue();; value = step->after(value)) {
    constants_.bind(variable, context_.MakeIntValue(static_cast<uint64_t>(value), variable->getType()));
    const auto runs = constants_.value(loop->getCond());
    if (!runs) refuse("its condition is not a constant");
    if (*runs == 0) break;
    if (rounds.size() == most_rounds) refuse("it runs too often");
    if (!rounds.empty()) declared_.resize(first_declared);
    repeated_ = was_repeated || !rounds.empty();
    const std::string text = inside(loop->getBody());
    rounds.push_back({text, declared_.size() > first_declared});
  }
  constants_.release(variable);
  repeated_ = was_repeated;

  if (rounds.size() == 1) rounds.front().declares = collides(first_declared);
  if (rounds.size() != 1 || rounds.front().declares) declared_.resize(first_declared);
  std::string text;
  for (const Round& round : rounds) text += (round.declares ? braced(round.text) : round.text) + "\n";
  text = trimmed(text);
  if (text.empty()) return remove(statement, in_block);
  replace(statement, text, in_block);
}

std::string Renderer::inside(clang::Stmt* statement) {
  if (auto* block = llvm::dyn_cast<clang::CompoundStmt>(statement)) {
    const TextRange braces = source_.range(block->getSourceRange());
    const std::string text = render({braces.begin + 1, braces.end - 1}, [&] { compound(block); });
    return trimmed(text);
  }
  return render(source_.statement(statement), [&] {
    in_block_ = true;
    TraverseStmt(statement);
  });
}

bool Renderer::collides(size_t first_declared) const {
  return std::any_of(declared_.begin() + static_cast<std::ptrdiff_t>(first_declared), declared_.end(),
                     [&](const std::string& name) { return declarations_.at(name) > 1; });
}

void Renderer::remove(clang::Stmt* statement, bool in_block) {
  const TextRange range = source_.statement(statement);
  if (in_block) {
    edit(source_.lines(range), "");
  } else {
    edit(range, "{}");
  }
}

void Renderer::replace(clang::Stmt* statement, const std::string& text, bool in_block) {
  edit(source_.statement(statement), in_block ? text : braced(text));
}

}  // namespace mambac
