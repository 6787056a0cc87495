#include "generator/specialize/specialize.h"

#include <fmt/ranges.h>

#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "clang/Frontend/ASTUnit.h"
#include "clang/Frontend/TextDiagnosticBuffer.h"
#include "clang/Tooling/Tooling.h"
#include "generator/emit/format_source.h"
#include "generator/error.h"
#include "generator/names.h"
#include "generator/specialize/specialize_prelude.h"
#include "generator/specialize/specialize_renderer.h"

namespace mambac {
namespace {

const std::string root(source_root);
const std::string prelude_root = "/mambac-prelude/";
const std::string templates_folder = "templates/";

// The variable of the parsed unit that makes Clang instantiate the wanted function of this index.
std::string variable_of(size_t index) { return "wanted_" + std::to_string(index); }

// One unit that includes every template and takes the address of every wanted instantiation.
std::string unit_of(const std::map<std::string, std::string>& sources, const std::vector<Specialization>& wanted) {
  std::string unit;
  for (const auto& [path, text] : sources) {
    if (path.starts_with(templates_folder)) unit += fmt::format("#include \"{}\"\n", path);
  }
  unit += "namespace mambac {\n";
  for (size_t index = 0; index < wanted.size(); ++index) {
    const std::string instantiation =
        fmt::format("{}<{}>", wanted[index].kernel, fmt::join(wanted[index].template_arguments, ", "));
    unit += fmt::format("#line 1 \"{0}\"\nauto* const {1} = &{0};\n", instantiation, variable_of(index));
  }
  return unit + "}\n";
}

std::string identifier(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (std::isalnum(static_cast<unsigned char>(letter))) {
      result += letter;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  while (result.ends_with('_')) result.pop_back();
  return result;
}

class Specializer {
 public:
  Specializer(const std::map<std::string, std::string>& sources, const std::vector<Specialization>& wanted,
              Dialect dialect)
      : wanted_(wanted),
        names_{[this](const clang::FunctionDecl* function) { return helper(function); },
               [this](const clang::FunctionDecl* function) -> const std::vector<bool>& {
                 return kept_.at(function->getDefinition());
               },
               [this](clang::QualType type) { return type_name(type); }},
        dialect_(dialect) {
    parse(sources);
  }

  std::vector<SpecializedFunction> run() {
    for (size_t index = 0; index < wanted_.size(); ++index) {
      const clang::FunctionDecl* kernel = find(index)->getDefinition();
      if (kernel == nullptr) fail(ExitCode::internal, "{} is declared, but not defined", wanted_[index].name);
      kernels_.emplace(kernel, &wanted_[index]);
      helper_names_.emplace(wanted_[index].name, kernel);
    }
    for (size_t index = 0; index < wanted_.size(); ++index) {
      const clang::FunctionDecl* kernel = find(index)->getDefinition();
      if (kernels_.at(kernel) == &wanted_[index]) {
        emit_kernel(kernel);
      } else {  // the same under another name
        emit_wanted(kernel, wanted_[index]);
      }
    }
    return std::move(emitted_);
  }

 private:
  void parse(const std::map<std::string, std::string>& sources) {
    for (const auto& [path, text] : sources) files_.emplace_back(root + path, text);
    for (const auto& [name, text] : standard_prelude()) files_.emplace_back(prelude_root + name, text);
    unit_text_ = unit_of(sources, wanted_);
    // The target and the missing -march are the same on every machine, and so is the output.
    std::vector<std::string> arguments = {
        "-std=c++20", "-nostdinc", "-nostdinc++", "-fsyntax-only", "-w", "-I" + root, "-isystem" + prelude_root};
    if (dialect_ == Dialect::cuda) {
      // Plain C++ to Clang; the target knows the constraints of inline PTX.
      files_.emplace_back(prelude_root + "cuda.h", cuda_prelude());
      for (const char* argument : {"--target=nvptx64-nvidia-cuda", "-include", "cuda.h"}) arguments.push_back(argument);
    } else {
      arguments.push_back("--target=x86_64-unknown-linux-gnu");
    }
    clang::TextDiagnosticBuffer diagnostics;
    unit_ = clang::tooling::buildASTFromCodeWithArgs(unit_text_, arguments, root + "specializations.cpp", "mambac",
                                                     std::make_shared<clang::PCHContainerOperations>(),
                                                     clang::tooling::getClangStripDependencyFileAdjuster(), files_,
                                                     &diagnostics);
    if (diagnostics.err_begin() != diagnostics.err_end()) {
      const auto& [location, message] = *diagnostics.err_begin();
      std::string reason = unit_ == nullptr ? message : place(unit_->getSourceManager(), location) + ": " + message;
      if (diagnostics.note_begin() != diagnostics.note_end()) reason += ", " + diagnostics.note_begin()->second;
      fail(ExitCode::internal, "the templates do not compile: {}", reason);
    }
    if (unit_ == nullptr) fail(ExitCode::internal, "the templates do not compile: Clang did not start");
  }

  // The instantiation that the unit's variable points to.
  clang::FunctionDecl* find(size_t index) {
    for (clang::Decl* declaration : unit_->getASTContext().getTranslationUnitDecl()->decls()) {
      auto* space = llvm::dyn_cast<clang::NamespaceDecl>(declaration);
      if (space == nullptr) continue;
      for (clang::Decl* inner : space->decls()) {
        auto* variable = llvm::dyn_cast<clang::VarDecl>(inner);
        if (variable == nullptr || variable->getName() != variable_of(index)) continue;
        auto* address = llvm::cast<clang::UnaryOperator>(variable->getInit()->IgnoreParenImpCasts());
        auto* reference = llvm::cast<clang::DeclRefExpr>(address->getSubExpr()->IgnoreParenImpCasts());
        return llvm::cast<clang::FunctionDecl>(reference->getDecl());
      }
    }
    fail(ExitCode::internal, "no instantiation of {} was found", wanted_[index].kernel);
  }

  // A wanted function, once: a kernel may be another's helper too, and then precedes it.
  const std::string& emit_kernel(const clang::FunctionDecl* definition) {
    const Specialization& wanted = *kernels_.at(definition);
    if (emitted_kernels_.insert(definition).second) emit_wanted(definition, wanted);
    return wanted.name;
  }

  void emit_wanted(const clang::FunctionDecl* definition, const Specialization& wanted) {
    const auto& [kernel, arguments, name] = wanted;
    const std::string of_kernel = name.starts_with(kernel) ? name.substr(kernel.size()) : "_of_" + name;
    const std::string suffix = std::exchange(suffix_, of_kernel);
    emit(const_cast<clang::FunctionDecl*>(definition), name, false);
    suffix_ = suffix;
  }

  void emit(clang::FunctionDecl* function, const std::string& name, bool is_helper) {
    const clang::SourceManager& manager = unit_->getSourceManager();
    const SourceText source(manager, unit_->getLangOpts(), manager.getFileID(function->getLocation()));
    Renderer renderer(unit_->getASTContext(), source, names_);
    const bool is_launched = dialect_ == Dialect::cuda && !is_helper;
    std::vector<bool>& kept = kept_[function];
    kept.clear();
    std::string text = format_source(renderer.function(function, name, is_helper, is_launched, kept));
    emitted_.push_back({name, std::move(text), kept});
  }

  // Emits the function before its caller, once, if it stands under templates/.
  std::optional<std::string> helper(const clang::FunctionDecl* function) {
    const clang::FunctionDecl* definition = function->getDefinition();
    if (definition == nullptr) return std::nullopt;
    const clang::SourceManager& manager = unit_->getSourceManager();
    if (!manager.getFilename(definition->getLocation()).starts_with(root + templates_folder)) return std::nullopt;
    if (kernels_.contains(definition)) return emit_kernel(definition);
    if (const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(definition);
        method && method->getParent()->isLambda()) {
      fail(ExitCode::internal,
           "{}:{}: a template cannot call a lambda: make it a function of its own beside the template",
           manager.getFilename(method->getLocation()).drop_front(std::string(root).size()).str(),
           manager.getSpellingLineNumber(method->getLocation()));
    }
    const auto [entry, is_new] = helpers_.try_emplace(definition, helper_name(definition));
    if (is_new) emit(const_cast<clang::FunctionDecl*>(definition), entry->second, true);
    return entry->second;
  }

  // Named as the kernel that calls it first: project_tile_192_to_768. Where that kernel calls two of them, the second
  // one's name also says in which arguments it differs: project_tile_192_to_768_rows_1.
  std::string helper_name(const clang::FunctionDecl* function) {
    std::string name = function->getNameAsString();
    const auto* primary = function->getPrimaryTemplate();
    if (primary == nullptr) return name;
    name += suffix_;
    if (const auto other = helper_names_.find(name); other != helper_names_.end()) {
      name += difference(function, other->second);
    }
    for (int count = 2; !helper_names_.emplace(name, function).second; ++count) name += fmt::format("_{}", count);
    return name;
  }

  // "_rows_1_bfloat16_bias"
  std::string difference(const clang::FunctionDecl* function, const clang::FunctionDecl* other) const {
    const clang::TemplateParameterList& parameters = *function->getPrimaryTemplate()->getTemplateParameters();
    std::string text;
    for (unsigned index = 0; index < parameters.size(); ++index) {
      const clang::TemplateArgument& argument = function->getTemplateSpecializationArgs()->get(index);
      if (argument.structurallyEquals(other->getTemplateSpecializationArgs()->get(index))) continue;
      const std::string parameter = snake_case(parameters.getParam(index)->getNameAsString());
      if (argument.getKind() == clang::TemplateArgument::Type) {
        text += "_" + identifier(type_name(argument.getAsType()));
      } else if (!argument.getIntegralType()->isBooleanType()) {
        const int64_t value = argument.getAsIntegral().getExtValue();
        text += fmt::format("_{}_{}{}", parameter, value < 0 ? "minus_" : "", std::abs(value));
      } else {
        text += (argument.getAsIntegral() != 0 ? "_" : "_no_") + parameter;
      }
    }
    return text;
  }

  std::string type_name(clang::QualType type) const {
    clang::PrintingPolicy policy(unit_->getLangOpts());
    policy.SuppressScope = true;
    return type.getAsString(policy);
  }

  const std::vector<Specialization>& wanted_;
  Names names_;
  Dialect dialect_;
  // Clang reads these as long as the unit lives.
  clang::tooling::FileContentMappings files_;
  std::string unit_text_;
  std::unique_ptr<clang::ASTUnit> unit_;
  std::string suffix_;  // of the kernel that is being emitted: "_192_to_768"
  std::map<const clang::FunctionDecl*, const Specialization*> kernels_;  // the wanted ones
  std::set<const clang::FunctionDecl*> emitted_kernels_;
  std::map<const clang::FunctionDecl*, std::string> helpers_;
  std::map<const clang::FunctionDecl*, std::vector<bool>> kept_;  // parameters
  std::map<std::string, const clang::FunctionDecl*> helper_names_;
  std::vector<SpecializedFunction> emitted_;
};

}  // namespace

std::vector<SpecializedFunction> specialize(const std::map<std::string, std::string>& sources,
                                            const std::vector<Specialization>& wanted, Dialect dialect) {
  return Specializer(sources, wanted, dialect).run();
}

}  // namespace mambac
