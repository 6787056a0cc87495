// An embedding that shares its weights with the head: the row of a token is gathered from the head's panels.
#pragma once

#include "runtime/vector.h"

namespace mambac {

using namespace mambac_runtime;

// output (rows, `Size`) = the tokens' rows of the matrix (`Vocabulary`, `Size`) that `project` reads, in panels of
// `PanelOutputs` tokens; the last panel is as narrow as whole vectors of `Lanes` allow.
// {Parts > 1 ? Threads share the rows: this is `part` of `Parts`.}
template <int Vocabulary, int Size, int OutputStride, int Lanes, int PanelOutputs, typename Weight, int Parts>
inline void embed_panels(const Weight* weights, const std::int32_t* tokens, float* output, int rows, int part) {
  constexpr int full_panels = Vocabulary / PanelOutputs;
  constexpr int last_width = (Vocabulary % PanelOutputs + Lanes - 1) / Lanes * Lanes;
  constexpr int paired = sizeof(Weight) == sizeof(float) ? 1 : 2;  // inputs of one token that lie side by side
  constexpr int panel_weights = (Size + paired - 1) / paired * paired * PanelOutputs;
  const int first = Parts == 1 ? 0 : part * rows / Parts;
  const int end = Parts == 1 ? rows : (part + 1) * rows / Parts;
  for (int row = first; row < end; ++row) {
    const int panel = tokens[row] / PanelOutputs;
    const int width = panel < full_panels ? PanelOutputs : last_width;
    const Weight* from = weights + static_cast<long>(panel) * panel_weights + tokens[row] % PanelOutputs * paired;
    for (int index = 0; index < Size; ++index) {
      output[row * OutputStride + index] = to_float(from[index / paired * (width * paired) + index % paired]);
    }
  }
}

}  // namespace mambac
