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
  EXPECT_GE(report.size(), 1u) << plan.name;
  for (const auto& [name, kernel] : report) {
    EXPECT_EQ(kernel.spill_bytes, 0) << plan.name << ": " << name;
    EXPECT_GT(kernel.registers, 0) << plan.name << ": " << name;
  }
}

struct Compiled {
  const char *name, *model, *weights;
  int64_t batch, forward_tokens;
  const char* programs;
};

class Cuda : public testing::TestWithParam<Compiled> {};

TEST_P(Cuda, CompilesWithoutSpills) {
  BuildRequest request = cuda_request(GetParam().model);
  request.weights = GetParam().weights;
  request.batch = GetParam().batch;
  request.forward_tokens = GetParam().forward_tokens;
  request.programs = GetParam().programs;
  const fs::path folder = fs::path(testing::TempDir()) / "cuda" / GetParam().name;
  const BuiltArtifact artifact = build_artifact(request, folder, true);
  expect_no_spills(artifact.plan, folder);
  EXPECT_TRUE(fs::exists(folder / "lib" / ("lib" + artifact.plan.name + ".a")));
}

INSTANTIATE_TEST_SUITE_P(
    All, Cuda,
    testing::Values(Compiled{"launches_for_each_operation", "falcon-tiny", "f32", 3, 7, "step,forward"},
                    Compiled{"odd_sizes", "mamba1-odd", "bf16", 1, 1, "step,forward,steps"},
                    Compiled{"one_cluster", "product-default", "f32", 1, 8, "step,steps"},
                    Compiled{"generate_and_tensor_cores", "mamba-130m", "bf16", 1, 512, "step,forward,generate"},
                    Compiled{"many_sequences_on_tensor_cores", "mamba-130m", "bf16", 64, 16, "step,forward"}),
    [](const auto& test) { return std::string(test.param.name); });

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

TEST(CudaPlan, GeneratesWhereThereAreTokensAndOneSequence) {
  BuildRequest request = cuda_request("product-default");
  request.programs = "step,generate";
  EXPECT_THAT(error_message([&] { plan_model(request); }),
              HasSubstr("generate chooses tokens, and the model product_default has none"));
  request = cuda_request("mamba1-tiny");
  request.programs = "step,generate";
  request.batch = 2;
  EXPECT_THAT(error_message([&] { plan_model(request); }),
              HasSubstr("generate works on one sequence (--batch 1) on sm_90a or sm_100a"));
}

TEST(CudaPlan, TakesTheWholeModelThroughOneLaunch) {
  const auto calls = [](const std::string& model) {
    const Plan plan = plan_model(cuda_request(model)).plan;
    std::vector<std::string> kernels;
    for (const Call& call : plan.program("step").calls) kernels.push_back(call.kernel);
    return kernels;
  };
  EXPECT_THAT(calls("product-default"), testing::ElementsAre("decode_cluster"));
  EXPECT_THAT(calls("product-large"), testing::ElementsAre("decode"));
  EXPECT_THAT(calls("mamba1-tiny"), testing::ElementsAre("decode"));
}

// Where blocks wait for one another, the library counts on so many multiprocessors; elsewhere on none.
TEST(CudaPlan, CountsOnAsManyMultiprocessorsAsItIsTold) {
  const auto expected = [](const BuildRequest& request) { return emit(plan_model(request).plan); };
  BuildRequest request = cuda_request("product-large");
  EXPECT_THAT(expected(request).at("product_large.cu"), HasSubstr(".multiprocessors = 128,"));
  request.blocks = 114;
  EXPECT_THAT(expected(request).at("product_large.cu"), HasSubstr(".multiprocessors = 64,"));
  request.arch = "sm_80";
  EXPECT_THAT(expected(request).at("product_large.cu"), HasSubstr(".multiprocessors = 1,"));
}

TEST(CudaPlan, RefusesMoreBlocksThanALaunchTakes) {
  BuildRequest request = cuda_request("product-default");
  request.arch = "sm_80";
  request.forward_tokens = 65536;
  EXPECT_THAT(error_message([&] { plan_model(request); }, ExitCode::input),
              HasSubstr("forward: 1 sequences of 65536 tokens are more blocks than the GPU takes at once (65535)"));
}

// The state of 512 sequences of mamba-2.8b has 12 GB: sizes beyond 32 bits, and outputs too.
TEST(CudaPlan, HoldsStatesBeyondFourGigabytes) {
  BuildRequest request = cuda_request("mamba-2.8b");
  request.weights = "bf16";
  request.batch = 512;
  request.programs = "step,forward";
  request.forward_tokens = 64;
  const std::string source = emit(plan_model(request).plan).at("mamba_2_8b.cu");
  EXPECT_THAT(source, HasSubstr("constexpr size_t words = MAMBA_2_8B_STATE_BYTES / sizeof(unsigned);"));
}

// steps without calls of its own is step after step, and rounds as step does.
TEST(CudaPlan, StatesTheToleranceOfWhatItCalls) {
  BuildRequest request = cuda_request("mamba-130m");
  request.weights = "bf16";
  request.batch = 8;
  request.programs = "step,steps,forward";
  EXPECT_THAT(emit(plan_model(request).plan).at("mamba_130m.h"),
              HasSubstr("2e-3 (products round their operands to float16)"));
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
