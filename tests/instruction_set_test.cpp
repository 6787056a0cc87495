#include "runtime/instruction_set.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "runtime/status.h"

namespace mambac {
namespace {

using mambac_runtime::check_instruction_set;
using mambac_runtime::missing_feature;

#if defined(__x86_64__)

// The kernel's own list, under its own names.
std::set<std::string> features_of_the_kernel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

TEST(InstructionSet, AgreesWithTheKernel) {
  const std::set<std::string> features = features_of_the_kernel();
  ASSERT_TRUE(features.contains("sse2"));
  bool v3 = true;  // the kernel counts lzcnt under abm
  for (const char* name : {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}) v3 &= features.contains(name);
  bool v4 = v3;
  for (const char* name : {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}) v4 &= features.contains(name);
  EXPECT_EQ(missing_feature("x86-64-v3") == nullptr, v3);
  EXPECT_EQ(missing_feature("x86-64-v4") == nullptr, v4);
}

#endif

TEST(InstructionSet, ThatIsUnknownIsRefusedByName) {
  char message[200] = "untouched";
  EXPECT_EQ(check_instruction_set("riscv-v", message, sizeof(message)), MAMBAC_WRONG_MACHINE);
  EXPECT_STREQ(
      message,
      "this machine lacks riscv-v, and the library was compiled for riscv-v: rebuild it with mambac build --isa "
      "native on this machine");
  char cut[10] = "untouched";
  EXPECT_EQ(check_instruction_set("riscv-v", cut, sizeof(cut)), MAMBAC_WRONG_MACHINE);
  EXPECT_STREQ(cut, "this mach");
  EXPECT_EQ(check_instruction_set("riscv-v", nullptr, 0), MAMBAC_WRONG_MACHINE);
}

TEST(Status, EachHasItsOwnMessage) {
  std::set<std::string> messages;
  for (int status = MAMBAC_OK; status <= MAMBAC_BAD_SAMPLING; ++status) {
    EXPECT_TRUE(messages.insert(mambac_runtime::status_message(status)).second) << status;
  }
  EXPECT_FALSE(messages.contains("unknown status"));
  EXPECT_STREQ(mambac_runtime::status_message(MAMBAC_BAD_SAMPLING + 1), "unknown status");
  EXPECT_STREQ(mambac_runtime::status_message(-1), "unknown status");
}

}  // namespace
}  // namespace mambac
