#include "runtime/state_header.h"

namespace mambac_runtime {

MAMBAC_ANY_MACHINE void reset_state(void* state, size_t bytes, const StateHeader& header) {
  std::memset(state, 0, bytes);
  std::memcpy(state, &header, sizeof(header));
}

}  // namespace mambac_runtime
