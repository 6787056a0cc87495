#include "generator/specialize/specialize_prelude.h"

namespace mambac {

const std::string& cuda_prelude() {
  static const std::string prelude = R"(#pragma once
#include <cstddef>
#include <cstdint>
#define __global__
#define __device__
#define __host__
#define __shared__
#define __constant__
#define __forceinline__ inline
#define __noinline__
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __grid_constant__
#define __cluster_dims__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
extern const uint3 threadIdx, blockIdx;
extern const dim3 blockDim, gridDim;
constexpr int warpSize = 32;

struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) ulonglong2 { unsigned long long x, y; };
float2 make_float2(float, float);
float4 make_float4(float, float, float, float);
int2 make_int2(int, int);
int4 make_int4(int, int, int, int);
uint2 make_uint2(unsigned, unsigned);
uint4 make_uint4(unsigned, unsigned, unsigned, unsigned);
ulonglong2 make_ulonglong2(unsigned long long, unsigned long long);

extern "C" {
float expf(float);
float exp2f(float);
float logf(float);
float log1pf(float);
float log2f(float);
float sqrtf(float);
float rsqrtf(float);
float fmaxf(float, float);
float fminf(float, float);
float fabsf(float);
float fmaf(float, float, float);
float tanhf(float);
float floorf(float);
float __expf(float);
float __logf(float);
float __fdividef(float, float);
float __frcp_rn(float);
float __fsqrt_rn(float);
float __fmaf_rn(float, float, float);
float __fadd_rn(float, float);
float __fmul_rn(float, float);
float __fdiv_rn(float, float);
long long __float2ll_rn(float);
float __ll2float_rn(long long);
long long __double2ll_rn(double);
int __float2int_rn(float);
unsigned __float_as_uint(float);
float __uint_as_float(unsigned);
int __float_as_int(float);
float __int_as_float(int);
void __syncthreads();
void __syncwarp(unsigned = 0xffffffff);
int __syncthreads_or(int);
int __syncthreads_and(int);
int __syncthreads_count(int);
void __threadfence();
void __threadfence_block();
void __threadfence_system();
void __nanosleep(unsigned);
unsigned __activemask();
unsigned __ballot_sync(unsigned, int);
int __any_sync(unsigned, int);
int __all_sync(unsigned, int);
int __popc(unsigned);
int __popcll(unsigned long long);
int __clz(int);
int __ffs(int);
unsigned __umulhi(unsigned, unsigned);
unsigned __brev(unsigned);
unsigned __byte_perm(unsigned, unsigned, unsigned);
unsigned __reduce_add_sync(unsigned, unsigned);
unsigned __reduce_max_sync(unsigned, unsigned);
unsigned __reduce_min_sync(unsigned, unsigned);
size_t __cvta_generic_to_shared(const void*);
size_t __cvta_generic_to_global(const void*);
long long clock64();
void __trap();
}
template <typename Value> Value __shfl_sync(unsigned, Value, int, int = 32);
template <typename Value> Value __shfl_up_sync(unsigned, Value, unsigned, int = 32);
template <typename Value> Value __shfl_down_sync(unsigned, Value, unsigned, int = 32);
template <typename Value> Value __shfl_xor_sync(unsigned, Value, int, int = 32);
template <typename Value> Value __ldg(const Value*);
template <typename Value> Value __ldcs(const Value*);
template <typename Value> Value __ldcg(const Value*);
template <typename Value> Value __ldca(const Value*);
template <typename Value> void __stcs(Value*, Value);
template <typename Value> void __stcg(Value*, Value);
template <typename Value> Value atomicAdd(Value*, Value);
template <typename Value> Value atomicMax(Value*, Value);
template <typename Value> Value atomicMin(Value*, Value);
template <typename Value> Value atomicOr(Value*, Value);
template <typename Value> Value atomicAnd(Value*, Value);
template <typename Value> Value atomicExch(Value*, Value);
template <typename Value> Value atomicCAS(Value*, Value, Value);
template <typename Value> Value min(Value, Value);
template <typename Value> Value max(Value, Value);
)";
  return prelude;
}

}  // namespace mambac
