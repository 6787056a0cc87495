#include <cuda_runtime_api.h>

#include "runtime/cuda_device.h"
#include "runtime/status.h"
#include "runtime/weights_format.h"

namespace mambac_runtime {
namespace {

double megabytes(size_t bytes) { return static_cast<double>(bytes) / 1e6; }

// A failed call of the runtime as a status; its error shall not be found again by the caller's own calls.
int fail_with(cudaError_t error, int status, const char* what, Message message) {
  cudaGetLastError();
  return fail(message, status, "%s: %s", what, cudaGetErrorString(error));
}

int allocate(void** memory, size_t bytes, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  const cudaError_t error = cudaMalloc(memory, bytes);
  if (error == cudaSuccess) return succeed(message);
  *memory = nullptr;
  cudaGetLastError();
  if (error != cudaErrorMemoryAllocation) return fail_with(error, MAMBAC_NO_DEVICE, "the GPU does not answer", message);
  size_t free_bytes = 0, all_bytes = 0;
  cudaMemGetInfo(&free_bytes, &all_bytes);
  return fail(message, MAMBAC_OUT_OF_MEMORY, "%.1f MB of the GPU's memory are needed, %.1f MB of its %.1f MB are free",
              megabytes(bytes), megabytes(free_bytes), megabytes(all_bytes));
}

void release(void* memory) { cudaFree(memory); }

// The same where there is no room for a sentence.
int status_of(cudaError_t error) {
  if (error != cudaSuccess) cudaGetLastError();
  return error == cudaSuccess ? MAMBAC_OK : MAMBAC_LAUNCH_FAILED;
}

int copy_to(void* device, const void* host, size_t bytes) {
  return status_of(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
}

int copy_from(void* host, const void* device, size_t bytes) {
  return status_of(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
}

int copy_within(void* to, const void* from, size_t bytes) {
  return status_of(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice));
}

int synchronize() { return status_of(cudaDeviceSynchronize()); }

int allocate_shared(void** memory, size_t bytes, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  const cudaError_t error = cudaHostAlloc(memory, bytes, cudaHostAllocMapped | cudaHostAllocPortable);
  if (error == cudaSuccess) return succeed(message);
  *memory = nullptr;
  return fail_with(error, MAMBAC_OUT_OF_MEMORY, "memory that the GPU shares with this machine", message);
}

void release_shared(void* memory) { cudaFreeHost(memory); }

// Replaces opened weights in the host's memory by a copy in the device's.
int move_to_device(const ExpectedWeights& expected, mambac_weights* weights, char* text, size_t text_bytes) {
  mambac_weights host = *weights;
  *weights = {};
  const size_t bytes = expected.file_bytes - weights_data_offset(expected.tensor_count);
  void* memory = nullptr;
  int status = allocate(&memory, bytes, text, text_bytes);
  if (status == MAMBAC_OK) {
    cudaError_t error = cudaMemcpy(memory, host.data, bytes, cudaMemcpyHostToDevice);
    if (error == cudaSuccess) error = cudaStreamSynchronize(nullptr);  // a copy of pageable memory may return before
    if (error != cudaSuccess) {
      release(memory);
      status = fail_with(error, MAMBAC_LAUNCH_FAILED, "the weights cannot be copied to the GPU", {text, text_bytes});
    }
  }
  const void* const owner = host.owner;
  close_weights(&host);
  if (status != MAMBAC_OK) return status;
  weights->data = static_cast<const unsigned char*>(memory);
  weights->mapping = memory;
  weights->mapped_bytes = bytes;
  weights->owner = owner;
  return MAMBAC_OK;
}

}  // namespace

int check_device(const ExpectedDevice& expected, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  int device = 0;
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, device);
  if (error != cudaSuccess) {
    return fail_with(error, MAMBAC_NO_DEVICE, "this library needs a GPU of NVIDIA and its driver", message);
  }
  const bool same_major = properties.major == expected.major;
  const bool serves = expected.exact_minor ? properties.minor == expected.minor : properties.minor >= expected.minor;
  if (!same_major || !serves) {
    return fail(message, MAMBAC_WRONG_MACHINE,
                "%s has compute capability %d.%d, this library was built for %s (%d.%d%s): rebuild with --arch",
                properties.name, properties.major, properties.minor, expected.arch, expected.major, expected.minor,
                expected.exact_minor ? " alone" : " or a later minor version");
  }
  if (properties.multiProcessorCount < expected.multiprocessors) {
    return fail(message, MAMBAC_WRONG_MACHINE,
                "%s has %d multiprocessors, this library was planned for %d: rebuild with --blocks %d", properties.name,
                properties.multiProcessorCount, expected.multiprocessors, properties.multiProcessorCount);
  }
  return succeed(message);
}

int open_device_weights(const char* path, const ExpectedWeights& expected, mambac_weights* weights, char* text,
                        size_t text_bytes) {
  const int status = open_weights(path, expected, weights, text, text_bytes);
  return status != MAMBAC_OK ? status : move_to_device(expected, weights, text, text_bytes);
}

int device_weights_from_memory(const void* memory, size_t bytes, const ExpectedWeights& expected,
                               mambac_weights* weights, char* text, size_t text_bytes) {
  const int status = weights_from_memory(memory, bytes, expected, weights, text, text_bytes);
  return status != MAMBAC_OK ? status : move_to_device(expected, weights, text, text_bytes);
}

void close_device_weights(mambac_weights* weights) {
  if (weights == nullptr) return;
  if (weights->mapping != nullptr) release(weights->mapping);
  *weights = {};
}

int check_device_memory(const void* pointer, size_t alignment, const char* who, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  if (pointer == nullptr) return fail(message, MAMBAC_NULL_ARGUMENT, "%s: the memory is null", who);
  cudaPointerAttributes attributes{};
  int device = 0;
  cudaError_t error = cudaPointerGetAttributes(&attributes, pointer);
  if (error == cudaSuccess) error = cudaGetDevice(&device);
  if (error != cudaSuccess) return fail_with(error, MAMBAC_NO_DEVICE, who, message);
  if (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged) {
    return fail(message, MAMBAC_NULL_ARGUMENT, "%s: the memory is not a GPU's", who);
  }
  if (attributes.type == cudaMemoryTypeDevice && attributes.device != device) {
    return fail(message, MAMBAC_WRONG_MACHINE, "%s: the memory is that of GPU %d, the current one is GPU %d", who,
                attributes.device, device);
  }
  if (reinterpret_cast<size_t>(pointer) % alignment != 0) {
    return fail(message, MAMBAC_MISALIGNED, "%s: memory must be aligned to %zu bytes", who, alignment);
  }
  return succeed(message);
}

int clear_device_memory(void* memory, size_t bytes, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  cudaError_t error = cudaMemset(memory, 0, bytes);
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  return error == cudaSuccess ? succeed(message)
                              : fail_with(error, MAMBAC_LAUNCH_FAILED, "memory cannot be cleared", message);
}

int allow_shared_memory(const void* kernel, size_t bytes, char* text, size_t text_bytes) {
  const Message message{text, text_bytes};
  const cudaError_t error =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  return error == cudaSuccess ? succeed(message)
                              : fail_with(error, MAMBAC_WRONG_MACHINE, "a kernel's shared memory was refused", message);
}

int allow_large_cluster(const void* kernel, int blocks, int threads, size_t shared_bytes, char* text,
                        size_t text_bytes) {
  const Message message{text, text_bytes};
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = dim3(blocks);
  configuration.blockDim = dim3(threads);
  configuration.dynamicSmemBytes = shared_bytes;
  int clusters = 0;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  if (error == cudaSuccess) error = cudaOccupancyMaxActiveClusters(&clusters, kernel, &configuration);
  if (error != cudaSuccess) return fail_with(error, MAMBAC_WRONG_MACHINE, "a kernel's cluster was refused", message);
  if (clusters == 0) {
    return fail(message, MAMBAC_WRONG_MACHINE,
                "this GPU, or the part of it that is visible, has no room for a cluster of %d blocks: rebuild with "
                "--blocks 8",
                blocks);
  }
  return succeed(message);
}

const mambac_device device_functions = {
    .allocate = allocate,
    .release = release,
    .copy_to = copy_to,
    .copy_from = copy_from,
    .copy_within = copy_within,
    .synchronize = synchronize,
    .allocate_shared = allocate_shared,
    .release_shared = release_shared,
};

}  // namespace mambac_runtime
