// The operations of training as calls of the kernels in templates/cpu.
#include <algorithm>

#include "generator/error.h"
#include "generator/targets/call_builder.h"
#include "generator/targets/cpu_kernels.h"

namespace mambac {
namespace {

Call copy_rows(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "copy_rows");
  const ActivationSlice& output = operation.output("output");
  const bool of_state = !operation.state("input").empty();
  const bool per_sequence = of_state || output.name == "window";
  call.shape("Columns", output.columns)
      .shape("InputStride", of_state ? program.plan.state_floats : call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"))
      .parts();
  if (of_state) {
    const StateTensor& tensor = program.plan.state_tensor(operation.state("input"));
    call.argument("input", Operand{Space::state, tensor.name, tensor.offset});
  } else {
    call.input("input");
  }
  return call.output("output").argument("rows", per_sequence ? Count::sequences : Count::rows).part();
}

Call project_backward(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& weights = program.plan.weight(operation.weight("weights"));
  CallBuilder call(program, operation, "project_backward");
  return call.shape("Inputs", weights.columns)
      .shape("Outputs", operation.input("d_output").columns)
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("OutputStride", call.output_stride("d_input"))
      .shape("Lanes", program.choices.lanes)
      .shape("PanelOutputs", weights.panel_rows)
      .shape("TileRows", std::min(program.choices.tile_rows, program.rows()))
      .shape("Accumulate", boolean(operation.has("accumulate")))
      .parts()
      .weight("weights")
      .input("d_output")
      .output("d_input")
      .rows()
      .part();
}

Call project_gradient(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "project_gradient");
  const int64_t outputs = operation.input("d_output").columns;
  return call.shape("Inputs", operation.input("input").columns)
      .shape("Outputs", outputs)
      .shape("InputStride", call.input_stride("input"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("Lanes", program.choices.lanes)
      .shape("TileOutputs", program.choices.tile_rows)
      .shape("TileColumns", program.choices.panel_outputs)
      .parts()
      .input("input")
      .input("d_output")
      .gradient("weights", outputs, operation.size("first_row"))
      .rows()
      .part();
}

Call sum_rows(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "sum_rows");
  const int64_t columns = operation.input("terms").columns;
  return call.shape("Columns", columns)
      .shape("TermStride", call.input_stride("terms"))
      .shape("Lanes", program.choices.lanes)
      .parts()
      .input("terms")
      .gradient("parameter", columns, operation.size("first_row"))
      .rows()
      .part();
}

// What a norm's gradient leaves for that of its weights: the scale of every row, or its mean and scale.
struct Moments {
  std::string role, stride;
};
Moments moments_of(const Operation& operation) {
  return operation.kind.starts_with("rms_norm") ? Moments{"scales", "ScaleStride"} : Moments{"moments", "MomentStride"};
}

Call norm_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, operation.kind);
  const Moments moments = moments_of(operation);
  const bool weighted = !operation.weight("weight").empty();
  call.shape("Size", operation.input("input").columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("OutputStride", call.output_stride("d_input"))
      .shape(moments.stride, weighted ? call.output_stride(moments.role) : 0);
  if (operation.kind == "rms_norm_backward") call.shape("Weighted", boolean(weighted));
  return call.shape("Accumulate", boolean(operation.has("accumulate")))
      .parts()
      .weight("weight")
      .input("input")
      .input("d_output")
      .argument("epsilon", operation.number("epsilon"))
      .output("d_input")
      .output_if_any(moments.role)
      .rows()
      .part();
}

Call norm_gradient(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, operation.kind);
  const Moments moments = moments_of(operation);
  const int64_t size = operation.input("input").columns;
  call.shape("Size", size)
      .shape("InputStride", call.input_stride("input"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape(moments.stride, call.input_stride(moments.role))
      .parts()
      .input("input")
      .input("d_output")
      .input(moments.role)
      .gradient("weight", size);
  if (operation.kind == "layer_norm_gradient") call.gradient("bias", size);
  return call.rows().part();
}

Call embed_gradient(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "embed_gradient");
  const Parameter& table = program.plan.parameter(operation.gradient("table"));
  return call.shape("Size", operation.input("d_output").columns)
      .shape("GradientStride", call.input_stride("d_output"))
      .parts()
      .tokens("tokens")
      .input("d_output")
      .gradient("table", table.shape.front())
      .rows()
      .part();
}

Call convolve_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "convolve_backward");
  const PackedTensor& taps = program.plan.weight(operation.weight("taps"));
  const bool has_window = operation.has_input("window");  // not with a single tap
  return call.shape("Channels", taps.padded_rows)
      .shape("InnerChannels", taps.rows)
      .shape("Taps", taps.columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("OutputStride", call.output_stride("d_input"))
      .shape("WindowStride", has_window ? call.input_stride("window") : 0)
      .shape("StateStride", program.plan.state_floats)
      .shape("Lanes", program.choices.lanes)
      .shape("Bias", boolean(!operation.weight("bias").empty()))
      .parts()
      .weight("taps")
      .weight("bias")
      .input_if_any("window")
      .input("input")
      .input("d_output")
      .state_gradient("d_window")
      .output("d_input")
      .gradient("taps", taps.rows)
      .gradient("bias", taps.rows)
      .sequences_and_tokens()
      .part();
}

