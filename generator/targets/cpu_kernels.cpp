#include "generator/targets/cpu_kernels.h"

#include <algorithm>

#include "generator/targets/call_builder.h"

namespace mambac {
namespace {

Call embed(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& table = program.plan.weight(operation.weight("table"));
  const bool panels = table.packing == Packing::panels;
  CallBuilder call(program, operation, panels ? "embed_panels" : "embed");
  if (panels) call.shape("Vocabulary", table.rows);
  call.shape("Size", table.columns).shape("OutputStride", call.output_stride("output"));
  if (panels) call.shape("Lanes", program.choices.lanes).shape("PanelOutputs", table.panel_rows);
  return call.weight_type("table").parts().weight("table").tokens("tokens").output("output").rows().part();
}

Call norm(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, operation.kind);
  const bool rms = operation.kind == "rms_norm";
  call.shape("Size", operation.input("input").columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"));
  if (rms) call.shape("Weighted", boolean(!operation.weight("weight").empty()));
  call.parts().weight("weight");
  if (!rms) call.weight("bias");
  return call.input("input").argument("epsilon", operation.number("epsilon")).output("output").rows().part();
}

Call project(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& weights = program.plan.weight(operation.weight("weights"));
  CallBuilder call(program, operation, "project");
  return call.shape("Inputs", weights.columns)
      .shape("Outputs", operation.output("output").columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("Lanes", program.choices.lanes)
      .shape("PanelOutputs", weights.panel_rows)
      .shape("TileRows", std::min(program.choices.tile_rows, program.rows()))
      .weight_type("weights")
      .shape("Bias", boolean(!operation.weight("bias").empty()))
      .shape("Accumulate", boolean(operation.has("accumulate")))
      .parts()
      .weight("weights")
      .weight("bias")
      .input("input")
      .output("output")
      .rows()
      .part();
}

Call convolve(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& taps = program.plan.weight(operation.weight("taps"));
  CallBuilder call(program, operation, "convolve");
  return call.shape("Channels", taps.padded_rows)
      .shape("Taps", taps.columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("StateStride", call.state_stride("window"))
      .shape("Lanes", program.choices.lanes)
      .shape("Bias", boolean(!operation.weight("bias").empty()))
      .parts()
      .weight("taps")
      .weight("bias")
      .state("window")
      .input("input")
      .output("output")
      .sequences_and_tokens()
      .part();
}

// With or without checkpoints of its state.
Call selective_scan(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& a = program.plan.weight(operation.weight("a"));
  const bool keeps = operation.kind == "selective_scan_keep";
  CallBuilder call(program, operation, operation.kind);
  call.shape("Channels", a.padded_rows)
      .shape("States", a.columns)
      .shape("DeltaStride", call.input_stride("delta_input"))
      .shape("InputStride", call.input_stride("x"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("BCStride", call.input_stride("b"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("StateStride", program.plan.state_floats);
  if (keeps) {
    call.shape("Interval", operation.size("interval"))
        .shape("Checkpoints", program.checkpoints(operation.size("interval")));
  }
  call.shape("Lanes", program.choices.lanes)
      .parts()
      .weight("a")
      .weight("d")
      .state("h")
      .input("delta_input")
      .input("x")
      .input("gate")
      .input("b")
      .input("c")
      .output("output");
  if (keeps) call.output("checkpoints");
  return call.sequences_and_tokens().part();
}

Call discretize(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "discretize");
  return call.shape("Heads", operation.input("dt").columns)
      .shape("InputStride", call.input_stride("dt"))
      .shape("OutputStride", call.output_stride("delta"))
      .shape("Lanes", program.choices.lanes)
      .parts()
      .weight("a")
      .weight("dt_bias")
      .argument("least", operation.number("least"))
      .argument("most", operation.number("most"))
      .input("dt")
      .output("delta")
      .output("decay")
      .rows()
      .part();
}

// With or without checkpoints of its state.
Call head_scan(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, operation.kind);
  const bool keeps = operation.kind == "head_scan_keep";
  const int64_t heads = operation.size("heads"), groups = operation.size("groups");
  call.shape("Heads", heads)
      .shape("HeadSize", operation.input("x").columns / heads)
      .shape("States", operation.input("b").columns / groups)
      .shape("Groups", groups)
      .shape("InputStride", call.input_stride("x"))
      .shape("BCStride", call.input_stride("b"))
      .shape("DeltaStride", call.input_stride("delta"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("StateStride", program.plan.state_floats);
  if (keeps) {
    call.shape("Interval", operation.size("interval"))
        .shape("Checkpoints", program.checkpoints(operation.size("interval")));
  }
  call.shape("Lanes", program.choices.lanes)
      .shape("SkipPerChannel", boolean(operation.has("skip_per_channel")))
      .parts()
      .weight("d")
      .state("h")
      .input("x")
      .input("b")
      .input("c")
      .input("delta")
      .input("decay")
      .output("output");
  if (keeps) call.output("checkpoints");
  return call.sequences_and_tokens().part();
}

Call gated_rms_norm(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "gated_rms_norm");
  return call.shape("Size", operation.input("input").columns)
      .shape("Groups", operation.size("groups"))
      .shape("InputStride", call.input_stride("input"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("Lanes", program.choices.lanes)
      .shape("NormBeforeGate", boolean(operation.has("norm_before_gate")))
      .parts()
      .weight("weight")
      .input("input")
      .input("gate")
      .argument("epsilon", operation.number("epsilon"))
      .output("output")
      .rows()
      .part();
}

Call gate(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "gate");
  return call.shape("Size", operation.input("input").columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("Lanes", program.choices.lanes)
      .parts()
      .input("input")
      .input("gate")
      .output("output")
      .rows()
      .part();
}

}  // namespace

Call cpu_call(const CpuProgram& program, const Operation& operation) {
  if (operation.kind == "embed") return embed(program, operation);
  if (operation.kind == "rms_norm" || operation.kind == "layer_norm") return norm(program, operation);
  if (operation.kind == "project") return project(program, operation);
  if (operation.kind == "convolve") return convolve(program, operation);
  if (operation.kind == "selective_scan" || operation.kind == "selective_scan_keep") {
    return selective_scan(program, operation);
  }
  if (operation.kind == "discretize") return discretize(program, operation);
  if (operation.kind == "head_scan" || operation.kind == "head_scan_keep") return head_scan(program, operation);
  if (operation.kind == "gated_rms_norm") return gated_rms_norm(program, operation);
  if (operation.kind == "gate") return gate(program, operation);
  return cpu_training_call(program, operation);
}

}  // namespace mambac
