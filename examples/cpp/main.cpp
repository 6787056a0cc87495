// Two continuations from one state: a fork is a copy of bytes. Link with the artifact of austen-mamba.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "austen_mamba.h"

struct alignas(AUSTEN_MAMBA_ALIGNMENT) State { unsigned char bytes[AUSTEN_MAMBA_STATE_BYTES]; };
struct alignas(AUSTEN_MAMBA_ALIGNMENT) Memory { unsigned char bytes[AUSTEN_MAMBA_WORKSPACE_BYTES]; };
static Memory memory;

int main(int count, char** arguments) {
  austen_mamba_weights weights;
  austen_mamba_workspace* workspace;
  char message[512];
  const char* path = count > 1 ? arguments[1] : "austen_mamba.weights";
  if (austen_mamba_weights_open(path, &weights, message, sizeof message) != MAMBAC_OK ||
      austen_mamba_workspace_open(&memory, &workspace, message, sizeof message) != MAMBAC_OK) {
    std::fprintf(stderr, "%s\n", message);
    return 1;
  }
  State state;
  austen_mamba_state_reset(&state);
  const std::vector<int32_t> prompt = {0, 100, 200, 300};
  std::vector<float> logits(AUSTEN_MAMBA_OUTPUT_SIZE);
  austen_mamba_forward(&weights, workspace, &state, prompt.data(), static_cast<int32_t>(prompt.size()), MAMBAC_LAST,
                       logits.data());
  for (const int32_t next : {400, 500}) {
    State fork = state;
    austen_mamba_step(&weights, workspace, &fork, &next, logits.data());
    std::printf("after %d: %td\n", next, std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  austen_mamba_workspace_close(workspace);
  austen_mamba_weights_close(&weights);
}