Call selective_scan_backward(const CpuProgram& program, const Operation& operation) {
  const PackedTensor& a = program.plan.weight(operation.weight("a"));
  CallBuilder call(program, operation, "selective_scan_backward");
  return call.shape("Channels", a.padded_rows)
      .shape("InnerChannels", operation.size("inner"))
      .shape("States", a.columns)
      .shape("DeltaStride", call.input_stride("delta_input"))
      .shape("InputStride", call.input_stride("x"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("BCStride", call.input_stride("b"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("GateGradientStride", call.output_stride("d_gate"))
      .shape("StateStride", program.plan.state_floats)
      .shape("Interval", operation.size("interval"))
      .shape("Checkpoints", program.checkpoints(operation.size("interval")))
      .shape("Slices", operation.size("slices"))
      .shape("SliceRows", program.rows())
      .shape("Lanes", program.choices.lanes)
      .parts()
      .weight("a")
      .weight("d")
      .input("checkpoints")
      .input("delta_input")
      .input("x")
      .input("gate")
      .input("b")
      .input("c")
      .input("d_output")
      .state_gradient("d_h")
      .output("output")
      .output("d_delta_input")
      .output("d_x")
      .output("d_gate")
      .output("slices")
      .gradient("a", a.rows)
      .gradient("d", a.rows)
      .sequences_and_tokens()
      .part();
}

Call sum_slices(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "sum_slices");
  return call.shape("Columns", operation.output("output").columns)
      .shape("Slices", operation.size("slices"))
      .shape("SliceRows", program.rows())
      .shape("OutputStride", call.output_stride("output"))
      .parts()
      .input("slices")
      .output("output")
      .rows()
      .part();
}

Call gate_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "gate_backward");
  return call.shape("Size", operation.input("input").columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("OutputStride", call.output_stride("d_input"))
      .shape("GateGradientStride", call.output_stride("d_gate"))
      .shape("Lanes", program.choices.lanes)
      .parts()
      .input("input")
      .input("gate")
      .input("d_output")
      .output("d_input")
      .output("d_gate")
      .rows()
      .part();
}

Call gated_rms_norm_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "gated_rms_norm_backward");
  return call.shape("Size", operation.input("input").columns)
      .shape("Groups", operation.size("groups"))
      .shape("InputStride", call.input_stride("input"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("OutputStride", call.output_stride("d_input"))
      .shape("GateGradientStride", call.output_stride("d_gate"))
      .shape("TermStride", call.output_stride("weight_terms"))
      .shape("Lanes", program.choices.lanes)
      .shape("NormBeforeGate", boolean(operation.has("norm_before_gate")))
      .parts()
      .weight("weight")
      .input("input")
      .input("gate")
      .input("d_output")
      .argument("epsilon", operation.number("epsilon"))
      .output("d_input")
      .output("d_gate")
      .output("weight_terms")
      .rows()
      .part();
}

Call discretize_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "discretize_backward");
  return call.shape("Heads", operation.input("dt").columns)
      .shape("InputStride", call.input_stride("dt"))
      .shape("GradientStride", call.input_stride("d_delta"))
      .shape("OutputStride", call.output_stride("d_dt"))
      .shape("TermStride", call.output_stride("log_a_terms"))
      .shape("Lanes", program.choices.lanes)
      .parts()
      .weight("a")
      .weight("dt_bias")
      .argument("least", operation.number("least"))
      .argument("most", operation.number("most"))
      .input("dt")
      .input("d_delta")
      .input("d_decay")
      .output("d_dt")
      .output("log_a_terms")
      .rows()
      .part();
}

