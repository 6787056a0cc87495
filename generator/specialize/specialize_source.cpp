#include "generator/specialize/specialize_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "clang/Lex/Lexer.h"

namespace mambac {

std::string place(const clang::SourceManager& manager, clang::SourceLocation location) {
  const clang::PresumedLoc presumed = manager.getPresumedLoc(location);
  if (presumed.isInvalid()) return "the command";
  std::string_view file = presumed.getFilename();
  if (file.starts_with(source_root)) file.remove_prefix(source_root.size());
  return fmt::format("{}:{}", file, presumed.getLine());
}

SourceText::SourceText(const clang::SourceManager& manager, const clang::LangOptions& language, clang::FileID file)
    : manager_(manager), language_(language), file_(file), text_(manager.getBufferData(file)) {
  clang::Lexer lexer(file, manager.getBufferOrFake(file), manager, language);
  lexer.SetCommentRetentionState(true);
  clang::Token token;
  for (lexer.LexFromRawLexer(token); token.isNot(clang::tok::eof); lexer.LexFromRawLexer(token)) {
    if (token.is(clang::tok::comment)) {
      const unsigned begin = offset(token.getLocation());
      comments_.push_back({begin, begin + token.getLength()});
    }
  }
}

unsigned SourceText::offset(clang::SourceLocation location) const {
  return manager_.getFileOffset(manager_.getFileLoc(location));
}

bool SourceText::contains(clang::SourceRange range) const {
  return range.isValid() && manager_.getFileID(manager_.getFileLoc(range.getBegin())) == file_;
}

TextRange SourceText::range(clang::SourceRange range) const {
  const unsigned last = offset(range.getEnd());
  // Of a `>>` that closes two lists of template arguments, only the first character belongs to the inner one.
  const unsigned length =
      text_[last] == '>' ? 1
                         : clang::Lexer::MeasureTokenLength(manager_.getFileLoc(range.getEnd()), manager_, language_);
  return {offset(range.getBegin()), last + length};
}

TextRange SourceText::statement(const clang::Stmt* statement) const {
  TextRange result = range(statement->getSourceRange());
  if (text_[result.begin] != '#') {
    const unsigned line = line_begin(result.begin);
    if (text_.substr(line).starts_with("#pragma")) result.begin = line;
  }
  if (text_[result.end - 1] != ';') {
    const size_t next = text_.find_first_not_of(" \n", result.end);
    if (next != text_.npos && text_[next] == ';') result.end = static_cast<unsigned>(next) + 1;
  }
  return result;
}

unsigned SourceText::line_begin(unsigned offset) const {
  if (offset == 0) return 0;
  const size_t newline = text_.rfind('\n', offset - 1);
  return newline == text_.npos ? 0 : static_cast<unsigned>(newline) + 1;
}

bool SourceText::is_blank(TextRange range) const { return text(range).find_first_not_of(" \t") == text_.npos; }

unsigned SourceText::line_text_begin(unsigned offset) const {
  return static_cast<unsigned>(text_.find_first_not_of(" \t", line_begin(offset)));
}

unsigned SourceText::begin_with_comments(unsigned begin) const {
  unsigned line = line_begin(begin);
  if (!is_blank({line, begin})) return begin;
  for (auto comment = comments_.rbegin(); comment != comments_.rend(); ++comment) {
    if (comment->end > line) continue;
    const unsigned comment_line = line_begin(comment->begin);
    if (comment->end + 1 != line || !is_blank({comment_line, comment->begin})) break;
    line = comment_line;
  }
  return line;
}

TextRange SourceText::lines(TextRange statement) const {
  const unsigned begin = begin_with_comments(statement.begin);
  if (begin == statement.begin && line_begin(begin) != begin) return statement;
  unsigned end = statement.end;
  for (const TextRange& comment : comments_) {
    if (comment.begin >= end && is_blank({end, comment.begin})) end = comment.end;
  }
  if (end < text_.size() && text_[end] == '\n') return {begin, end + 1};
  return statement;
}

std::string SourceText::edited(TextRange range, std::vector<Edit> edits) const {
  for (Edit& edit : edits) {
    edit.range = {std::max(edit.range.begin, range.begin), std::min(edit.range.end, range.end)};
  }
  std::stable_sort(edits.begin(), edits.end(), [](const Edit& left, const Edit& right) {
    if (left.range.begin != right.range.begin) return left.range.begin < right.range.begin;
    return left.range.end > right.range.end;
  });
  std::string result;
  unsigned position = range.begin;
  for (const Edit& edit : edits) {
    if (edit.range.begin < position) continue;
    result += text({position, edit.range.begin});
    result += edit.text;
    position = edit.range.end;
  }
  result += text({position, range.end});
  return result;
}

}  // namespace mambac
