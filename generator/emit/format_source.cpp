#include "generator/emit/format_source.h"

#include <clang/Format/Format.h>
#include <clang/Tooling/Core/Replacement.h>

#include "generator/error.h"

namespace mambac {

std::string format_source(const std::string& text) {
  clang::format::FormatStyle style = clang::format::getGoogleStyle(clang::format::FormatStyle::LK_Cpp);
  style.ColumnLimit = 120;
  style.DerivePointerAlignment = false;
  style.ReflowComments = false;  // tables in comments stay tables
  style.SortIncludes = clang::format::FormatStyle::SI_Never;
  const clang::tooling::Range whole(0, static_cast<unsigned>(text.size()));
  auto result = clang::tooling::applyAllReplacements(text, clang::format::reformat(style, text, {whole}));
  if (!result) {
    fail(ExitCode::internal, "emitted source cannot be laid out: {}", llvm::toString(result.takeError()));
  }
  return *result;
}

}  // namespace mambac
