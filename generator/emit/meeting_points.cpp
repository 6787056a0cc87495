#include "generator/emit/meeting_points.h"

#include <algorithm>
#include <limits>

namespace mambac {

bool MeetingPoints::needed_before(const Call& call) const {
  const std::vector<Touched> own = touched_by(call);
  return std::ranges::any_of(touched_, [&](const Touched& earlier) {
    return std::ranges::any_of(own, [&](const Touched& later) {
      return earlier.space == later.space && earlier.first < later.end && later.first < earlier.end &&
             (earlier.written || later.written);
    });
  });
}

void MeetingPoints::add(const Call& call) {
  const std::vector<Touched> own = touched_by(call);
  touched_.insert(touched_.end(), own.begin(), own.end());
}

std::vector<MeetingPoints::Touched> MeetingPoints::touched_by(const Call& call) const {
  std::vector<Touched> touched;
  for (const auto& [name, argument] : call.arguments) {
    const auto* operand = std::get_if<Operand>(&argument);
    if (!operand) continue;
    // Whole tensors and buffers; elsewhere (inputs, outputs) the whole space.
    Touched one{operand->space, 0, std::numeric_limits<int64_t>::max(), operand->written};
    if (operand->space == Space::workspace) {
      const WorkspaceBuffer& buffer = program_.buffer(operand->name);
      one.first = buffer.offset;
      one.end = buffer.offset + buffer.rows * buffer.row_stride;
    } else if (operand->space == Space::state) {
      const StateTensor& tensor = plan_.state_tensor(operand->name);
      one.first = tensor.offset;
      one.end = tensor.offset + floats_of(tensor);
      one.written = true;  // a state is there to be moved on
    } else if (operand->space == Space::tape) {
      const TapeTensor& tensor = plan_.tape_tensor(operand->name);
      one.first = tensor.offset;
      one.end = tensor.offset + tensor.rows * tensor.row_stride;
    } else if (operand->space == Space::gradients) {
      one.first = operand->offset;
      one.end = operand->offset + operand->columns;
    }
    touched.push_back(one);
  }
  return touched;
}

}  // namespace mambac
