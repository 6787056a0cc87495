// A ring of stages in shared memory: one warp copies them in, asynchronously and in order, the others read them. Needs
// compute capability 9.0.
#pragma once

namespace mambac_runtime {

// Where a warp stands in the ring. Every slot has two barriers of 8 bytes: `full` is completed by a copy that has
// landed, `empty` by every lane of all reading warps.
struct Ring {
  unsigned stages;    // shared address of the first slot
  unsigned barriers;  // shared address of full[slots], empty[slots]
  int slots, slot_bytes;
  int slot;
  unsigned phase;
};

__device__ inline unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

__device__ inline Ring ring_at(const void* stages, const void* barriers, int slots, int slot_bytes) {
  return {shared_address(stages), shared_address(barriers), slots, slot_bytes, 0, 0};
}

__device__ inline unsigned full_barrier(const Ring& ring) { return ring.barriers + ring.slot * 8; }
__device__ inline unsigned empty_barrier(const Ring& ring) { return ring.barriers + (ring.slots + ring.slot) * 8; }

__device__ inline void advance(Ring& ring) {
  if (++ring.slot == ring.slots) {
    ring.slot = 0;
    ring.phase ^= 1;
  }
}

// By one thread, before a barrier of the whole block.
__device__ inline void open_ring(const Ring& ring, int reading_warps) {
  for (int slot = 0; slot < ring.slots; ++slot) {
    asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(ring.barriers + slot * 8) : "memory");
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(ring.barriers + (ring.slots + slot) * 8),
                 "r"(reading_warps * 32)
                 : "memory");
  }
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

// Returns once the barrier's phase of that parity is complete. A wait without end is a defect: the launch fails.
__device__ inline void wait(unsigned barrier, unsigned parity) {
  unsigned complete = 0;
  for (int attempt = 0; complete == 0; ++attempt) {
    if (attempt == 1 << 24) __trap();
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(complete)
                 : "r"(barrier), "r"(parity)
                 : "memory");
  }
}

// For weights that are read once a token and do not stay in the L2 cache: they need not push others out.
__device__ inline unsigned long long read_once_policy() {
  unsigned long long policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

__device__ inline unsigned long long keep_policy() {
  unsigned long long policy;
  asm volatile("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

// The next stage, `bytes` (a multiple of 16) from `source`, as soon as its slot is free. By one thread.
__device__ inline void copy_stage(Ring& ring, const unsigned char* source, int bytes, unsigned long long policy) {
  wait(empty_barrier(ring), ring.phase ^ 1);
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(full_barrier(ring)), "r"(bytes) : "memory");
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::
          "r"(ring.stages + ring.slot * ring.slot_bytes),
      "l"(source), "r"(bytes), "r"(full_barrier(ring)), "l"(policy)
      : "memory");
  advance(ring);
}

// A barrier of the `threads` threads that read; the copying warp is not among them.
__device__ inline void synchronize_readers(int threads) {
  asm volatile("barrier.sync 1, %0;" ::"r"(threads) : "memory");
}

// Offset of the current stage from the first slot, once it has landed.
__device__ inline int wait_for_stage(const Ring& ring) {
  wait(full_barrier(ring), ring.phase);
  return ring.slot * ring.slot_bytes;
}

// The lane has read the current stage. Each says so for itself: one for the warp, after __syncwarp, took no less time,
// and compute-sanitizer's racecheck, which knows nothing of the others then, reported races.
__device__ inline void release_stage(Ring& ring) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(empty_barrier(ring)) : "memory");
  advance(ring);
}

}  // namespace mambac_runtime
