#include "generator/build/compile_cuda.h"

#include <llvm/Demangle/Demangle.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>

#include "generator/build/build_library.h"
#include "generator/build/tools.h"
#include "generator/emit/emit_cuda.h"
#include "generator/error.h"
#include "generator/file.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// "_ZN11tiny_runtime11rms_norm_64EPKf": "rms_norm_64".
std::string kernel_name(const std::string& mangled) {
  llvm::ItaniumPartialDemangler demangler;
  if (demangler.partialDemangle(mangled.c_str())) return mangled;  // a C name
  size_t bytes = 0;
  const std::unique_ptr<char, void (*)(void*)> name(demangler.getFunctionBaseName(nullptr, &bytes), std::free);
  return name.get();
}

}  // namespace

std::string find_nvcc() {
  const auto in_folder = [](const char* folder) {
    return folder && *folder ? find_program((fs::path(folder) / "bin" / "nvcc").string()) : "";
  };
  if (const char* chosen = std::getenv("NVCC"); chosen && *chosen) {
    const std::string path = find_program(chosen);
    if (path.empty()) fail(ExitCode::environment, "the compiler '{}' that $NVCC names was not found", chosen);
    return path;
  }
  for (const std::string& path :
       {in_folder(std::getenv("CUDA_HOME")), find_program("nvcc"), in_folder("/usr/local/cuda")}) {
    if (!path.empty()) return path;
  }
  fail(
      ExitCode::environment,
      "nvcc was not found: install CUDA 13 (./tools/install-cuda fetches its compiler alone), set $CUDA_HOME or $NVCC, "
      "or use `mambac generate` for the sources alone");
}

KernelReport read_kernel_report(const std::string& output) {
  static const std::regex entry("Compiling entry function '([^']+)'");
  static const std::regex frame("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  static const std::regex registers("Used (\\d+) registers"), shared("(\\d+) bytes smem");
  KernelReport report;
  std::string kernel;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_search(line, found, entry)) {
      kernel = kernel_name(found[1]);
      report[kernel];
    }
    if (kernel.empty()) continue;
    KernelResources& resources = report[kernel];
    if (std::regex_search(line, found, frame)) {
      resources.stack_bytes = std::stoll(found[1]);
      resources.spill_bytes = std::stoll(found[2]) + std::stoll(found[3]);
    }
    if (std::regex_search(line, found, registers)) resources.registers = std::stoll(found[1]);
    if (std::regex_search(line, found, shared)) resources.shared_bytes = std::stoll(found[1]);
  }
  return report;
}

std::string to_text(const KernelReport& report) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, kernel] : report) {
    json[name] = {{"registers", kernel.registers},
                  {"shared_bytes", kernel.shared_bytes},
                  {"stack_bytes", kernel.stack_bytes},
                  {"spill_bytes", kernel.spill_bytes}};
  }
  return json.dump(1) + "\n";
}

KernelReport read_kernel_report_file(const fs::path& path) {
  KernelReport report;
  const nlohmann::json json = nlohmann::json::parse(read_text(path));
  for (const auto& [name, kernel] : json.items()) {
    report[name] = {kernel.at("registers"), kernel.at("shared_bytes"), kernel.at("stack_bytes"),
                    kernel.at("spill_bytes")};
  }
  return report;
}

KernelReport compile_cuda(const Plan& plan, const fs::path& folder) {
  const std::string compiler = find_nvcc();
  std::vector<std::string> command = nvcc_options(plan);
  command.insert(command.begin(), compiler);
  command.insert(command.end(), {"-Xcompiler", "-fPIC,-fvisibility=hidden,-Wall", "-Xptxas", "-v"});
  KernelReport report;
  std::mutex mutex;
  const fs::path objects = build_library(plan, folder, command, {compiler, "-shared"}, [&](const std::string& output) {
    const KernelReport of_source = read_kernel_report(output);
    const std::lock_guard lock(mutex);
    report.insert(of_source.begin(), of_source.end());
  });
  fs::remove_all(objects);
  return report;
}

}  // namespace mambac
