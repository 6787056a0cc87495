// How far loops run and what branches depend on. Every integer of a program is followed from the C function's arguments
// through calls and assignments with the limits it keeps to; an integer that depends on a weight, a state, an
// activation or a token has none. A loop must count up to a limit; a condition must depend on integers with limits
// alone.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "generator/certificate/limits.h"
#include "generator/certificate/rules.h"
#include "generator/certificate/walk.h"

namespace mambac {

// Most rounds of every loop of a function, in the order of the text.
using LoopRounds = std::map<const clang::FunctionDecl*, std::vector<int64_t>>;

// Throws Error (ExitCode::internal) for a loop without a constant bound and for a branch on data.
LoopRounds check_counts(const ArtifactUnit& unit, const CertificateRules& rules, const Plan& plan,
                        const CallGraph& graph);

}  // namespace mambac
