// Launching kernels on one stream, so that no failure is lost.
#pragma once

#include <cuda_runtime_api.h>

#include <type_traits>

#include "runtime/mambac.h"

namespace mambac_runtime {

// After a launch has failed nothing more is launched.
class Launcher {
 public:
  explicit Launcher(cudaStream_t stream) : stream_(stream) {}

  template <typename... Parameters>
  void operator()(void (*kernel)(Parameters...), dim3 grid, int threads, size_t shared_bytes,
                  std::type_identity_t<Parameters>... arguments) {
    if (failed_) return;
    void* pointers[] = {&arguments...};
    note(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, threads, pointers, shared_bytes, stream_));
  }

  // All blocks run at the same time, and may wait for one another.
  template <typename... Parameters>
  void cooperative(void (*kernel)(Parameters...), dim3 grid, int threads, size_t shared_bytes,
                   std::type_identity_t<Parameters>... arguments) {
    if (failed_) return;
    void* pointers[] = {&arguments...};
    note(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), grid, threads, pointers, shared_bytes,
                                     stream_));
  }

  // The kernel may begin before what stands before it on the stream has ended, and waits for that by itself.
  template <typename... Parameters>
  void overlapping(void (*kernel)(Parameters...), dim3 grid, int threads, size_t shared_bytes,
                   std::type_identity_t<Parameters>... arguments) {
    if (failed_) return;
    void* pointers[] = {&arguments...};
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t configuration{};
    configuration.gridDim = grid;
    configuration.blockDim = dim3(threads);
    configuration.dynamicSmemBytes = shared_bytes;
    configuration.stream = stream_;
    configuration.attrs = &attribute;
    configuration.numAttrs = 1;
    note(cudaLaunchKernelExC(&configuration, reinterpret_cast<const void*>(kernel), pointers));
  }

  // Within the device's memory.
  void copy(void* to, const void* from, size_t bytes) {
    if (!failed_) note(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_));
  }
  void clear(void* memory, size_t bytes) {
    if (!failed_) note(cudaMemsetAsync(memory, 0, bytes, stream_));
  }

  int status() const { return failed_ ? MAMBAC_LAUNCH_FAILED : MAMBAC_OK; }

 private:
  void note(cudaError_t error) {
    if (error == cudaSuccess) return;
    failed_ = true;
    cudaGetLastError();  // reported here; the caller's own calls shall not find it again
  }

  cudaStream_t stream_;
  bool failed_ = false;
};

}  // namespace mambac_runtime
