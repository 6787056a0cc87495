#include "runtime/instruction_set.h"

#include <cstdio>
#include <cstring>

#include "runtime/mambac.h"

namespace mambac_runtime {

// The levels are those of the x86-64 psABI. __builtin_cpu_supports also asks whether the operating system saves the
// vector registers, and takes nothing but a literal.
MAMBAC_ANY_MACHINE const char* missing_feature(const char* isa) {
#if defined(__x86_64__)
  const bool v4 = std::strcmp(isa, "x86-64-v4") == 0;
  if (!v4 && std::strcmp(isa, "x86-64-v3") != 0) return isa;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx")) return "avx";
  if (!__builtin_cpu_supports("avx2")) return "avx2";
  if (!__builtin_cpu_supports("bmi")) return "bmi";
  if (!__builtin_cpu_supports("bmi2")) return "bmi2";
  if (!__builtin_cpu_supports("f16c")) return "f16c";
  if (!__builtin_cpu_supports("fma")) return "fma";
  if (!__builtin_cpu_supports("lzcnt")) return "lzcnt";
  if (!__builtin_cpu_supports("movbe")) return "movbe";
  if (!v4) return nullptr;
  if (!__builtin_cpu_supports("avx512f")) return "avx512f";
  if (!__builtin_cpu_supports("avx512bw")) return "avx512bw";
  if (!__builtin_cpu_supports("avx512cd")) return "avx512cd";
  if (!__builtin_cpu_supports("avx512dq")) return "avx512dq";
  if (!__builtin_cpu_supports("avx512vl")) return "avx512vl";
  return nullptr;
#else
  return isa;
#endif
}

MAMBAC_ANY_MACHINE int check_instruction_set(const char* isa, char* message, size_t message_bytes) {
  const char* feature = missing_feature(isa);
  if (feature == nullptr) return MAMBAC_OK;
  // Not fail() of status.h: that one is compiled for the instruction set this machine lacks.
  if (message != nullptr && message_bytes > 0) {
    std::snprintf(
        message, message_bytes,
        "this machine lacks %s, and the library was compiled for %s: rebuild it with mambac build --isa native "
        "on this machine",
        feature, isa);
  }
  return MAMBAC_WRONG_MACHINE;
}

}  // namespace mambac_runtime
