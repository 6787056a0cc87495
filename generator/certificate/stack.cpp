#include "generator/certificate/stack.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "generator/error.h"

namespace mambac {
namespace {

// Of every frame that the compiler reports: it leaves out the return address (8 bytes), and what aligning a frame for
// vectors of 64 bytes may skip (at most 56).
constexpr int64_t bytes_beside_frame = 64;
// Below the deepest frame a function that calls nobody may use this much without reporting it (System V ABI).
constexpr int64_t red_zone_bytes = 128;

struct Frame {
  std::string file;
  int line = 0;
  int64_t bytes = 0;
};

// "NAME_kernels.h:107:6:void step(...)\t48\tstatic" (g++), "NAME_kernels.h:107:_Z4step\t48\tstatic" (clang).
std::vector<Frame> read_frames(const std::string& text) {
  std::vector<Frame> frames;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t file_end = line.find(':'), kind = line.rfind('\t'), bytes = line.rfind('\t', kind - 1);
    if (file_end == std::string::npos || kind == std::string::npos || bytes == std::string::npos) continue;
    Frame frame{line.substr(0, file_end)};
    std::from_chars(line.data() + file_end + 1, line.data() + bytes, frame.line);
    std::from_chars(line.data() + bytes + 1, line.data() + kind, frame.bytes);
    if (line.substr(kind + 1) == "dynamic") {
      fail(ExitCode::internal,
           "the real-time certificate is refused: {}:{}: the frame's size is not known when it is compiled", frame.file,
           frame.line);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

bool is_worker_file(const std::string& file) { return file == "runtime/workers.h" || file == "runtime/barrier.h"; }

// The compiler may make several functions of one (instances of a template, clones, cold parts): they count together. So
// do all functions of the workers, which are not walked.
bool belongs(const Frame& frame, const CertifiedFunction& function) {
  if (is_worker_file(function.file)) return is_worker_file(frame.file);
  return frame.file == function.file && function.line <= frame.line && frame.line <= function.body_line;
}

void add_stack(CertifiedProgram& program, const std::vector<Frame>& frames) {
  for (const Frame& frame : frames) {
    const auto owner = std::find_if(program.functions.begin(), program.functions.end(),
                                    [&](const CertifiedFunction& function) { return belongs(frame, function); });
    if (owner == program.functions.end()) return;
  }
  std::vector<int64_t> below(program.functions.size());  // of a function and what it calls
  for (size_t index = program.functions.size(); index-- > 0;) {
    CertifiedFunction& function = program.functions[index];
    function.stack_bytes = 0;
    for (const Frame& frame : frames) {
      if (belongs(frame, function)) *function.stack_bytes += frame.bytes + bytes_beside_frame;
    }
    for (const size_t callee : function.callees) below[index] = std::max(below[index], below[callee]);
    below[index] += *function.stack_bytes;
  }
  program.stack_bytes = below.front() + red_zone_bytes;
}

}  // namespace

void add_stack(Certificate& certificate, const Plan& plan, const StackUsage& usage) {
  certificate.compiler = usage.compiler;
  for (CertifiedProgram& program : certificate.programs) {
    const auto interface = usage.frames.find(plan.name), calls = usage.frames.find(plan.name + "_" + program.name);
    if (interface == usage.frames.end() || calls == usage.frames.end()) continue;
    std::vector<Frame> frames = read_frames(calls->second);
    // Of the interface, what this program calls; every frame of the program's own file must be among its functions.
    for (Frame& frame : read_frames(interface->second)) {
      const bool is_called = std::any_of(program.functions.begin(), program.functions.end(),
                                         [&](const CertifiedFunction& function) { return belongs(frame, function); });
      if (is_called) frames.push_back(std::move(frame));
    }
    const CertifiedFunction& entry = program.functions.front();
    if (std::none_of(frames.begin(), frames.end(), [&](const Frame& frame) { return belongs(frame, entry); })) continue;
    add_stack(program, frames);
  }
}

}  // namespace mambac
