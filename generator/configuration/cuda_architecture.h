// The architectures of GPUs that target cuda writes for, and what of Hopper's each has. Decided here, when the source
// is written: nothing looks for another way on the machine that runs it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mambac {

struct CudaArchitecture {
  std::string_view name;
  int64_t multiprocessors;  // of the usual GPU: A100, L4, H100 and H200, B200, RTX 5090
  // Clusters of blocks, bulk copies and 227 KiB of shared memory for a block: what a step in one launch, `steps` in one
  // and `generate` are made of. (sm_120 has the first two, and 99 KiB.)
  bool one_launch;
  bool wgmma;  // products of four warps from shared memory: forward, and the step of many sequences, on tensor cores
};

inline constexpr CudaArchitecture cuda_architectures[] = {
    {.name = "sm_80", .multiprocessors = 108, .one_launch = false, .wgmma = false},
    {.name = "sm_89", .multiprocessors = 58, .one_launch = false, .wgmma = false},
    {.name = "sm_90a", .multiprocessors = 132, .one_launch = true, .wgmma = true},
    {.name = "sm_100a", .multiprocessors = 148, .one_launch = true, .wgmma = false},
    {.name = "sm_120", .multiprocessors = 170, .one_launch = false, .wgmma = false},
};

// Throws Error (ExitCode::internal) for a name that is not in the table; `check` of deployment.h has refused it before.
const CudaArchitecture& cuda_architecture(const std::string& name);

}  // namespace mambac
