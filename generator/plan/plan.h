// The plan: everything an artifact is, as data. Stages 2 and 3 make it (families/, targets/), stage 4 checks it
// (verify_plan.h), and every later stage only reads it: packing, emission, the reference executor, the benchmarks.
//
// Units: weights offsets in bytes from the start of the weights file's data; state and workspace offsets in floats
// (state: from the start of one sequence's part). Shapes are row-major; a matrix is (outputs, inputs).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "generator/configuration/deployment.h"
#include "generator/configuration/model_configuration.h"
#include "generator/shape.h"

namespace mambac {

// Rows of a state, and of everything that runs beside its channels, are padded to a multiple of this on every target.
inline constexpr int64_t channel_padding = 16;

// What a checkpoint must contain.
struct CheckpointTensor {
  std::string name;  // "backbone.layers.0.mixer.in_proj.weight"
  std::vector<int64_t> shape;
  bool matrix = false;  // takes the deployment's weight type; everything else is f32
};

enum class Transform { none, negative_exponential };  // of every element when it is packed: A = -exp(A_log)

// How a tensor lies in the weights file. A source of more than two dimensions counts as (first, product of the rest).
enum class Packing {
  panels,      // matrix for `project`: [panel][column][panel's rows]; see templates/cpu/project.h
  transposed,  // (columns, padded rows): vectors (one column), convolution taps (K, E), A (N, E)
  rows,        // (padded rows, columns) as in the checkpoint: an embedding without a head; all matrices on a GPU
  tiles,       // f16 in panels of 64 columns for tensor cores; see templates/cuda/tiles.cuh
  stream,      // [part][chunk]: what each block of a GPU reads, in the order in which it reads it
};

// A piece of a stream: for its part i, `rows` rows of a checkpoint's tensor from first_row + i * row_step on and
// `columns` columns from first_column + i * column_step on, as [slab of `slab` columns][row][column of the slab], then zeros up to
// `bytes`. Rows from row_end and columns from column_end on are zero, as are those that the next part begins with.
struct Chunk {
  std::string source;
  Transform transform{};
  WeightType type{};
  int64_t first_row = 0, row_end = 0, row_step = 0, rows = 0;
  int64_t first_column = 0, column_end = 0, column_step = 0, columns = 0, slab = 1;
  int64_t bytes = 0;
};

// Consecutive source rows that are padded to `channel_padding` together (in_proj's x and z). Padding is zero.
struct Segment {
  int64_t first_row = 0;
  int64_t rows = 0;
};

// One tensor of the weights file.
struct PackedTensor {
  std::string name;    // "layers.0.in_proj"
  std::string source;  // name of the checkpoint's tensor
  Packing packing{};
  Transform transform{};
  WeightType type{};
  int64_t rows = 0, columns = 0;       // of the source
  std::vector<Segment> segments = {};  // of the rows, in packed order; together they are all rows
  int64_t padded_rows = 0;             // sum over the segments, each rounded up
  int64_t segment_rows = 1;            // Packing::tiles: what each segment is padded to a multiple of
  int64_t parts = 0;                   // Packing::stream
  std::vector<Chunk> chunks = {};      // of each part
  int64_t panel_rows = 0;              // Packing::panels: rows of a full panel; the last one may be narrower
  int64_t offset = 0, bytes = 0;
};

// One tensor of a sequence's state.
struct StateTensor {
  std::string name;         // "layers.0.window", "layers.0.h"
  std::string golden_name;  // stem in evaluate's files: "conv_state", "ssm_state"
  int64_t layer = 0;
  std::vector<int64_t> shape;  // without padding, last dimension is padded: (K-1, E), (N, E)
  // Order of the dimensions in evaluate's files: {1, 0} means that those hold the transpose, (E, K-1).
  std::vector<int64_t> golden_order;
  int64_t padded_last = 0;
  int64_t offset = 0;  // floats from the start of the sequence's part
};

int64_t floats_of(const StateTensor& tensor);  // with padding

// How many rows an activation has: one for each token, sequence, or checkpoint of a state.
enum class Rows { tokens, sequences, checkpoints };

// A piece of the workspace that lives from one call of a program to a later one.
struct WorkspaceBuffer {
  std::string name;  // "residual"
  int64_t rows = 0, row_stride = 0;
  int64_t offset = 0;                     // floats
  int64_t first_call = 0, last_call = 0;  // index into the program's calls, inclusive
  std::string type = "float";  // of its elements: "float16", "float2"; row_stride counts floats all the same
  bool kept = false;           // from before the first call until after the last: nothing else lies there
  Rows holds = Rows::tokens;
};

// One tensor of the gradients, of the optimizer's parameters and of their moments: row-major as in the checkpoint.
struct Parameter {
  std::string name;  // of the checkpoint's tensor
  std::vector<int64_t> shape;
  int64_t offset = 0;         // floats
  bool weight_decay = false;  // decoupled weight decay applies
};

// What `train` leaves for `backward`.
struct TapeTensor {
  std::string name;                  // "layers.0.xz"
  int64_t rows = 0, row_stride = 0;  // at most: a row a token, a sequence or a checkpoint
  int64_t offset = 0;                // floats from the end of the tape's header
};

// Everything that training adds to a plan.
struct TrainingPlan {
  std::vector<Parameter> parameters;
  int64_t parameter_floats = 0;
  int64_t sequences = 1;         // that go through the layers together; the batch is a multiple
  std::vector<TapeTensor> tape;  // of so many sequences; the first one holds the inputs
  int64_t tape_floats = 0;       // likewise
  int64_t checkpoint_tokens = 0;        // the state is kept every so many tokens
  int64_t recomputed_exponentials = 0;  // per token: what a smaller tape costs
  int64_t recomputed_multiply_adds = 0;
};

enum class Space {
  weights,
  state,
  workspace,
  tokens,
  input,
  output,
  tape,
  d_outputs,   // the gradient of the outputs
  gradients,   // of the parameters
  parameters,  // as an optimizer holds them
  packed,      // weights being packed or unpacked
};

// A pointer argument.
struct Operand {
  Space space{};
  std::string name;        // of the packed tensor, state tensor or buffer; empty: all weights, tokens, input, output
  int64_t offset = 0;      // bytes (weights) or floats (the rest), complete: the tensor's plus what lies before
  int64_t row_stride = 0;  // floats between rows of the activation (0: no rows)
  int64_t columns = 0;     // floats of a row that the call touches (0: all of the tensor, no rows)
  bool last_row_only = false;  // starts at the last row of the block; on a GPU of the first sequence
  bool written = false;
};

struct NoOperand {};  // a null pointer: no bias, no weight
// Counts known when the call runs; literal in `step`.
enum class Count { rows, sequences, tokens };
struct Part {};  // which thread's part of the work
// What the program's caller has given, or its loop knows, by its name or as an expression of it: "sampling.top_p".
struct Given {
  std::string text;
};

using Argument = std::variant<Operand, NoOperand, double, int64_t, Count, Part, Given>;
using TemplateArgument = std::variant<int64_t, std::string>;  // string: a type ("bfloat16"), or "true"/"false"

// How a call spreads over a GPU: a grid of (blocks, ceil(count / per_block)) blocks.
struct Launch {
  int64_t blocks = 1;         // gridDim.x
  Count count = Count::rows;  // what gridDim.y goes over
  int64_t per_block = 0;      // of it (of each sequence's tokens for Count::tokens); 0: gridDim.y is 1
  int64_t threads = 0;        // of a block
  int64_t shared_bytes = 0;   // dynamic
  bool cooperative = false;   // all blocks run at the same time
  // Blocks that read each other's shared memory: all of the call's, or 0 for none.
  int64_t cluster_blocks = 0;
  bool overlapping = false;  // the kernel waits by itself for what stands before it on the stream, and may begin earlier
};

// One call of a kernel.
struct Call {
  std::string kernel;                                           // of a file in templates/TARGET
  std::vector<std::pair<std::string, TemplateArgument>> shape;  // template arguments by name, in order
  std::vector<std::pair<std::string, Argument>> arguments;      // function arguments by name, in order
  std::string about;                                            // "layer 0: x and z = in_proj normed"
  int64_t layer = -1;                                           // -1: before or after the layers
  std::optional<Launch> launch = {};                            // on a GPU
};

// `forward` runs `calls` for every block of tokens, then `outputs_all` or, after the last block, `outputs_last`.
// `step` runs `calls` and `outputs_all` once; `generate` runs `calls` for every token; the other programs have `calls`
// alone.
struct Program {
  std::string name;  // "step", "forward", "train", "backward", "weights_pack", "weights_unpack"; "steps", "generate"
  int64_t sequences = 1;     // that one run of the calls works on
  int64_t block_tokens = 1;  // most tokens of a block
  std::vector<WorkspaceBuffer> buffers = {};
  std::vector<Call> calls = {}, outputs_all = {}, outputs_last = {};

