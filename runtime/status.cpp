#include "runtime/status.h"

#include <cstdarg>
#include <cstdio>

namespace mambac_runtime {

MAMBAC_ANY_MACHINE const char* status_message(int status) {
  switch (status) {
    case MAMBAC_OK:
      return "no error";
    case MAMBAC_NULL_ARGUMENT:
      return "a pointer that must not be null is null";
    case MAMBAC_MISALIGNED:
      return "memory is not aligned as the artifact's header asks for";
    case MAMBAC_BAD_TOKEN:
      return "a token is outside the vocabulary; the state is as it was";
    case MAMBAC_BAD_COUNT:
      return "the count of tokens is out of range, or the choice of outputs is unknown; the state is as it was";
    case MAMBAC_WRONG_STATE:
      return "the state is of another model or version, or was never reset";
    case MAMBAC_FILE_ERROR:
      return "the weights file cannot be opened or mapped";
    case MAMBAC_WRONG_WEIGHTS:
      return "the weights, or the workspace, are of another model, deployment or version";
    case MAMBAC_DAMAGED_WEIGHTS:
      return "the weights are truncated or damaged";
    case MAMBAC_WRONG_MACHINE:
      return "this machine lacks the artifact's instruction set, or has another GPU";
    case MAMBAC_NO_THREADS:
      return "the worker threads could not be started";
    case MAMBAC_DEADLINE_PASSED:
      return "the deadline passed before the step was done; the state is as it was";
    case MAMBAC_NO_DEVICE:
      return "there is no GPU of NVIDIA, or its driver does not answer";
    case MAMBAC_OUT_OF_MEMORY:
      return "the GPU has too little memory";
    case MAMBAC_LAUNCH_FAILED:
      return "the GPU refused a kernel or a copy, or an earlier one has failed";
    case MAMBAC_WRONG_TAPE:
      return "the tape is of another artifact, or train has not written it";
    case MAMBAC_BAD_SAMPLING:
      return "an option of the choice of tokens is out of range";
  }
  return "unknown status";
}

int fail(Message message, int status, const char* format, ...) {
  if (message.text != nullptr && message.bytes > 0) {
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(message.text, message.bytes, format, arguments);
    va_end(arguments);
  }
  return status;
}

int succeed(Message message) {
  if (message.text != nullptr && message.bytes > 0) message.text[0] = '\0';
  return MAMBAC_OK;
}

}  // namespace mambac_runtime
