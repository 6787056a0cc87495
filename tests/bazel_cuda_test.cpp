// mambac_cuda_library of tools/bazel: its library links into a program, and says what a machine lacks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "austen_gpu.h"

namespace {

std::string weights_path;

TEST(BazelCuda, LinksAndSaysThatThereIsNoGpu) {
  const mambac_artifact* artifact = austen_gpu_artifact();
  EXPECT_STREQ(artifact->target, "cuda");
  EXPECT_STREQ(artifact->isa, "sm_90a");
  EXPECT_NE(artifact->generate, nullptr);
  EXPECT_EQ(std::filesystem::file_size(weights_path), AUSTEN_GPU_WEIGHTS_BYTES);
  if (std::filesystem::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a GPU: bench/gpu.py tests it";
  austen_gpu_weights weights;
  char message[512];
  EXPECT_EQ(austen_gpu_weights_open(weights_path.c_str(), &weights, message, sizeof message), MAMBAC_NO_DEVICE);
  EXPECT_THAT(message, testing::HasSubstr("this library needs a GPU of NVIDIA and its driver"));
  EXPECT_EQ(weights.data, nullptr);
  austen_gpu_weights_close(&weights);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) weights_path = argv[1];
  return RUN_ALL_TESTS();
}
