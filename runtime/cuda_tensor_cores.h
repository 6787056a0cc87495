// Matrix products on the tensor cores of a Hopper GPU (compute capability 9.0a): operands in shared memory, as tiles of
// 64 columns (templates/cuda/tiles.cuh), sums in registers.
#pragma once

#include "runtime/cuda_ring.h"

namespace mambac_runtime {

// Where an operand of 16 columns begins: in a tile whose rows of 128 bytes are swizzled in groups of eight rows. The
// next 16 columns of the same tile are two further.
__device__ inline unsigned long long operand_at(unsigned shared) {
  constexpr unsigned long long group_of_eight_rows = 1024 >> 4;
  constexpr unsigned long long swizzled_128_bytes = 1;
  return (shared & 0x3ffff) >> 4 | 1ull << 16 | group_of_eight_rows << 32 | swizzled_128_bytes << 62;
}

// Products may begin: registers and shared memory are as they should be.
__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// What this thread has written to shared memory may be an operand, after a barrier of the block.
__device__ inline void publish_operands() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The products so far are one group.
__device__ inline void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most one group of products is under way; until none is.
__device__ inline void wait_for_products_but_last() { asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory"); }
__device__ inline void wait_for_products() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }

// sum (16, 8) += a (16, 16) b (8, 16)^T by one warp, operands in registers: pairs of columns 2 (lane % 4) + 8 i of row
// lane / 4 + 8 j, in a[2 i + j] and, of b's row lane / 4, in b[i]. sum[2 j + k] is row lane / 4 + 8 j and column 2
// (lane % 4) + k.
__device__ inline void multiply_16x8(float* sum, const unsigned* a, const unsigned* b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// sum (64, 64) += a (64, 16) b (64, 16)^T by the four warps of a group; sum[4 * j + 2 * i + k] of a thread is row lane
// / 4 + 8 i of its warp's 16 rows and column 8 j + 2 (lane % 4) + k.
__device__ inline void multiply_64x64(float* sum, unsigned long long a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "%32, %33, 1, 1, 1, 0, 0;"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), "+f"(sum[6]), "+f"(sum[7]),
        "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), "+f"(sum[13]), "+f"(sum[14]),
        "+f"(sum[15]), "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]), "+f"(sum[21]),
        "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), "+f"(sum[27]), "+f"(sum[28]),
        "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31])
      : "l"(a), "l"(b)
      : "memory");
}

// sum (64, 96) += a (64, 16) b (96, 16)^T, likewise.
__device__ inline void multiply_64x96(float* sum, unsigned long long a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n96k16.f32.f16.f16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47}, "
      "%48, %49, 1, 1, 1, 0, 0;"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), "+f"(sum[6]), "+f"(sum[7]),
        "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), "+f"(sum[13]), "+f"(sum[14]),
        "+f"(sum[15]), "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]), "+f"(sum[21]),
        "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), "+f"(sum[27]), "+f"(sum[28]),
        "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31]), "+f"(sum[32]), "+f"(sum[33]), "+f"(sum[34]), "+f"(sum[35]),
        "+f"(sum[36]), "+f"(sum[37]), "+f"(sum[38]), "+f"(sum[39]), "+f"(sum[40]), "+f"(sum[41]), "+f"(sum[42]),
        "+f"(sum[43]), "+f"(sum[44]), "+f"(sum[45]), "+f"(sum[46]), "+f"(sum[47])
      : "l"(a), "l"(b)
      : "memory");
}

// sum (64, 128) += a (64, 16) b (128, 16)^T, likewise.
__device__ inline void multiply_64x128(float* sum, unsigned long long a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, 1, 1, 1, 0, 0;"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), "+f"(sum[6]), "+f"(sum[7]),
        "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), "+f"(sum[13]), "+f"(sum[14]),
        "+f"(sum[15]), "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]), "+f"(sum[21]),
        "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), "+f"(sum[27]), "+f"(sum[28]),
        "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31]), "+f"(sum[32]), "+f"(sum[33]), "+f"(sum[34]), "+f"(sum[35]),
        "+f"(sum[36]), "+f"(sum[37]), "+f"(sum[38]), "+f"(sum[39]), "+f"(sum[40]), "+f"(sum[41]), "+f"(sum[42]),
        "+f"(sum[43]), "+f"(sum[44]), "+f"(sum[45]), "+f"(sum[46]), "+f"(sum[47]), "+f"(sum[48]), "+f"(sum[49]),
        "+f"(sum[50]), "+f"(sum[51]), "+f"(sum[52]), "+f"(sum[53]), "+f"(sum[54]), "+f"(sum[55]), "+f"(sum[56]),
        "+f"(sum[57]), "+f"(sum[58]), "+f"(sum[59]), "+f"(sum[60]), "+f"(sum[61]), "+f"(sum[62]), "+f"(sum[63])
      : "l"(a), "l"(b)
      : "memory");
}

// sum (64, `Outputs`) += a (64, 16) b (`Outputs`, 16)^T by the four warps of a group, in products of 64 to 128 outputs;
// sum as in multiply_64x64.
template <int Outputs>
__device__ inline void multiply_64(float* sum, unsigned long long a, unsigned long long b) {
  static_assert(Outputs % 32 == 0 && Outputs >= 64);
  if constexpr (Outputs == 64) {
    multiply_64x64(sum, a, b);
  } else if constexpr (Outputs == 128) {
    multiply_64x128(sum, a, b);
  } else if constexpr (Outputs == 96) {
    multiply_64x96(sum, a, b);
  } else {
    constexpr int first = Outputs % 128 == 0 ? 128 : 96;
    multiply_64<first>(sum, a, b);
    multiply_64<Outputs - first>(sum + first / 2, a, b + first * 8);
  }
}

// The current stage will get so many bytes, as soon as its slot is free. By one thread.
__device__ inline void expect_operands(const Ring& ring, int bytes) {
  wait(empty_barrier(ring), ring.phase ^ 1);
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(full_barrier(ring)), "r"(bytes) : "memory");
}

// `bytes` of them (a multiple of 16), to `offset` in the current stage. By one thread.
__device__ inline void copy_operand(const Ring& ring, int offset, const void* source, int bytes) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   ring.stages + ring.slot * ring.slot_bytes + offset),
               "l"(source), "r"(bytes), "r"(full_barrier(ring))
               : "memory");
}

}  // namespace mambac_runtime
