#include "generator/configuration/cuda_architecture.h"

#include "generator/error.h"

namespace mambac {

const CudaArchitecture& cuda_architecture(const std::string& name) {
  for (const CudaArchitecture& architecture : cuda_architectures) {
    if (architecture.name == name) return architecture;
  }
  fail(ExitCode::internal, "the CUDA target does not know the architecture '{}'", name);
}

}  // namespace mambac
