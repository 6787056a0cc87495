// Emitted source in the project's layout: Google style, 120 columns.
#pragma once

#include <string>

namespace mambac {

// C and C++ alike. Throws Error (ExitCode::internal) if it cannot be laid out.
std::string format_source(const std::string& text);

}  // namespace mambac
