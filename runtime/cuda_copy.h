// Copies from global to shared memory that a block's threads start and need not wait for.
#pragma once

#include "runtime/cuda_ring.h"

namespace mambac_runtime {

// 16 bytes, or zeros if they are not `wanted`; both addresses are multiples of 16.
__device__ inline void copy_16_bytes(void* shared, const void* global, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(wanted ? 16 : 0)
               : "memory");
}

// The copies that this thread has started so far are one group.
__device__ inline void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most so many groups of this thread's copies are under way.
template <int Groups>
__device__ inline void wait_for_copies_but_last() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
}

// A barrier of a block whose warps, each as a whole, have different work to do.
__device__ inline void synchronize_block(int threads) { asm volatile("barrier.sync 2, %0;" ::"r"(threads) : "memory"); }

}  // namespace mambac_runtime
