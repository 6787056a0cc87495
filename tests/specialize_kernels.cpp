// Prints every kernel of kernel_shapes.inc as specialized text, for specialized_kernels_test.cpp to include, and which of
// the template's parameters it has kept.
#include <fmt/ranges.h>

#include <cstdio>

#include "generator/emit/embedded_sources.h"
#include "generator/specialize/specialize.h"

namespace {

// "24, 64, float" as its parts.
std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts = {""};
  for (const char letter : list) {
    if (letter == ',') {
      parts.emplace_back();
    } else if (letter != ' ') {
      parts.back() += letter;
    }
  }
  return parts;
}

}  // namespace

int main() {
  const std::vector<mambac::Specialization> wanted = {
#define KERNEL(name, kernel, ...) {#kernel, split(#__VA_ARGS__), #name},
#include "tests/kernel_shapes.inc"
#undef KERNEL
  };
  std::map<std::string, std::string> sources;
  for (const auto& [path, text] : mambac::embedded_sources()) {
    if (path.starts_with("templates/cpu/") || path.starts_with("runtime/")) sources[path] = text;
  }
  fmt::print(
      "#include <utility>\n\n#include \"runtime/mathematics.h\"\n#include \"runtime/reduce.h\"\n#include \"runtime/vector.h\"\n\n"
      "namespace specialized {{\n\nusing namespace mambac_runtime;\n");
  for (const auto& function : mambac::specialize(sources, wanted)) {
    std::vector<size_t> kept;
    for (size_t index = 0; index < function.kept.size(); ++index) {
      if (function.kept[index]) kept.push_back(index);
    }
    fmt::print("\n{}\nusing kept_by_{} = std::index_sequence<{}>;\n", function.text, function.name,
               fmt::join(kept, ", "));
  }
  fmt::print("\n}}  // namespace specialized\n");
}
