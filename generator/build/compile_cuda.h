// Stage 7 for target cuda: from source to lib/libNAME.a and lib/libNAME.so by nvcc, and what ptxas says of the kernels.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generator/plan/plan.h"

namespace mambac {

// What a kernel takes of a multiprocessor.
struct KernelResources {
  int64_t registers = 0;     // of a thread
  int64_t shared_bytes = 0;  // static, of a block
  int64_t stack_bytes = 0;   // of a thread, in the GPU's memory
  int64_t spill_bytes = 0;   // of a thread, stored and loaded because registers did not suffice
};

// By the kernel's name.
using KernelReport = std::map<std::string, KernelResources>;

// Compiles the artifact's sources in `folder`, in parallel. Throws Error (ExitCode::environment): no nvcc; its message.
KernelReport compile_cuda(const Plan& plan, const std::filesystem::path& folder);

// Path of the nvcc that compile_cuda() takes: $NVCC, the PATH's, $CUDA_HOME's or /usr/local/cuda's.
std::string find_nvcc();

// Reads what `nvcc -Xptxas -v` printed.
KernelReport read_kernel_report(const std::string& output);

// kernels.json, beside plan.json.
std::string to_text(const KernelReport& report);
KernelReport read_kernel_report_file(const std::filesystem::path& path);

}  // namespace mambac
