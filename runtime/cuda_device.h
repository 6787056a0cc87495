// The GPU that an artifact runs on: checked before anything runs; weights are copied to it.
#pragma once

#include <cstddef>

#include "runtime/mambac.h"
#include "runtime/weights_file.h"

namespace mambac_runtime {

// What the artifact was generated for; all of it literals.
struct ExpectedDevice {
  const char* arch;     // "sm_90a"
  int major, minor;     // least compute capability; code runs on no other major version
  bool exact_minor;     // "a": with this architecture's own instructions, on no other minor version either
  int multiprocessors;  // at least
};

// MAMBAC_OK if the current device serves; else MAMBAC_NO_DEVICE or MAMBAC_WRONG_MACHINE and a sentence.
int check_device(const ExpectedDevice& expected, char* message, size_t message_bytes);

// Like open_weights and weights_from_memory (runtime/weights_file.h), with a copy of the data in the device's memory.
// MAMBAC_OUT_OF_MEMORY: the sentence says how much is needed.
int open_device_weights(const char* path, const ExpectedWeights& expected, mambac_weights* weights, char* message,
                        size_t message_bytes);
int device_weights_from_memory(const void* memory, size_t bytes, const ExpectedWeights& expected,
                               mambac_weights* weights, char* message, size_t message_bytes);
void close_device_weights(mambac_weights* weights);

// Whether `pointer` is memory of the current device, aligned to `alignment`: MAMBAC_OK, or MAMBAC_NULL_ARGUMENT,
// MAMBAC_NO_DEVICE, MAMBAC_WRONG_MACHINE (another GPU's) or MAMBAC_MISALIGNED and a sentence that begins with `who`.
int check_device_memory(const void* pointer, size_t alignment, const char* who, char* message, size_t message_bytes);

// Zeros, and waits until they are there.
int clear_device_memory(void* memory, size_t bytes, char* message, size_t message_bytes);

// Lets a kernel take this much dynamic shared memory.
int allow_shared_memory(const void* kernel, size_t bytes, char* message, size_t message_bytes);

// Lets a kernel run in one cluster of more than 8 blocks. MAMBAC_WRONG_MACHINE: the device has no room for it.
int allow_large_cluster(const void* kernel, int blocks, int threads, size_t shared_bytes, char* message,
                        size_t message_bytes);

// For hosts that load any artifact.
extern const mambac_device device_functions;

}  // namespace mambac_runtime
