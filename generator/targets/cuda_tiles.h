// What the programs on tensor cores share, forward and the step of many sequences: weights and operands in tiles
// (templates/cuda/tiles.cuh).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/plan/graph.h"
#include "generator/plan/plan.h"
#include "generator/targets/cuda_forward_shape.h"

namespace mambac {

// How a program of `tokens` tokens of each sequence is cut for the plan's model and deployment; nothing if tensor cores
// do not serve them: weights of f32, an architecture without their instructions, a model that the kernels do not know.
std::optional<ForwardShape> forward_shape_of(const Plan& plan, int64_t tokens);

// Adds the weights as the kernels read them to the plan: every matrix padded for the widest tiles of all the programs.
void pack_in_tiles(const Graph& graph, const std::vector<ForwardShape>& shapes, Plan& plan);

// The sizes of a model in tiles.
struct TileSizes {
  int64_t size, inner, states, rank, taps, shared;  // shared: dt, B and C
  int64_t channels;                                 // of state, taps, A
  int64_t size_panels, inner_panels, rank_panels;   // columns in panels
  int64_t operand_rows;                             // of activations
};

// Writes the calls of one program; what one program alone has is in a class of its own.
class TileProgram {
 public:
  // `overlapping`: its kernels wait by themselves for what stands before them.
  TileProgram(const Plan& plan, const ForwardShape& shape, const std::string& name, bool overlapping);
  virtual ~TileProgram() = default;

  // The whole program, before its workspace is laid out.
  Program write();

 protected:
  virtual void add_layer() = 0;
  // The final norm, of each row, or `last`: of each sequence's last.
  virtual void norm(const std::string& name, Count rows, bool last) = 0;

  void add_buffer(const std::string& name, const std::string& type, int64_t columns);
  Operand buffer(const std::string& name, bool written = false) const;
  std::string of_layer(const char* name) const;
  Argument weight(const std::string& name) const;  // null if the plan has none
  Argument norm_bias(const std::string& name) const;
  Operand state(const std::string& name, bool written) const;
  int64_t residual_stride() const;

  Call& add(const std::string& kernel, const std::string& about, const Launch& launch);

  // What a product is beside its weights and operands.
  struct Product {
    int64_t inputs, outputs, output_stride;
    ProductTiles tiles;
    std::string value = "float";
    std::string bias = {};
    bool softplus = false, accumulate = false;
  };
  void project(const std::string& about, const std::string& name, const Product& product, const std::string& input,
               Operand output, Count rows);
  // [x, z] = in_proj normed
  void project_in();

  const Plan& plan_;
  const Mamba1Mixer& mixer_;
  ForwardShape shape_;
  TileSizes sizes_;
  bool overlapping_;
  Program program_;
  int64_t layer_ = -1;

 private:
  void embed();
  void add_outputs(Count rows, bool last);

  std::vector<Call>* calls_ = &program_.calls;
};

}  // namespace mambac
