// The stack of a program, from what the compiler says of each function's frame (-fstack-usage of g++ and clang).
#pragma once

#include <map>
#include <string>

#include "generator/build/compile.h"
#include "generator/certificate/certificate.h"

namespace mambac {

// Adds frames and bounds to the certificate, as far as the compiler gave them: a program that has a frame which belongs
// to none of its functions stays without a bound. Throws Error (ExitCode::internal): a frame of variable size.
void add_stack(Certificate& certificate, const Plan& plan, const StackUsage& usage);

}  // namespace mambac
