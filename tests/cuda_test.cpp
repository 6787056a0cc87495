// Target cuda as far as a machine without a GPU can see it: sources that nvcc compiles, kernels that spill nothing, and
// what is said where there is no GPU. bench/gpu.py compares answers, on a GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/build/compile_cuda.h"
#include "generator/emit/emit.h"
#include "generator/file.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

BuildRequest cuda_request(const std::string& model) {
  BuildRequest request = request_for(model);
  request.target = "cuda";
  return request;
}

// Every kernel of the plan is in the report, and none spills.
void expect_no_spills(const Plan& plan, const fs::path& folder) {
  const KernelReport report = read_kernel_report_file(folder / "kernels.json");
  EXPECT_GE(report.size(), 6u) << plan.name;
  for (const auto& [name, kernel] : report) {
    EXPECT_EQ(kernel.spill_bytes, 0) << plan.name << ": " << name;
    EXPECT_GT(kernel.registers, 0) << plan.name << ": " << name;
  }
}

struct Compiled {
  const char *model, *weights;
  int64_t batch, forward_tokens;
};

class Cuda : public testing::TestWithParam<Compiled> {};

TEST_P(Cuda, CompilesWithoutSpills) {
  BuildRequest request = cuda_request(GetParam().model);
  request.weights = GetParam().weights;
  request.batch = GetParam().batch;
  request.forward_tokens = GetParam().forward_tokens;
  const fs::path folder = fs::path(testing::TempDir()) / "cuda" / GetParam().model;
  const BuiltArtifact artifact = build_artifact(request, folder, true);
  expect_no_spills(artifact.plan, folder);
  EXPECT_TRUE(fs::exists(folder / "lib" / ("lib" + artifact.plan.name + ".a")));
}

INSTANTIATE_TEST_SUITE_P(All, Cuda,
                         testing::Values(Compiled{"falcon-tiny", "f32", 3, 7}, Compiled{"mamba1-odd", "bf16", 1, 1},
                                         Compiled{"mamba-130m", "bf16", 1, 512}),
                         [](const auto& test) {
                           std::string name = test.param.model;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(CudaArtifact, SaysThatThereIsNoGpu) {
  if (fs::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a GPU: bench/gpu.py tests it";
  const fs::path folder = fs::path(testing::TempDir()) / "cuda" / "no-gpu";
  build_artifact(cuda_request("mamba1-tiny"), folder, true);
  EXPECT_THAT(error_message([&] { Artifact artifact(folder); }, ExitCode::environment),
              HasSubstr("this library needs a GPU of NVIDIA and its driver"));
}

TEST(CudaPlan, KnowsWhatItCannotDo) {
  EXPECT_THAT(error_message([] { plan_model(cuda_request("mamba2-tiny")); }),
              HasSubstr("the model is of the family mamba2; target cuda knows mamba1"));
}

TEST(CudaPlan, CountsOnAsManyMultiprocessorsAsItIsTold) {
  BuildRequest request = cuda_request("mamba1-tiny");
  EXPECT_EQ(plan_model(request).plan.deployment.blocks, 132);
  request.blocks = 60;
  EXPECT_THAT(emit(plan_model(request).plan).at("mamba1_tiny.cu"), HasSubstr(".multiprocessors = 60"));
}

TEST(KernelReport, IsReadFromWhatPtxasSays) {
  const KernelReport report = read_kernel_report(
      "ptxas info    : Compiling entry function '_ZN4tiny11rms_norm_64EPKf' for 'sm_90a'\n"
      "ptxas info    : Function properties for _ZN4tiny11rms_norm_64EPKf\n"
      "    24 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads\n"
      "ptxas info    : Used 31 registers, used 1 barriers, 24 bytes cumulative stack size, 272 bytes smem\n");
  ASSERT_EQ(report.count("rms_norm_64"), 1u);
  const KernelResources kernel = report.at("rms_norm_64");
  EXPECT_EQ(kernel.registers, 31);
  EXPECT_EQ(kernel.stack_bytes, 24);
  EXPECT_EQ(kernel.spill_bytes, 12);
  EXPECT_EQ(kernel.shared_bytes, 272);
}

}  // namespace
}  // namespace mambac
