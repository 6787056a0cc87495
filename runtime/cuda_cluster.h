// Blocks of one cluster: they run at the same time and read each other's shared memory. Compute capability 9.0.
#pragma once

namespace mambac_runtime {

__device__ inline int rank_in_cluster() {
  int rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// All threads of all blocks; what was written to shared memory before is seen by all after.
__device__ inline void synchronize_cluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// Shared address, in block `rank`, of what lies at `pointer` in this block.
__device__ inline unsigned address_in_block(const void* pointer, int rank) {
  unsigned address;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(address)
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(pointer))), "r"(rank));
  return address;
}

__device__ inline unsigned long long read_from_block(const unsigned long long* pointer, int rank) {
  unsigned long long value;
  asm volatile("ld.shared::cluster.u64 %0, [%1];" : "=l"(value) : "r"(address_in_block(pointer, rank)) : "memory");
  return value;
}

__device__ inline unsigned read_from_block(const unsigned* pointer, int rank) {
  unsigned value;
  asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address_in_block(pointer, rank)) : "memory");
  return value;
}

}  // namespace mambac_runtime
