#include "generator/targets/cuda_decode.h"

#include <algorithm>
#include <bit>

#include "generator/plan/plan.h"

namespace mambac {
namespace {

constexpr int64_t shared_memory = 227 << 10;  // of a block, compute capability 9.0
constexpr int64_t l2_share = 40 << 20;        // weights that stay in the L2 cache from one token to the next
constexpr int64_t stage_target = 24 << 10;    // larger stages are copied no faster, smaller ones cost a wait each

struct Split {
  int64_t warps = 0, each = 0;
};

// A warp for every few of a block's channels: as little padding as possible, then as many warps as possible up to ten,
// more of which wait for each other longer than they compute.
Split split_channels(int64_t channels) {
  Split best;
  for (int64_t each = 1; each <= 8; ++each) {
    const int64_t warps = divide_up(channels, each);
    if (warps > 10) continue;
    if (best.warps == 0 || warps * each < best.warps * best.each) best = {warps, each};
  }
  return best;
}

// The most columns, a divisor of all, that make a stage near `stage_target`. Slabs are whole warp loads, unless
// there is one alone.
int64_t slab_of(int64_t columns, int64_t rows, int64_t parts, int64_t weight_bytes) {
  const int64_t unit = 512 / weight_bytes * parts;
  if (rows * columns * weight_bytes <= stage_target && (parts == 1 || columns % unit == 0)) return columns;
  if (columns % unit != 0) return 0;
  int64_t best = unit;
  for (int64_t slab = unit; slab <= columns; slab += unit) {
    if (columns % slab == 0 && rows * slab * weight_bytes <= stage_target) best = slab;
  }
  return best;
}

// Rows of out_proj for each block: warps share rows where there are more warps than rows.
void split_rows(int64_t least, int64_t weight_bytes, DecodeShape& shape) {
  const int64_t width = 16 / weight_bytes;
  for (const int64_t parts : {1, 2, 4}) {
    if (shape.warps % parts != 0) continue;
    const int64_t pairs = shape.warps / parts;
    for (int64_t each = divide_up(least, pairs); each <= divide_up(least, pairs) + 1; ++each) {
      const int64_t rows = pairs * each, size = rows * shape.blocks;
      if (size % width != 0 || (shape.rows != 0 && rows >= shape.rows)) continue;
      const int64_t size_slab = slab_of(size, shape.channels, 1, weight_bytes);
      const int64_t inner_slab = slab_of(shape.inner_padded, rows, parts, weight_bytes);
      if (size_slab == 0 || inner_slab == 0) continue;
      shape.row_parts = parts, shape.rows_per_warp = each;
      shape.rows = rows, shape.size_padded = size;
      shape.size_slab = size_slab, shape.inner_slab = inner_slab;
    }
  }
}

// Nothing if so many blocks cannot share the model out evenly enough, or cannot hold their parts.
std::optional<DecodeShape> shape_of_blocks(const ModelConfiguration& model, const Mamba1Mixer& mixer,
                                           int64_t weight_bytes, int64_t blocks) {
  const int64_t inner = mixer.inner_size, states = mixer.state_size, width = 16 / weight_bytes;
  const int64_t biases = mixer.projection_bias ? 1 : 0;
  DecodeShape shape{.blocks = blocks};
  const Split split = split_channels(divide_up(inner, shape.blocks));
  if (split.warps == 0) return std::nullopt;
  shape.warps = split.warps, shape.channels_per_warp = split.each;
  shape.channels = split.warps * split.each;
  shape.inner_padded = shape.blocks * shape.channels;
  if (shape.inner_padded % width != 0) return std::nullopt;
  split_rows(divide_up(model.model_size, shape.blocks), weight_bytes, shape);
  if (shape.rows == 0) return std::nullopt;

  const int64_t exchanged = mixer.delta_rank + 2 * states;
  const int64_t channels_padded = round_up(shape.channels, width);
  shape.rank_padded = round_up(mixer.delta_rank, 2);
  shape.input_padded = round_up(model.input_size, width);
  if (model.continuous()) shape.input_bytes = round_up(shape.rows * (shape.input_padded * weight_bytes + 4), 16);
  shape.convolution_bytes = round_up(
      channels_padded * exchanged * weight_bytes + (mixer.convolution_taps + 1 + biases) * shape.channels * 4, 16);
  shape.scan_bytes = round_up(round_up(shape.channels * shape.rank_padded * weight_bytes, 16) +
                                  (states + 2 + biases) * shape.channels * 4 + biases * shape.rows * 4,
                              16);
  shape.layer_bytes = (2 * shape.channels * shape.size_padded + shape.rows * shape.inner_padded) * weight_bytes +
                      shape.convolution_bytes + shape.scan_bytes;
  shape.threads = 32 * (shape.warps + 1);

  shape.slot_bytes =
      round_up(std::max({shape.channels * shape.size_slab * weight_bytes, shape.rows * shape.inner_slab * weight_bytes,
                         shape.convolution_bytes, shape.scan_bytes, shape.input_bytes}),
               128);
  const int64_t widest = std::max({shape.inner_padded, shape.size_padded, shape.input_padded});
  const int64_t floats = round_up(widest, 256) + channels_padded + round_up(shape.rank_padded + 2 * states, 4) +
                         round_up(2 * shape.warps, 4) +
                         round_up(std::max(shape.rows * shape.row_parts, shape.channels), 4);
  shape.slots = std::min<int64_t>(32, (shared_memory - 4 * floats) / (shape.slot_bytes + 16));
  if (shape.slots < 3) return std::nullopt;
  shape.shared_bytes = shape.slots * (shape.slot_bytes + 16) + 4 * floats;

  // Under way at once: about a third of a layer, about 40 KB; what is requested queues in front of the exchange.
  shape.read_once = shape.blocks * shape.layer_bytes * model.layers > l2_share;
  const int64_t requested = std::min<int64_t>(48 << 10, shape.layer_bytes / 3);
  shape.in_flight = std::max<int64_t>(1, divide_up(requested - (8 << 10), shape.slot_bytes));
  if (!shape.read_once) shape.in_flight = shape.slots;
  shape.in_flight = std::min(shape.in_flight, shape.slots);

  const int64_t of_rows = divide_up(shape.rows, 3) * (model.continuous() ? 2 : 1);
  const int64_t packets = shape.blocks * (divide_up(shape.channels, 3) + of_rows);
  shape.exchange_bytes = round_up(8 + 8 * exchanged, 1024) + divide_up(exchanged, 4) * 1024 + packets * 16;
  // Measured on an H200: 700 cycles for 512 packets, 1400 for 1792.
  shape.delay = 400 + shape.blocks * divide_up(shape.channels, 3) * 3 / 5;
  return shape;
}

}  // namespace

std::optional<DecodeShape> decode_shape(const ModelConfiguration& model, const Mamba1Mixer& mixer, int64_t weight_bytes,
                                        int64_t most_blocks) {
  // Small models: eight channels for a block, so that fewer blocks wait for each other.
  const auto eighths = static_cast<uint64_t>(divide_up(mixer.inner_size, 8));
  const int64_t most = std::min<int64_t>({128, most_blocks, static_cast<int64_t>(std::bit_ceil(eighths))});
  if (auto shape = shape_of_blocks(model, mixer, weight_bytes, most)) return shape;
  // Models' sizes are multiples of powers of two more often than of a chip's multiprocessors.
  return shape_of_blocks(model, mixer, weight_bytes, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(most))));
}

}  // namespace mambac
