// A matrix of a block times a vector, stage by stage as the ring brings it.
#pragma once

#include "runtime/cuda_mathematics.h"
#include "runtime/cuda_ring.h"
#include "templates/cuda/multiply_slab.cuh"

namespace mambac {

using namespace mambac_runtime;

// Stages hold [row][`Slab`] of the matrix, one stage for every `Slab` of `Columns` columns. {Parts > 1 ? `Parts` warps
// share : A warp has} {Rows > 1 ? `Rows` rows : one row}{Parts > 1 ? , a part of every slab each}. sums[row] is complete
// {Parts > 1 ? (up to the parts) }in every lane.
template <typename Weight, int Rows, int Columns, int Slab, int Parts>
__device__ inline void multiply_stages(Ring& ring, const unsigned char* stages, const float* vector, float* sums) {
  static_assert(Columns % Slab == 0 && (Columns == Slab || Slab % (512 / sizeof(Weight)) == 0));
  static_assert(Parts == 1 || Slab / Parts % (512 / sizeof(Weight)) == 0);
  const int warp = threadIdx.x / 32;
  const int first_row = warp / Parts * Rows;
  const int first_column = warp % Parts * (Slab / Parts);
#pragma unroll
  for (int row = 0; row < Rows; ++row) sums[row] = 0.0f;
  for (int slab = 0; slab < Columns / Slab; ++slab) {
    const unsigned char* stage = stages + wait_for_stage(ring);
    multiply_slab<Weight, Rows, Slab / Parts, Slab>(stage + (first_row * Slab + first_column) * sizeof(Weight),
                                                    vector + slab * Slab + first_column, sums);
    release_stage(ring);
  }
#pragma unroll
  for (int row = 0; row < Rows; ++row) sums[row] = sum_of_warp(sums[row]);
}

}  // namespace mambac
