// Blocks of tokens: what one call takes of every sequence.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace mambac {

// Rows [first, first + count) of every sequence, one after the other. `values` are (sequences, total, width), or none.
template <typename Value>
std::vector<Value> block_of(std::span<const Value> values, int64_t sequences, int64_t total, int64_t width,
                            int64_t first, int64_t count) {
  std::vector<Value> block;
  if (values.empty()) return block;
  for (int64_t sequence = 0; sequence < sequences; ++sequence) {
    const auto rows = values.subspan((sequence * total + first) * width, count * width);
    block.insert(block.end(), rows.begin(), rows.end());
  }
  return block;
}

// The other way: a block's rows to their places in `values`.
inline void put_block(std::span<const float> block, std::span<float> values, int64_t sequences, int64_t total,
                      int64_t width, int64_t first, int64_t count) {
  for (int64_t sequence = 0; sequence < sequences; ++sequence) {
    std::ranges::copy(block.subspan(sequence * count * width, count * width),
                      values.begin() + (sequence * total + first) * width);
  }
}

}  // namespace mambac
