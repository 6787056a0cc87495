// Whether a piece of code asks the system for nothing at all: it runs in a child process to which the kernel allows no
// system call but read, write and exit (seccomp's strict mode). Proves for one thread what AllocationGuard can only
// count for the functions that it knows.
#pragma once

#include <functional>

namespace mambac {

// unknown: this kernel has no strict mode, this is a build with a sanitizer, or the child failed otherwise.
enum class SystemCalls { none, some, unknown };

// Call it while the process has one thread. What `code` changes is lost with the child.
SystemCalls system_calls_of(const std::function<void()>& code);

}  // namespace mambac
