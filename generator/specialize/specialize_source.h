// A template's file as text: where a node begins and ends, where the comments are, and how edits are applied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clang/AST/Stmt.h"
#include "clang/Basic/LangOptions.h"
#include "clang/Basic/SourceManager.h"

namespace mambac {

// Offsets into the file, end exclusive.
struct TextRange {
  unsigned begin = 0, end = 0;
};

// Where the templates appear to Clang; messages leave it out.
inline constexpr std::string_view source_root = "/mambac-sources/";

// "templates/cpu/project.h:12".
std::string place(const clang::SourceManager& manager, clang::SourceLocation location);

struct Edit {
  TextRange range;
  std::string text;
};

class SourceText {
 public:
  SourceText(const clang::SourceManager& manager, const clang::LangOptions& language, clang::FileID file);

  std::string_view text() const { return text_; }
  std::string_view text(TextRange range) const { return text_.substr(range.begin, range.end - range.begin); }
  const std::vector<TextRange>& comments() const { return comments_; }

  bool contains(clang::SourceRange range) const;
  TextRange range(clang::SourceRange range) const;          // of whole tokens
  TextRange statement(const clang::Stmt* statement) const;  // with its semicolon and, if there is one, its #pragma

  // Where the text of the line of `offset` begins: macros before a declaration are no part of it.
  unsigned line_text_begin(unsigned offset) const;
  // From the line of the first of the comment lines that stand directly above `begin`.
  unsigned begin_with_comments(unsigned begin) const;
  // Whole lines of `statement`, with the comments directly above it and behind it, if nothing else is on its lines.
  TextRange lines(TextRange statement) const;

  // The text of `range` with `edits`; one that reaches out of it is cut, one that lies inside another is left out.
  std::string edited(TextRange range, std::vector<Edit> edits) const;

  std::string place(clang::SourceLocation location) const { return mambac::place(manager_, location); }

 private:
  unsigned offset(clang::SourceLocation location) const;
  unsigned line_begin(unsigned offset) const;
  bool is_blank(TextRange range) const;

  const clang::SourceManager& manager_;
  const clang::LangOptions& language_;
  clang::FileID file_;
  std::string_view text_;
  std::vector<TextRange> comments_;
};

}  // namespace mambac
