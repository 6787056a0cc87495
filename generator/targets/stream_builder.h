// Packing::stream: what each block of a GPU reads, put together piece by piece in the order in which it reads it.
#pragma once

#include <string>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"

namespace mambac {

class StreamBuilder {
 public:
  // `matrices`: the type of what is a matrix in the checkpoint; everything else is f32.
  StreamBuilder(const Graph& graph, WeightType matrices, std::string name, int64_t parts);

  // Rows of a weight: `rows` for each part, from `first_row` + part * `row_step` on, zeros from `row_end` on; all of
  // its columns, filled up to `columns`, in slabs.
  StreamBuilder& rows_of(const std::string& weight, int64_t first_row, int64_t row_end, int64_t row_step, int64_t rows,
                         int64_t columns, int64_t slab);
  // The same where each part's rows follow those of the part before.
  StreamBuilder& rows_of(const std::string& weight, int64_t first_row, int64_t row_end, int64_t rows, int64_t columns,
                         int64_t slab) {
    return rows_of(weight, first_row, row_end, rows, rows, columns, slab);
  }
  // A vector, the same for all parts, filled up to `floats`.
  StreamBuilder& vector_of(const std::string& weight, int64_t size, int64_t floats) {
    return rows_of(weight, 0, size, 0, floats, 1, 1);
  }
  // Columns of a weight: `step` for each part, of which these are the `columns` from `first_column` on; rows from
  // `first_row` to `row_end`, filled up to `rows`.
  struct Columns {
    int64_t first_row = 0, row_end = 0, rows = 0;
    int64_t first_column = 0, step = 0, columns = 0, slab = 1;
  };
  StreamBuilder& columns_of(const std::string& weight, const Columns& columns);
  // `floats` zeros: a vector that the model does not have. `like`: any weight, of which nothing is read.
  StreamBuilder& zeros(const std::string& like, int64_t floats) { return rows_of(like, 0, 0, 0, floats, 1, 1); }

  // Zeros up to `bytes` since the last call of fill_up or the start.
  StreamBuilder& fill_up(int64_t bytes);
  StreamBuilder& fill_up_to_multiple(int64_t multiple);

  void add_to(Plan& plan);

 private:
  Chunk chunk_of(const std::string& name, int64_t rows, int64_t columns, int64_t slab) const;
  StreamBuilder& add(const Chunk& chunk);

  const Graph& graph_;
  WeightType matrices_;
  PackedTensor tensor_;
  int64_t filled_ = 0;
};

}  // namespace mambac
