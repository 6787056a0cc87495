#include "generator/targets/cuda_generate.h"

#include "generator/error.h"
#include "generator/targets/cuda_decode_program.h"

namespace mambac {
namespace {

constexpr int64_t sampling_blocks = 8, sampling_threads = 1024;

WorkspaceBuffer logits_of(const ModelConfiguration& model) {
  return {.name = "logits", .rows = 1, .row_stride = round_up(model.outputs(), channel_padding)};
}

// The last token, and whether it has ended the text.
WorkspaceBuffer control() { return {.name = "control", .rows = 1, .row_stride = channel_padding, .type = "int"}; }

Operand part_of(const WorkspaceBuffer& buffer, int64_t first, int64_t columns, bool written) {
  return {Space::workspace, buffer.name, first, buffer.row_stride, columns, false, written};
}

Call sample_call(const ModelConfiguration& model) {
  Call call{.kernel = "sample", .about = "the next token, chosen from the logits"};
  call.shape = {{"Vocabulary", model.vocabulary}, {"Blocks", sampling_blocks}};
  call.arguments = {{"logits", part_of(logits_of(model), 0, model.outputs(), false)},
                    {"control", part_of(control(), 0, 2, true)},
                    {"index", Given{"index"}},
                    {"tokens", Given{"tokens"}},
                    {"marks", Given{"marks"}},
                    {"temperature", Given{"sampling.temperature"}},
                    {"top_k", Given{"sampling.top_k"}},
                    {"top_p", Given{"sampling.top_p"}},
                    {"min_p", Given{"sampling.min_p"}},
                    {"penalty", Given{"sampling.repetition_penalty"}},
                    {"seed", Given{"sampling.seed"}},
                    {"position", Given{"position + index"}}};
  call.launch = Launch{.blocks = sampling_blocks, .threads = sampling_threads, .cluster_blocks = sampling_blocks};
  return call;
}

}  // namespace

Program plan_generate(const Graph& graph, const Plan& plan, const std::optional<DecodeShape>& decode) {
  if (plan.model.continuous()) {
    fail(ExitCode::input, "generate chooses tokens, and the model {} has none: leave it out of --programs", plan.name);
  }
  if (!decode) {
    fail(ExitCode::input,
         "generate works on one sequence (--batch 1) on sm_90a or sm_100a, and on models whose blocks fit into shared "
         "memory; batch {} on {} is not served: leave it out of --programs",
         plan.deployment.batch, plan.deployment.arch);
  }
  constexpr int64_t most_tokens = int64_t{1} << 18;  // a token's index has 18 bits where candidates are compared
  if (plan.model.vocabulary >= most_tokens) {
    fail(ExitCode::input, "generate chooses among less than {} tokens, and {} has {}: leave it out of --programs",
         most_tokens, plan.name, plan.model.vocabulary);
  }
  Program program{.name = "generate", .sequences = 1};
  program.buffers = {decode_exchange(*decode), logits_of(plan.model), control()};
  program.calls = {decode_call(graph, plan, *decode,
                               {.tokens = part_of(control(), 0, 1, false),
                                .input = NoOperand{},
                                .output = part_of(logits_of(plan.model), 0, plan.model.outputs(), true),
                                .count = int64_t{1},
                                .stopped = part_of(control(), 1, 1, false)}),
                   sample_call(plan.model)};
  return program;
}

}  // namespace mambac
