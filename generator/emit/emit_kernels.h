// The kernels that a plan's calls need: their names and their specialized text.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "generator/plan/plan.h"
#include "generator/specialize/specialize.h"

namespace mambac {

// The function that each call of a plan runs, by kernel and template arguments. Named after the kernel and its sizes,
// and, where two kernels of a model would share a name, after what tells them apart: project_192_to_768_tile_rows_6.
class Kernels {
 public:
  explicit Kernels(const Plan& plan);
  const std::string& name(const Call& call) const;
  // Whether the function has a parameter for the call's argument: one that nothing reads is gone.
  bool takes(const Call& call, size_t argument) const;
  // One call of each kernel, in the order of first use.
  const std::vector<const Call*>& distinct() const { return distinct_; }
  // Kernels and what they call, each after what it calls.
  const std::vector<SpecializedFunction>& functions() const { return functions_; }

 private:
  std::vector<const Call*> distinct_;
  std::map<std::string, std::string> names_;       // by kernel and template arguments
  std::map<std::string, std::vector<bool>> kept_;  // parameters of a function, by its name
  std::vector<SpecializedFunction> functions_;
};

// NAME_kernels.h: every kernel specialized for its shapes.
std::string emit_kernels(const Plan& plan, const Kernels& kernels);

// NAME_kernels.h declares the kernels that NAME_kernels.cu defines.
struct CudaKernels {
  std::string declarations, definitions;
  std::set<std::string> headers;  // of the runtime, that they include: "runtime/cuda_types.h"
};
CudaKernels emit_cuda_kernels(const Plan& plan, const Kernels& kernels);

}  // namespace mambac
