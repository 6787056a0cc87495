#include "generator/targets/stream_builder.h"

#include "generator/shape.h"
#include "generator/targets/packing.h"

namespace mambac {

StreamBuilder::StreamBuilder(const Graph& graph, WeightType matrices, std::string name, int64_t parts)
    : graph_(graph), matrices_(matrices) {
  tensor_.name = std::move(name);
  tensor_.packing = Packing::stream;
  tensor_.type = matrices;
  tensor_.parts = parts;
}

StreamBuilder& StreamBuilder::rows_of(const std::string& weight, int64_t first_row, int64_t row_end, int64_t row_step,
                                      int64_t rows, int64_t columns, int64_t slab) {
  Chunk chunk = chunk_of(weight, rows, columns, slab);
  chunk.first_row = first_row;
  chunk.row_end = row_end;
  chunk.row_step = row_step;
  return add(chunk);
}

StreamBuilder& StreamBuilder::columns_of(const std::string& weight, const Columns& columns) {
  Chunk chunk = chunk_of(weight, columns.rows, columns.columns, columns.slab);
  chunk.first_row = columns.first_row;
  chunk.row_end = columns.row_end;
  chunk.first_column = columns.first_column;
  chunk.column_step = columns.step;
  return add(chunk);
}

StreamBuilder& StreamBuilder::fill_up(int64_t bytes) {
  tensor_.chunks.back().bytes += bytes - filled_;
  filled_ = 0;
  return *this;
}

StreamBuilder& StreamBuilder::fill_up_to_multiple(int64_t multiple) {
  const int64_t missing = round_up(filled_, multiple) - filled_;
  tensor_.chunks.back().bytes += missing;
  filled_ += missing;
  return *this;
}

void StreamBuilder::add_to(Plan& plan) {
  for (const Chunk& chunk : tensor_.chunks) tensor_.bytes += tensor_.parts * chunk.bytes;
  add_weight(std::move(tensor_), plan);
}

Chunk StreamBuilder::chunk_of(const std::string& name, int64_t rows, int64_t columns, int64_t slab) const {
  const GraphWeight& weight = graph_.weight(name);
  const CheckpointTensor& source = graph_.checkpoint_tensor(weight.source);
  Chunk chunk{.source = weight.source, .transform = weight.transform};
  chunk.type = source.matrix ? matrices_ : WeightType::f32;
  chunk.rows = rows;
  chunk.column_end = element_count(std::span(source.shape).subspan(1));
  chunk.columns = columns;
  chunk.slab = slab;
  chunk.bytes = rows * columns * bytes_of_element(chunk.type);
  return chunk;
}

StreamBuilder& StreamBuilder::add(const Chunk& chunk) {
  tensor_.chunks.push_back(chunk);
  filled_ += chunk.bytes;
  return *this;
}

}  // namespace mambac
