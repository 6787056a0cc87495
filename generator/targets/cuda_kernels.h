// Operations as launches of the kernels in templates/cuda. One function per kernel; docs/add-a-kernel.md.
#pragma once

#include "generator/targets/call_builder.h"

namespace mambac {

Call cuda_call(const CallSite& site, const Operation& operation);

}  // namespace mambac
