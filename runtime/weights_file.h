// Opening the weights of an artifact: a file is mapped read-only, memory of the caller is used where it lies; either is
// believed only after every length, offset and checksum has been checked. Format: runtime/weights_format.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/any_machine.h"
#include "runtime/mambac.h"

namespace mambac_runtime {

// What the artifact was generated for; all of it literals. Its address tells open weights of one artifact from those of
// another, so that it must outlive them.
struct ExpectedWeights {
  const char* model_name;
  const char* plan_hash;  // 64 hexadecimal digits
  const char* generator_version;
  uint64_t file_bytes;  // of the whole file
  uint64_t tensor_count;
};

// Return MAMBAC_OK; or a status and, in `message`, a sentence that names what is wrong, and leave `weights` empty.
// MAMBAC_NULL_ARGUMENT, MAMBAC_FILE_ERROR (open alone), MAMBAC_MISALIGNED (memory alone), MAMBAC_WRONG_WEIGHTS,
// MAMBAC_DAMAGED_WEIGHTS. `message` may be null.
//
// A mapped file must not be changed in place while it is open; replacing it by a rename, as mambac does, is safe.
int open_weights(const char* path, const ExpectedWeights& expected, mambac_weights* weights, char* message,
                 size_t message_bytes);
int weights_from_memory(const void* memory, size_t bytes, const ExpectedWeights& expected, mambac_weights* weights,
                        char* message, size_t message_bytes);

// Unmaps what open_weights mapped, and leaves `weights` empty. Null, empty or closed before: nothing to do.
MAMBAC_ANY_MACHINE void close_weights(mambac_weights* weights);

}  // namespace mambac_runtime
