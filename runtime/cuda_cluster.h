// Blocks of one cluster: they run at the same time and read each other's shared memory. Compute capability 9.0.
#pragma once

namespace mambac_runtime {

__device__ inline int rank_in_cluster() {
  int rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// Where a launch may begin before the one in front of it on the stream has ended: the next may begin now, and what
// earlier ones wrote is there.
__device__ inline void launch_next() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
__device__ inline void wait_for_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// All threads of all blocks; what was written to shared memory before is seen by all after.
__device__ inline void synchronize_cluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// The end of a cluster's work, in two halves: no block passes before all have come, for until then they may read each
// other's shared memory.
__device__ inline void arrive_at_end_of_cluster() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}
__device__ inline void wait_for_end_of_cluster() { asm volatile("barrier.cluster.wait.aligned;" ::: "memory"); }

// Shared address, in block `rank`, of what lies at `pointer` in this block.
__device__ inline unsigned address_in_block(const void* pointer, int rank) {
  unsigned address;
  asm("mapa.shared::cluster.u32 %0, %1, %2;"
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

// Address and result in whole 16 bytes.
__device__ inline float4 read_from_block(const float* pointer, int rank) {
  float4 value;
  asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(value.x), "=f"(value.y), "=f"(value.z), "=f"(value.w)
               : "r"(address_in_block(pointer, rank))
               : "memory");
  return value;
}

__device__ inline void write_to_block(unsigned long long* pointer, int rank, unsigned long long value) {
  asm volatile("st.shared::cluster.u64 [%0], %1;" ::"r"(address_in_block(pointer, rank)), "l"(value) : "memory");
}

// A barrier in shared memory for what other blocks write: a phase completes when `expect` has been called for it and
// the bytes have arrived.
__device__ inline void open_arrival(unsigned long long* barrier) {
  asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier)))
               : "memory");
}

// The barriers that the thread has opened may be counted by copies and by other blocks.
__device__ inline void publish_arrivals() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ inline void expect(unsigned long long* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
               "r"(bytes)
               : "memory");
}

// Four floats to `to` in block `rank`; its `barrier` counts 16 bytes.
__device__ inline void send(float* to, unsigned long long* barrier, int rank, float4 values) {
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(
                   address_in_block(to, rank)),
               "r"(__float_as_uint(values.x)), "r"(__float_as_uint(values.y)), "r"(__float_as_uint(values.z)),
               "r"(__float_as_uint(values.w)), "r"(address_in_block(barrier, rank))
               : "memory");
}

// To `to` in block `rank`; its `barrier` counts 4 bytes.
__device__ inline void send(float* to, unsigned long long* barrier, int rank, float value) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];" ::"r"(address_in_block(to, rank)),
      "r"(__float_as_uint(value)), "r"(address_in_block(barrier, rank))
      : "memory");
}

// `bytes` (a multiple of 16) from global to shared memory; `barrier` counts them.
__device__ inline void copy_to_shared(void* to, const unsigned char* from, int bytes, unsigned long long* barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(to))),
               "l"(from), "r"(bytes), "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier)))
               : "memory");
}

}  // namespace mambac_runtime
