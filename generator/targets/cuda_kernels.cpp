#include "generator/targets/cuda_kernels.h"

#include <algorithm>

#include "generator/error.h"

namespace mambac {
namespace {

constexpr int64_t warp = 32;

// Threads that a row of `columns` floats keeps busy: whole warps, at most `most`.
int64_t threads_for(int64_t columns, int64_t most) { return std::min(round_up(columns, warp), most); }

// The final norm reads one row of each sequence when only the last outputs are asked for: `tokens` rows apart.
CallBuilder& rows_and_distance(CallBuilder& call, const CallSite& site, const Operation& operation) {
  const bool from_block = operation.input("input").name == "residual" && site.last_row_only;
  return call.argument("rows_apart", from_block ? Argument(Count::tokens) : Argument(int64_t{1}));
}

Count rows_of(const CallSite& site) { return site.last_row_only ? Count::sequences : Count::rows; }

Call embed(const CallSite& site, const Operation& operation) {
  const PackedTensor& table = site.plan.weight(operation.weight("table"));
  const int64_t threads = threads_for(table.columns, 256);
  CallBuilder call(site, operation, "embed");
  return call.shape("Vocabulary", table.rows)
      .shape("Size", table.columns)
      .shape("OutputStride", call.output_stride("output"))
      .weight_type("table")
      .shape("Threads", threads)
      .weight("table")
      .tokens("tokens")
      .output("output")
      .launched({.count = Count::rows, .per_block = 1, .threads = threads});
}

Call norm(const CallSite& site, const Operation& operation) {
  const bool rms = operation.kind == "rms_norm";
  const int64_t size = operation.input("input").columns, threads = threads_for(size, 256);
  CallBuilder call(site, operation, operation.kind);
  call.shape("Size", size)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"));
  if (rms) call.shape("Weighted", boolean(!operation.weight("weight").empty()));
  call.shape("Threads", threads).weight("weight");
  if (!rms) call.weight("bias");
  call.input("input");
  return rows_and_distance(call, site, operation)
      .argument("epsilon", operation.number("epsilon"))
      .output("output")
      .launched({.count = rows_of(site), .per_block = 1, .threads = threads});
}

Call project(const CallSite& site, const Operation& operation) {
  constexpr int64_t warps = 4;
  const PackedTensor& weights = site.plan.weight(operation.weight("weights"));
  const int64_t outputs = operation.output("output").columns;
  const int64_t rows = site.last_row_only ? site.sequences : site.sequences * site.block_tokens;
  const int64_t tile_rows = std::min<int64_t>(rows, 8);
  CallBuilder call(site, operation, "project");
  return call.shape("Inputs", weights.columns)
      .shape("Outputs", outputs)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("TileRows", tile_rows)
      .weight_type("weights")
      .shape("Bias", boolean(!operation.weight("bias").empty()))
      .shape("Accumulate", boolean(operation.has("accumulate")))
      .shape("Warps", warps)
      .weight("weights")
      .weight("bias")
      .input("input")
      .output("output")
      .argument("rows", rows_of(site))
      .launched({.blocks = divide_up(outputs, warps),
                 .count = rows_of(site),
                 .per_block = tile_rows,
                 .threads = warps * warp});
}

Call convolve(const CallSite& site, const Operation& operation) {
  const PackedTensor& taps = site.plan.weight(operation.weight("taps"));
  const int64_t threads = threads_for(taps.padded_rows, 64);
  CallBuilder call(site, operation, "convolve");
  return call.shape("Channels", taps.padded_rows)
      .shape("Taps", taps.columns)
      .shape("InputStride", call.input_stride("input"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("StateStride", site.plan.state_floats)
      .shape("Bias", boolean(!operation.weight("bias").empty()))
      .shape("Threads", threads)
      .weight("taps")
      .weight("bias")
      .state("window")
      .input("input")
      .output("output")
      .argument("tokens", Count::tokens)
      .launched({.blocks = divide_up(taps.padded_rows, threads),
                 .count = Count::sequences,
                 .per_block = 1,
                 .threads = threads});
}

Call selective_scan(const CallSite& site, const Operation& operation) {
  const PackedTensor& a = site.plan.weight(operation.weight("a"));
  constexpr int64_t threads = warp;
  CallBuilder call(site, operation, "selective_scan");
  return call.shape("Channels", a.padded_rows)
      .shape("States", a.columns)
      .shape("DeltaStride", call.input_stride("delta_input"))
      .shape("InputStride", call.input_stride("x"))
      .shape("GateStride", call.input_stride("gate"))
      .shape("BCStride", call.input_stride("b"))
      .shape("OutputStride", call.output_stride("output"))
      .shape("StateStride", site.plan.state_floats)
      .shape("Threads", threads)
      .weight("a")
      .weight("d")
      .state("h")
      .input("delta_input")
      .input("x")
      .input("gate")
      .input("b")
      .input("c")
      .output("output")
      .argument("tokens", Count::tokens)
      .launched(
          {.blocks = divide_up(a.padded_rows, threads), .count = Count::sequences, .per_block = 1, .threads = threads});
}

}  // namespace

Call cuda_call(const CallSite& site, const Operation& operation) {
  if (operation.kind == "embed") return embed(site, operation);
  if (operation.kind == "rms_norm" || operation.kind == "layer_norm") return norm(site, operation);
  if (operation.kind == "project") return project(site, operation);
  if (operation.kind == "convolve") return convolve(site, operation);
  if (operation.kind == "selective_scan") return selective_scan(site, operation);
  fail(ExitCode::internal, "CUDA has no kernel for operation '{}'", operation.kind);
}

}  // namespace mambac
