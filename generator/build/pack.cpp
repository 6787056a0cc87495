#include "generator/build/pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "generator/error.h"
#include "generator/file.h"
#include "generator/progress.h"
#include "runtime/weights_format.h"

namespace mambac {
namespace {

// The nearest bfloat16, ties to even. `value` is finite.
uint16_t round_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The float16 of a bfloat16 that is finite in it: the same number, or the nearest multiple of 2^-24, ties to even.
uint16_t f16_of_bf16(uint16_t bf16) {
  const auto sign = static_cast<uint16_t>(bf16 & 0x8000);
  const int exponent = (bf16 >> 7 & 0xff) - 127;
  if (exponent >= -14) return static_cast<uint16_t>(sign | (exponent + 15) << 10 | (bf16 & 0x7f) << 3);
  const float magnitude = std::bit_cast<float>(static_cast<uint32_t>(bf16 & 0x7fff) << 16);
  return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
}

// From where on a value rounds to infinity.
float beyond(WeightType type) {
  return type == WeightType::f32    ? std::numeric_limits<float>::infinity()
         : type == WeightType::bf16 ? 0x1.ffp127f
                                    : 65408.0f;
}

// What is read of a checkpoint's tensor: a matrix whose elements are checked and transformed.
struct Matrix {
  std::string source;
  int64_t columns = 0;
  Transform transform{};
  WeightType type{};
};

class Source {
 public:
  Source(Matrix matrix, const TensorView& view, const std::string& file)
      : matrix_(std::move(matrix)), view_(view), file_(file) {}

  // `to.size()` floats of row `row` from `first_column` on.
  void read(int64_t row, std::span<float> to, int64_t first_column = 0) const {
    view_.read(row * matrix_.columns + first_column, to);
    for (size_t index = 0; index < to.size(); ++index) {
      const float given = to[index];
      if (matrix_.transform == Transform::negative_exponential) {
        to[index] = static_cast<float>(-std::exp(static_cast<double>(given)));
      }
      if (!(std::fabs(to[index]) < beyond(matrix_.type))) {
        fail(ExitCode::input,
             "{}: tensor '{}' has the value {} at [{}, {}]; weights must be finite, also as they are packed", file_,
             matrix_.source, given, row, first_column + index);
      }
    }
  }

