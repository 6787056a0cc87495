#include "generator/targets/cuda_forward_shape.h"

#include <algorithm>

#include "generator/shape.h"

namespace mambac {
namespace {

constexpr int64_t panel = 64;                // columns of an operand that one stage holds
constexpr int64_t shared_limit = 224 << 10;  // of a block, in bytes

// What a panel of a tile costs on an H200, in us: bench/results/forward-h200.json says what the products took. Those of
// 96, 160 and 192 outputs are estimates in between.
struct TileCost {
  int64_t rows, outputs;
  double of_panel;
};
constexpr TileCost tile_costs[] = {{128, 256, 0.78}, {128, 192, 0.60}, {128, 160, 0.51}, {128, 128, 0.42},
                                   {128, 96, 0.34},  {64, 128, 0.27},  {64, 64, 0.26}};

int64_t stages_that_fit(int64_t rows, int64_t outputs, int64_t panels) {
  return std::min({shared_limit / ((rows + outputs) * panel * 2), panels, int64_t{8}});
}

// A product of so few tiles (of 64 rows and `tile_outputs` outputs) that its inputs are shared out among the
// multiprocessors as well.
ProductTiles tiles_in_parts(int64_t rows, int64_t outputs, int64_t inputs, int64_t tile_outputs, int64_t blocks) {
  constexpr int64_t most_parts = 8;  // what reads the parts adds them up
  const int64_t panels = divide_up(inputs, panel);
  ProductTiles tiles{.rows = 64, .outputs = tile_outputs};
  const int64_t without_parts = divide_up(rows, tiles.rows) * divide_up(outputs, tiles.outputs);
  tiles.parts = std::clamp<int64_t>(blocks / without_parts, 1, std::min(panels, most_parts));
  tiles.stages = stages_that_fit(tiles.rows, tiles.outputs, divide_up(panels, tiles.parts));
  return tiles;
}

}  // namespace

ProductTiles product_tiles(int64_t rows, int64_t outputs, int64_t inputs, int64_t blocks) {
  const int64_t panels = divide_up(inputs, panel);
  ProductTiles best;
  double least = 0;
  for (const TileCost& candidate : tile_costs) {
    if (candidate.outputs > 128 && panels < 4) continue;  // storing a wide tile would take longer than making it
    const int64_t tiles = divide_up(rows, candidate.rows) * divide_up(outputs, candidate.outputs);
    const double cost = divide_up(tiles, blocks) * candidate.of_panel;
    if (best.rows > 0 && cost >= least) continue;
    least = cost;
    best = {.rows = candidate.rows,
            .outputs = candidate.outputs,
            .stages = stages_that_fit(candidate.rows, candidate.outputs, panels * divide_up(tiles, blocks))};
  }
  return best;
}

int64_t ForwardShape::scan_shared_bytes(int64_t states) const {
  const int64_t copied = slots * block_tokens * (block_channels * 6 + states * 4);
  const int64_t prepared = 8 * block_channels * (block_tokens + 4);
  const int64_t parts = 8 * lanes * (block_tokens * block_channels + 4);
  return copied + prepared + parts;
}

int64_t ForwardShape::convolve_token_shared_bytes(int64_t outputs) const {
  return (64 + round_up(outputs, panel)) * panel * 2 + token_rows * outputs * 4 + 8;
}

int64_t ForwardShape::scan_token_shared_bytes(int64_t padded_rank, int64_t states) const {
  constexpr int64_t channels = 128, sequences = 8;  // of a block
  const int64_t of_sequence = (padded_rank + 8) * 2 + (channels + 4) * 4 + 2 * states * 4;
  return padded_rank * channels * 2 + states * channels * 4 + sequences * of_sequence + 8;
}

std::optional<ForwardShape> forward_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t sequences,
                                          int64_t tokens, int64_t blocks) {
  const int64_t rows = sequences * tokens;
  const int64_t size = model.model_size, inner = mixer.inner_size, states = mixer.state_size;
  constexpr int64_t widest = 8192;  // that a block takes as one row
  if (states % 4 != 0 || states > 128 || size > widest) return std::nullopt;
  const int64_t padded_inner = round_up(inner, panel);
  const int64_t shared = mixer.delta_rank + 2 * states;
  // x_proj has few outputs: one tile holds all, if it can.
  const int64_t shared_outputs = shared <= 256 ? round_up(shared, panel) : 128;
  ForwardShape shape{.tokens = tokens,
                     .in = product_tiles(rows, 2 * padded_inner, size, blocks),
                     .x = tiles_in_parts(rows, shared, inner, shared_outputs, blocks),
                     .dt = product_tiles(rows, padded_inner, mixer.delta_rank, blocks),
                     .out = product_tiles(rows, size, inner, blocks),
                     .head = product_tiles(rows, model.outputs(), size, blocks)};
  if (tokens == 1) {
    if (rows <= 64) {
      // Few wide tiles: the multiprocessors that they leave free already fetch what the next launches read.
      shape.in = {.rows = 64, .outputs = 128, .stages = stages_that_fit(64, 128, divide_up(size, panel))};
    }
    shape.out = tiles_in_parts(rows, size, inner, panel, blocks);
    // A block of `convolve_token_tiles` for each panel, a part for each cluster.
    const int64_t panels = padded_inner / panel;
    shape.convolve_cluster = panels >= 8 ? 8 : panels >= 4 ? 4 : panels >= 2 ? 2 : 1;
    shape.x = {.outputs = panel, .parts = divide_up(panels, shape.convolve_cluster)};
    shape.dt = {.outputs = panel};  // in `scan_token_tiles`
  }
  shape.lanes = states % 8 != 0 ? 4 : states % 16 != 0 || states <= 32 ? 8 : 16;
  shape.block_channels = 16;
  shape.block_tokens = 32;
  shape.slots = 6;
  return shape;
}

}  // namespace mambac