  const WorkspaceBuffer& buffer(const std::string& name) const;
};

// What the one formula of the floor needs (bench/README.md), per token unless said otherwise.
struct Cost {
  int64_t matrix_multiply_adds = 0;  // of all matrices but the head
  int64_t head_multiply_adds = 0;    // per token whose output is asked for
  int64_t recurrence_multiply_adds = 0;
  int64_t exponentials = 0;
  int64_t weight_bytes = 0;  // packed, once a call
  int64_t state_bytes = 0;   // one sequence's, read and written once a call
};

struct Plan {
  std::string name;  // identifier: prefix of every symbol
  std::string generator_version;
  ModelConfiguration model;
  Deployment deployment;  // resolved: no "native", no "auto"
  WeightType weight_type{};
  std::vector<CheckpointTensor> checkpoint;
  std::vector<PackedTensor> weights;
  int64_t weight_bytes = 0;  // of the data, without the file's header
  std::vector<StateTensor> state;
  int64_t state_floats = 0;  // of one sequence
  int64_t workspace_floats = 0;
  std::vector<Program> programs;
  std::optional<TrainingPlan> training;  // of a deployment with `train`
  Cost cost;
  // Target's choices that the emitted header explains: {"vector lanes", "16"}.
  std::vector<std::pair<std::string, std::string>> choices;
  std::string model_hash;  // of to_json(model): 64 hexadecimal digits; a state belongs to it
  std::string hash;        // of to_json(*this) without this field: library and weights file belong to it

  const PackedTensor& weight(const std::string& name) const;
  const StateTensor& state_tensor(const std::string& name) const;
  const Program& program(const std::string& name) const;
  bool has_program(const std::string& name) const;
  int64_t training_groups() const;  // of sequences that go through the layers together, of a plan with training
  const TapeTensor& tape_tensor(const std::string& name) const;
  const Parameter& parameter(const std::string& name) const;
};

// step and forward, for which the real-time certificate is made.
bool is_real_time(const Program& program);

nlohmann::ordered_json to_json(const Plan& plan);  // without `hash`
std::string to_text(const Plan& plan);             // plan.json: to_json plus the hash, indented
std::string sha256(const std::string& text);       // 64 hexadecimal digits

// The whole way from configurations to a verified plan. `matrices_are_16_bit` resolves `weights: auto`.
Plan make_plan(const ModelConfiguration& model, const Deployment& deployment, const std::string& name,
               bool matrices_are_16_bit);

}  // namespace mambac