Call head_scan_backward(const CpuProgram& program, const Operation& operation) {
  CallBuilder call(program, operation, "head_scan_backward");
  const int64_t heads = operation.size("heads"), groups = operation.size("groups");
  const ActivationSlice& x = operation.input("x");
  const bool skip_per_channel = operation.has("skip_per_channel");
  return call.shape("Heads", heads)
      .shape("HeadSize", x.columns / heads)
      .shape("States", operation.input("b").columns / groups)
      .shape("Groups", groups)
      .shape("InputStride", call.input_stride("x"))
      .shape("BCStride", call.input_stride("b"))
      .shape("DeltaStride", call.input_stride("delta"))
      .shape("GradientStride", call.input_stride("d_output"))
      .shape("InputGradientStride", call.output_stride("d_x"))
      .shape("StateStride", program.plan.state_floats)
      .shape("Interval", operation.size("interval"))
      .shape("Checkpoints", program.checkpoints(operation.size("interval")))
      .shape("SliceRows", program.rows())
      .shape("Lanes", program.choices.lanes)
      .shape("SkipPerChannel", boolean(skip_per_channel))
      .parts()
      .weight("d")
      .input("checkpoints")
      .input("x")
      .input("b")
      .input("c")
      .input("delta")
      .input("decay")
      .input("d_output")
      .state_gradient("d_h")
      .output("d_x")
      .output("d_delta")
      .output("d_decay")
      .output("slices")
      .gradient("d", skip_per_channel ? x.columns : heads)
      .sequences_and_tokens()
      .part();
}

}  // namespace

Call cpu_training_call(const CpuProgram& program, const Operation& operation) {
  using Make = Call (*)(const CpuProgram&, const Operation&);
  static constexpr std::pair<const char*, Make> kernels[] = {
      {"copy_rows", copy_rows},
      {"project_backward", project_backward},
      {"project_gradient", project_gradient},
      {"sum_rows", sum_rows},
      {"rms_norm_backward", norm_backward},
      {"rms_norm_gradient", norm_gradient},
      {"layer_norm_backward", norm_backward},
      {"layer_norm_gradient", norm_gradient},
      {"embed_gradient", embed_gradient},
      {"convolve_backward", convolve_backward},
      {"selective_scan_backward", selective_scan_backward},
      {"sum_slices", sum_slices},
      {"gate_backward", gate_backward},
      {"gated_rms_norm_backward", gated_rms_norm_backward},
      {"discretize_backward", discretize_backward},
      {"head_scan_backward", head_scan_backward},
  };
  for (const auto& [kind, make] : kernels) {
    if (operation.kind == kind) return make(program, operation);
  }
  fail(ExitCode::internal, "the CPU has no kernel for operation '{}'", operation.kind);
}

}  // namespace mambac
