// Every architecture that target cuda knows compiles, without spills: with what Hopper has replaced when the source is
// written. tests/cuda_test.cpp compiles for sm_90a.
#include <gtest/gtest.h>

#include "generator/build/compile_cuda.h"
#include "tests/built_artifact.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

class Architecture : public testing::TestWithParam<std::string> {};

TEST_P(Architecture, CompilesWithoutSpills) {
  for (const auto& [model, weights, batch, programs] :
       {std::tuple("mamba1-odd", "bf16", 1, "step,forward,steps"), std::tuple("falcon-tiny", "f32", 1, "step,forward"),
        std::tuple("mamba1-tiny", "bf16", 4, "step,forward,steps")}) {
    BuildRequest request = request_for(model);
    request.target = "cuda";
    request.arch = GetParam();
    request.weights = weights;
    request.batch = batch;
    request.forward_tokens = 40;
    request.programs = programs;
    const fs::path folder = fs::path(testing::TempDir()) / "architectures" / GetParam() / model;
    build_artifact(request, folder, true);
    const KernelReport report = read_kernel_report_file(folder / "kernels.json");
    EXPECT_GE(report.size(), 1u) << model;
    for (const auto& [name, kernel] : report) EXPECT_EQ(kernel.spill_bytes, 0) << model << ": " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Architecture, testing::Values("sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace mambac
