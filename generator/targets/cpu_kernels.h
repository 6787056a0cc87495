// Operations as calls of the kernels in templates/cpu. One function per kernel; docs/add-a-kernel.md.
#pragma once

#include "generator/targets/call_builder.h"

namespace mambac {

// What the CPU's plan has decided before operations become calls.
struct CpuChoices {
  int64_t lanes = 0;          // floats of a vector
  int64_t panel_outputs = 0;  // outputs of a panel of packed weights
  int64_t tile_rows = 0;      // rows of a register tile, at most
};

struct CpuProgram : CallSite {
  CpuChoices choices;

  int64_t rows() const { return last_row_only ? 1 : sequences * block_tokens; }
  // Of a sequence, if its state is kept every `interval` tokens.
  int64_t checkpoints(int64_t interval) const { return divide_up(block_tokens, interval); }
};

// Workspace offsets are relative to each buffer until the workspace is laid out.
Call cpu_call(const CpuProgram& program, const Operation& operation);
Call cpu_training_call(const CpuProgram& program, const Operation& operation);  // those of training alone

}  // namespace mambac
