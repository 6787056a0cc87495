// From function templates to plain functions: every template parameter is bound, what has become constant is a literal,
// what has become dead is gone, loops under `#pragma unroll` are written out. The template's own text, layout and
// comments stay.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace mambac {

// One wanted function.
struct Specialization {
  std::string kernel;                           // the template `mambac::KERNEL` in templates/TARGET/KERNEL.h
  std::vector<std::string> template_arguments;  // as C++ prints them: "192", "bfloat16", "true"
  std::string name;                             // of the emitted function: "project_768x192"
};

// Text of one function without template parameters, its comment above it.
struct SpecializedFunction {
  std::string name;
  std::string text;
  std::vector<bool> kept;  // of the template's parameters; one that nothing reads with these arguments is gone
};

enum class Dialect { cpp, cuda };

// `sources` holds every file that the templates include, by the path in their #include lines; the standard library is
// limited to the headers of specialize_prelude.h. Functions that a kernel calls and that stand under templates/ are
// specialized too, named after their arguments, marked `inline`, and precede their first caller; other calls stay as
// they are. A template that does not compile with its arguments, or holds what cannot be written out, throws Error
// (ExitCode::internal).
std::vector<SpecializedFunction> specialize(const std::map<std::string, std::string>& sources,
                                            const std::vector<Specialization>& wanted, Dialect dialect = Dialect::cpp);

}  // namespace mambac
