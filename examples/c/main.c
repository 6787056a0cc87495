/* Feeds a few tokens to a model and prints the most likely next one. Link with the artifact of austen-mamba. */
#include <stdio.h>
#include <stdlib.h>

#include "austen_mamba.h"

int main(int count, char** arguments) {
  austen_mamba_weights weights;
  austen_mamba_workspace* workspace;
  char message[512];
  void* memory = aligned_alloc(AUSTEN_MAMBA_ALIGNMENT, AUSTEN_MAMBA_WORKSPACE_BYTES);
  void* state = aligned_alloc(AUSTEN_MAMBA_ALIGNMENT, AUSTEN_MAMBA_STATE_BYTES);
  const char* path = count > 1 ? arguments[1] : "austen_mamba.weights";
  if (austen_mamba_weights_open(path, &weights, message, sizeof message) != MAMBAC_OK ||
      austen_mamba_workspace_open(memory, &workspace, message, sizeof message) != MAMBAC_OK) {
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  austen_mamba_state_reset(state);
  int32_t token = 0; /* the begin token */
  static float logits[AUSTEN_MAMBA_OUTPUT_SIZE];
  for (int position = 0; position < 16; ++position) {
    const int status = austen_mamba_step(&weights, workspace, state, &token, logits);
    if (status != MAMBAC_OK) return fprintf(stderr, "%s\n", austen_mamba_status_message(status)), 1;
    token = 0;
    for (int next = 1; next < AUSTEN_MAMBA_OUTPUT_SIZE; ++next) {
      if (logits[next] > logits[token]) token = next;
    }
    printf("%d\n", token);
  }
  austen_mamba_workspace_close(workspace);
  austen_mamba_weights_close(&weights);
  free(state);
  free(memory);
}
