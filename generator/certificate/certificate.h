// Stage 6b: the real-time certificate. The emitted source is parsed with Clang, every call is followed from the C
// functions `NAME_step` and `NAME_forward`, and whatever could keep a call from ending in bounded time is refused: the
// build fails and names function, file and line. docs/certificate.md says what is checked and what is not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "generator/plan/plan.h"

namespace mambac {

struct CertifiedFunction {
  std::string name;                         // "rms_norm_64", "load<8>", "FloatingPointMode::set"
  std::string file;                         // "mamba1_tiny_kernels.h"
  int line = 0, body_line = 0;              // where it begins, and where its body does
  std::vector<size_t> callees = {};         // into the program's functions, in the order of their first call
  std::vector<int64_t> loops = {};          // most rounds of each loop, in the order of the text
  std::string exception = {};               // what it is excused from, if anything
  std::optional<int64_t> stack_bytes = {};  // of the function alone; 0: inlined into its callers
};

struct CertifiedProgram {
  std::string name;                               // "step", "step_until", "forward"
  std::vector<CertifiedFunction> functions = {};  // callers before callees; the first is the C function
  std::vector<std::string> outside = {};          // calls that leave the artifact's source, all on the allow-list
  std::optional<int64_t> stack_bytes = {};        // bound along the deepest path; empty: not measured
};

// What a program of the C interface runs: step_until the calls of `step`, every other one those of its own name.
const Program& planned_program(const Plan& plan, const std::string& name);

struct Certificate {
  std::vector<CertifiedProgram> programs;
  std::string compiler;  // that measured the stack, "g++"; empty: nobody did
};

// Walks the sources that emit(plan) returned. Throws Error (ExitCode::internal) for what a certificate excludes.
Certificate certify(const Plan& plan, const std::map<std::string, std::string>& sources);

// certificate.json and certificate.md. The same certificate gives the same bytes.
std::map<std::string, std::string> certificate_files(const Plan& plan, const Certificate& certificate);

}  // namespace mambac
