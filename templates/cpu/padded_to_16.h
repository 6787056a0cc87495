// Rows of states and of activations are padded to 16 floats, whatever the vectors.
#pragma once

namespace mambac {

constexpr int padded_to_16(int floats) { return (floats + 15) / 16 * 16; }

}  // namespace mambac
