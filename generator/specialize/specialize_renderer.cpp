#include "generator/specialize/specialize_renderer.h"

#include <utility>

#include "generator/specialize/specialize_comments.h"

namespace mambac {

bool Renderer::TraverseInitListExpr(clang::InitListExpr* list) {
  // Of the two forms that Clang keeps, the one that was written.
  if (list->isSemanticForm() && list->getSyntacticForm() != nullptr) list = list->getSyntacticForm();
  for (clang::Expr* element : list->inits()) TraverseStmt(element);
  return true;
}

bool Renderer::VisitSubstTemplateTypeParmTypeLoc(clang::SubstTemplateTypeParmTypeLoc type) {
  edit(source_.range(type.getSourceRange()), names_.type(type.getType()));
  return true;
}

std::string Renderer::render(TextRange range, const std::function<void()>& traverse) {
  std::vector<Edit> outer = std::exchange(edits_, {});
  traverse();
  comments(range);
  std::vector<Edit> edits = std::exchange(edits_, std::move(outer));
  return source_.edited(range, std::move(edits));
}

// A comment in a loop that is written out stands in the first round alone.
void Renderer::comments(TextRange range) {
  for (const TextRange& comment : source_.comments()) {
    if (comment.begin < range.begin || comment.end > range.end) continue;
    if (repeated_) {
      edit(source_.lines(comment), "");
    } else {
      edit(comment, bound_comment(std::string(source_.text(comment)), parameters_));
    }
  }
}

void Renderer::edit(TextRange range, const std::string& text) {
  if (source_.text(range) != text) edits_.push_back({range, text});
}

}  // namespace mambac
