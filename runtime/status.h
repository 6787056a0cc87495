// How the runtime says what is wrong: a status of mambac.h for the program, a sentence for the reader.
#pragma once

#include <cstddef>

#include "runtime/any_machine.h"
#include "runtime/mambac.h"

namespace mambac_runtime {

// What a status means, in one sentence without a full stop.
MAMBAC_ANY_MACHINE const char* status_message(int status);

// The caller's buffer; a null pointer or no bytes: nobody reads.
struct Message {
  char* text;
  size_t bytes;
};

// Writes the sentence, cut to the buffer and always terminated, and returns `status`.
[[gnu::format(printf, 3, 4)]] int fail(Message message, int status, const char* format, ...);

// Makes the message empty and returns MAMBAC_OK.
int succeed(Message message);

}  // namespace mambac_runtime