 private:
  Matrix matrix_;
  const TensorView& view_;
  const std::string& file_;
};

// Source row of each packed row; -1: padding.
std::vector<int64_t> packed_rows(const PackedTensor& tensor) {
  std::vector<int64_t> rows;
  for (const Segment& segment : tensor.segments) {
    for (int64_t row = 0; row < segment.rows; ++row) rows.push_back(segment.first_row + row);
    if (tensor.segments.size() > 1) rows.resize(round_up(static_cast<int64_t>(rows.size()), channel_padding), -1);
  }
  rows.resize(tensor.padded_rows, -1);
  return rows;
}

int64_t bytes_of(WeightType type) { return type == WeightType::f32 ? 4 : 2; }

// A piece of packed tensor in the weights' type.
class Piece {
 public:
  Piece(WeightType type, int64_t elements) : type_(type), bytes_(elements * bytes_of(type)) {}
  void set(int64_t index, float value) {
    if (type_ == WeightType::f32) {
      std::memcpy(&bytes_[index * 4], &value, 4);
    } else {
      const uint16_t bf16 = round_to_bf16(value), rounded = type_ == WeightType::bf16 ? bf16 : f16_of_bf16(bf16);
      std::memcpy(&bytes_[index * 2], &rounded, 2);
    }
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  WeightType type_;
  std::vector<std::byte> bytes_;
};

// Calls `write` with the packed tensor's pieces, in order.
template <typename Write>
void pack_panels(const PackedTensor& tensor, const Source& source, Write write) {
  const std::vector<int64_t> rows = packed_rows(tensor);
  const int64_t paired = tensor.type == WeightType::bf16 ? 2 : 1;  // inputs of one output that lie side by side
  std::vector<float> row(tensor.columns);
  for (int64_t first = 0; first < tensor.padded_rows; first += tensor.panel_rows) {
    const int64_t width = std::min(tensor.panel_rows, tensor.padded_rows - first);
    Piece panel(tensor.type, width * round_up(tensor.columns, paired));
    for (int64_t output = 0; output < width; ++output) {
      if (rows[first + output] < 0) continue;
      source.read(rows[first + output], row);
      for (int64_t column = 0; column < tensor.columns; ++column) {
        panel.set((column / paired * width + output) * paired + column % paired, row[column]);
      }
    }
    write(panel.bytes());
  }
}

template <typename Write>
void pack_transposed(const PackedTensor& tensor, const Source& source, Write write) {
  const std::vector<int64_t> rows = packed_rows(tensor);
  Piece all(tensor.type, tensor.columns * tensor.padded_rows);
  std::vector<float> row(tensor.columns);
  for (int64_t packed = 0; packed < tensor.padded_rows; ++packed) {
    if (rows[packed] < 0) continue;
    source.read(rows[packed], row);
    for (int64_t column = 0; column < tensor.columns; ++column) {
      all.set(column * tensor.padded_rows + packed, row[column]);
    }
  }
  write(all.bytes());
}

// The matrix in memory before it is written: its panels hold all rows.
template <typename Write>
void pack_tiles(const PackedTensor& tensor, const Source& source, Write write) {
  constexpr int64_t panel = 64, piece_columns = 8;
  Piece all(tensor.type, tensor.padded_rows * round_up(tensor.columns, panel));
  std::vector<float> row(tensor.columns);
  int64_t packed = 0;
  for (const Segment& segment : tensor.segments) {
    for (int64_t index = 0; index < segment.rows; ++index) {
      source.read(segment.first_row + index, row);
      const int64_t to = packed + index;
      for (int64_t column = 0; column < tensor.columns; ++column) {
        const int64_t piece = (column % panel / piece_columns) ^ (to % 8);
        const int64_t in_panel = to * panel + piece * piece_columns + column % piece_columns;
        all.set(column / panel * tensor.padded_rows * panel + in_panel, row[column]);
      }
    }
    packed += round_up(segment.rows, tensor.segment_rows);
  }
  write(all.bytes());
}

template <typename Write>
void pack_rows(const PackedTensor& tensor, const Source& source, Write write) {
  std::vector<float> row(tensor.columns);
  for (const int64_t from : packed_rows(tensor)) {
    Piece piece(tensor.type, tensor.columns);
    if (from >= 0) {
      source.read(from, row);
      for (int64_t column = 0; column < tensor.columns; ++column) piece.set(column, row[column]);
    }
    write(piece.bytes());
  }
}

// One chunk of part `part`.
template <typename Write>
void pack_chunk(const Chunk& chunk, int64_t part, const Source& source, Write write) {
  Piece piece(chunk.type, chunk.bytes / bytes_of(chunk.type));
  const int64_t first_row = chunk.first_row + part * chunk.row_step,
                first_column = chunk.first_column + part * chunk.column_step;
  const int64_t most = chunk.column_step > 0 ? std::min(chunk.column_step, chunk.columns) : chunk.columns;
  std::vector<float> row(std::clamp<int64_t>(chunk.column_end - first_column, 0, most));
  const int64_t rows = std::clamp<int64_t>(chunk.row_end - first_row, 0, chunk.rows);
  for (int64_t index = 0; index < rows && !row.empty(); ++index) {
    source.read(first_row + index, row, first_column);
    for (size_t column = 0; column < row.size(); ++column) {
      const auto slab = static_cast<int64_t>(column) / chunk.slab, in_slab = static_cast<int64_t>(column) % chunk.slab;
      piece.set((slab * chunk.rows + index) * chunk.slab + in_slab, row[column]);
    }
  }
  write(piece.bytes());
}

template <typename Write>
void pack_stream(const PackedTensor& tensor, const Checkpoint& checkpoint, const std::string& file, Write write) {
  std::vector<Source> sources;
  for (const Chunk& chunk : tensor.chunks) {
    const TensorView& view = checkpoint.at(chunk.source);
    sources.emplace_back(Matrix{chunk.source, view.count() / view.shape.front(), chunk.transform, chunk.type}, view,
                         file);
  }
  for (int64_t part = 0; part < tensor.parts; ++part) {
    for (size_t index = 0; index < sources.size(); ++index)
      pack_chunk(tensor.chunks[index], part, sources[index], write);
  }
}

template <typename Write>
void pack_tensor(const PackedTensor& tensor, const Checkpoint& checkpoint, const std::string& file, Write write) {
  if (tensor.packing == Packing::stream) return pack_stream(tensor, checkpoint, file, write);
  const Source source({tensor.source, tensor.columns, tensor.transform, tensor.type}, checkpoint.at(tensor.source),
                      file);
  if (tensor.packing == Packing::panels) return pack_panels(tensor, source, write);
  if (tensor.packing == Packing::tiles) return pack_tiles(tensor, source, write);
  if (tensor.packing == Packing::transposed) return pack_transposed(tensor, source, write);
  pack_rows(tensor, source, write);
}

}  // namespace

void pack_weights(const Plan& plan, const Checkpoint& checkpoint, const std::filesystem::path& path) {
  using namespace mambac_runtime;
  AtomicFile file(path);
  std::vector<WeightsTensor> table;
  const uint64_t data = weights_data_offset(plan.weights.size());
  const std::vector<std::byte> zeros(weights_page);
  file.write_at(data - weights_page, zeros);  // the file reaches to the data, whatever lies between
  const std::string where = checkpoint.path().string();
  Progress progress("packing weights", plan.weight_bytes);
  for (const PackedTensor& tensor : plan.weights) {
    Checksum checksum;
    int64_t bytes = 0;
    pack_tensor(tensor, checkpoint, where, [&](std::span<const std::byte> piece) {
      checksum.add(piece);
      file.write_at(data + tensor.offset + bytes, piece);
      bytes += static_cast<int64_t>(piece.size());
      progress.add(static_cast<int64_t>(piece.size()));
    });
    if (bytes != tensor.bytes) {
      fail(ExitCode::internal, "weight {} was packed into {} bytes; the plan says {}", tensor.name, bytes,
           tensor.bytes);
    }
    table.push_back(make_weights_tensor(tensor.name, tensor.offset, bytes, checksum.value()));
  }
  const int64_t end = plan.weights.back().offset + plan.weights.back().bytes;
  file.write_at(data + end, std::span(zeros).first(plan.weight_bytes - end));
  const WeightsHeader header =
      make_weights_header(plan.name, plan.hash, plan.generator_version, plan.weight_bytes, table);
  file.write_at(0, std::as_bytes(std::span(&header, 1)));
  file.write_at(sizeof header, std::as_bytes(std::span(table)));
  file.commit();
}

}  // namespace mambac
