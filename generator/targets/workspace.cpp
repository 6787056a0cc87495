#include "generator/targets/workspace.h"

#include <algorithm>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr int64_t alignment_floats = 16;  // 64 bytes

template <typename Visit>
void for_each_workspace_operand(std::vector<Call>& calls, int64_t first_index, Visit visit) {
  for (size_t index = 0; index < calls.size(); ++index) {
    for (auto& [name, argument] : calls[index].arguments) {
      auto* operand = std::get_if<Operand>(&argument);
      if (operand && operand->space == Space::workspace) visit(*operand, first_index + static_cast<int64_t>(index));
    }
  }
}

// The calls of every token, then the outputs; outputs_all and outputs_last stand in the same place.
template <typename Visit>
void for_each_workspace_operand(Program& program, Visit visit) {
  const auto outputs = static_cast<int64_t>(program.calls.size());
  for_each_workspace_operand(program.calls, 0, visit);
  for_each_workspace_operand(program.outputs_all, outputs, visit);
  for_each_workspace_operand(program.outputs_last, outputs, visit);
}

WorkspaceBuffer& find_buffer(Program& program, const std::string& name) {
  const auto found = std::find_if(program.buffers.begin(), program.buffers.end(),
                                  [&](const WorkspaceBuffer& buffer) { return buffer.name == name; });
  if (found == program.buffers.end()) fail(ExitCode::internal, "program {} has no buffer '{}'", program.name, name);
  return *found;
}

}  // namespace

int64_t lay_out_workspace(Program& program, int64_t first) {
  for (WorkspaceBuffer& buffer : program.buffers) buffer.first_call = buffer.last_call = -1;
  for_each_workspace_operand(program, [&](Operand& operand, int64_t call) {
    WorkspaceBuffer& buffer = find_buffer(program, operand.name);
    buffer.first_call = buffer.first_call < 0 ? call : std::min(buffer.first_call, call);
    buffer.last_call = std::max(buffer.last_call, call);
  });
  std::erase_if(program.buffers, [](const WorkspaceBuffer& buffer) { return buffer.first_call < 0; });

  // First fit, in the order of first use.
  std::vector<const WorkspaceBuffer*> placed;
  int64_t floats = first;
  for (WorkspaceBuffer& buffer : program.buffers) {
    if (buffer.kept) continue;
    const int64_t size = round_up(buffer.rows * buffer.row_stride, alignment_floats);
    buffer.offset = first;
    std::sort(placed.begin(), placed.end(), [](auto* a, auto* b) { return a->offset < b->offset; });
    for (const WorkspaceBuffer* other : placed) {
      const bool both_live = other->first_call <= buffer.last_call && buffer.first_call <= other->last_call;
      const int64_t other_end = other->offset + round_up(other->rows * other->row_stride, alignment_floats);
      if (both_live && buffer.offset < other_end && other->offset < buffer.offset + size) buffer.offset = other_end;
    }
    placed.push_back(&buffer);
    floats = std::max(floats, buffer.offset + size);
  }
  for_each_workspace_operand(
      program, [&](Operand& operand, int64_t) { operand.offset += find_buffer(program, operand.name).offset; });
  return floats;
}

}  // namespace mambac
