// A graph's operations as the calls of a program: the same on every target that runs one kernel for each.
#pragma once

#include "generator/plan/graph.h"
#include "generator/targets/call_builder.h"

namespace mambac {

// `site`: a CallSite, or a target's own, where the program stands; `make_call` makes an operation's call there.
template <typename Site, typename MakeCall>
Program plan_operations(const Graph& graph, Site site, const std::string& name, MakeCall make_call) {
  Program program{.name = name, .sequences = site.sequences, .block_tokens = site.block_tokens};
  for (const Operation& operation : graph.operations) program.calls.push_back(make_call(site, operation));
  for (const Operation& operation : graph.output_operations) {
    program.outputs_all.push_back(make_call(site, operation));
  }
  if (name != "step") {
    site.last_row_only = true;
    for (const Operation& operation : graph.output_operations) {
      program.outputs_last.push_back(make_call(site, operation));
    }
  }
  for (const Activation& activation : graph.activations) {
    program.buffers.push_back({.name = activation.name,
                               .rows = site.sequences * site.block_tokens,
                               .row_stride = round_up(activation.width, channel_padding)});
  }
  return program;
}

}  // namespace mambac
