#include "generator/certificate/rules.h"

#include <fmt/format.h>

#include "clang/AST/DeclTemplate.h"
#include "generator/emit/emit_step_until.h"

namespace mambac {
namespace {

constexpr char argument_check[] =
    "argument check at entry: branches on the pointers, tokens and counts of the call before it changes anything";

}  // namespace

CertificateRules::CertificateRules(const Plan& plan)
    : namespace_(plan.name + "_runtime"),
      // Instructions, or a few of them: none waits, none asks the system for anything.
      allowed_{"__builtin_fmaf",          "__builtin_inff",  "__builtin_memcpy",
               "__builtin_prefetch",      "__builtin_sqrtf", "_mm256_fmadd_ps",
               "_mm512_fmadd_ps",         "_mm_getcsr",      "_mm_setcsr",
               "std::array::operator[]",  "std::bit_cast",   "std::memcpy",
               "std::atomic_signal_fence"},
      argument_checks_{"check_arguments"} {
  if (!plan.model.continuous()) argument_checks_.insert("check_tokens");
  for (const Program& program : plan.programs) {
    if (is_real_time(program)) argument_checks_.insert(plan.name + "_" + program.name);
  }
  if (has_step_until(plan)) {
    argument_checks_.insert(plan.name + "_step_until");
    clock_functions_ = {"Deadline::passed", "clock_gettime"};
    exceptions_["Deadline::passed"] =
        "the clock: step_until alone looks at it (clock_gettime, no system call where the kernel's vDSO knows the "
        "machine's clock), and leaves early when the deadline has passed; what it decides is whether the state "
        "changes, "
        "never a number";
  }
  for (const std::string& name : argument_checks_) exceptions_[name] = argument_check;
  if (plan.deployment.threads == 1) return;
  worker_functions_ = {"Workers::run", "Workers::synchronize"};
  exceptions_["Workers::run"] =
      "the wake-up of parked workers (sem_post) and the barrier at the end: hands the call to every thread by a "
      "pointer "
      "to a function, the one it is given here, and waits for all of them";
  exceptions_["Workers::synchronize"] =
      "the worker barrier: waits for the other threads, first spinning, then yielding the core (sched_yield)";
}

std::string CertificateRules::plain_name(const clang::FunctionDecl* function) const {
  std::string name = function->getNameAsString();
  if (const auto* member = llvm::dyn_cast<clang::CXXMethodDecl>(function)) {
    // Constructors and destructors of templates print their arguments.
    const std::string type = member->getParent()->getNameAsString();
    if (llvm::isa<clang::CXXConstructorDecl>(member)) name = type;
    if (llvm::isa<clang::CXXDestructorDecl>(member)) name = "~" + type;
  }
  for (const clang::DeclContext* outer = function->getDeclContext(); outer != nullptr; outer = outer->getParent()) {
    const auto* named = llvm::dyn_cast<clang::NamedDecl>(outer);
    if (named == nullptr || named->getName().empty() || named->getName() == namespace_) continue;
    name = named->getNameAsString() + "::" + name;
  }
  return name;
}

std::string CertificateRules::name(const clang::FunctionDecl* function) const {
  clang::PrintingPolicy policy(function->getASTContext().getLangOpts());
  policy.SuppressUnwrittenScope = true;  // (anonymous namespace)
  std::string name;
  llvm::raw_string_ostream stream(name);
  function->getNameForDiagnostic(stream, policy, /*Qualified=*/true);
  const std::string prefix = namespace_ + "::";
  for (size_t at = name.find(prefix); at != std::string::npos; at = name.find(prefix)) name.erase(at, prefix.size());
  return name;
}

bool CertificateRules::is_allowed(const std::string& plain_name) const { return allowed_.contains(plain_name); }

std::string CertificateRules::exception(const std::string& plain_name) const {
  const auto found = exceptions_.find(plain_name);
  return found == exceptions_.end() ? "" : found->second;
}

bool CertificateRules::is_argument_check(const std::string& plain_name) const {
  return argument_checks_.contains(plain_name);
}

bool CertificateRules::is_worker_function(const std::string& plain_name) const {
  return worker_functions_.contains(plain_name);
}

bool CertificateRules::is_clock(const std::string& plain_name) const { return clock_functions_.contains(plain_name); }

std::string CertificateRules::reason(const std::string& plain_name) {
  static const std::set<std::string> allocate = {"aligned_alloc",  "calloc",  "free",         "malloc",
                                                 "posix_memalign", "realloc", "operator new", "operator delete"};
  static const std::set<std::string> lock = {"pthread_mutex_lock", "pthread_mutex_unlock",
                                             "pthread_spin_lock",  "sem_post",
                                             "sem_wait",           "std::this_thread::yield"};
  const std::string name = plain_name.starts_with("__builtin_") ? plain_name.substr(10) : plain_name;
  if (allocate.contains(name)) return "allocates or frees memory";
  if (lock.contains(name)) return "takes or hands over a lock";
  return "is not on the allow-list and has no source in the artifact";
}

}  // namespace mambac
