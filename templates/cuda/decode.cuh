// One token of the whole model in one launch, batch 1: embedding or input_proj, all layers, final norm, head. A
// multiprocessor holds one block, and all blocks run at once (a cooperative launch); `count` tokens follow each other
// in one launch.
//
// A block owns Channels = `Warps` * `ChannelsPerWarp` of the inner channels (their rows of in_proj, convolution,
// dt_proj, A, D, states) and Rows = `Warps` / `RowParts` * `RowsPerWarp` rows of out_proj; each block keeps the whole
// residual in the registers of its threads. A layer has three exchanges between all blocks, all deterministic:
//   1. [dt, B, C] = sum over the blocks of x_proj's columns times their x  (integer sums; z is computed meanwhile)
//   2. y, gathered                                                         (packets)
//   3. out_proj y, gathered and added to the residual                      (packets)
// The first warp beyond `Warps` copies the weights through a ring in shared memory ahead of their use.
//
// Weights as packed for this kernel (Weight is the matrices' type, all else float; zero wherever the model has no such
// row, column or channel; every part a multiple of 16 bytes):
//   input      [block] of input_proj: [Rows][input columns rounded up to 16 bytes] Weight, [Rows] bias
//   layers     [block][layer] of
//                in_proj, x rows  [slab of `SizeSlab` columns][Channels][`SizeSlab`] Weight
//                convolution      x_proj [Channels rounded up / width][R + 2 N][width] Weight, width 16 bytes,
//                                 taps [K][Channels], bias [Channels], in_proj bias of x [Channels]
//                in_proj, z rows  as the x rows
//                scan             dt_proj [Channels][R rounded up to 2] Weight, A [Channels][N], dt_proj bias, D,
//                                 in_proj bias of z [Channels] each, out_proj bias [Rows]
//                out_proj         [slab of `InnerSlab` columns][Rows][`InnerSlab`] Weight
//   norms      [layer, then the final norm][weight, and bias of a layer norm][SizePadded]
//   head, embedding  [group of Channels rows][slab of `SizeSlab` columns][Channels][`SizeSlab`] Weight
// with SizePadded = `Blocks` * Rows, InnerPadded = `Blocks` * Channels.
//
// The exchange memory is zero before the first launch, and every launch leaves it ready for the next: sequence number
// (8 bytes), last totals [R + 2 N] of 8 bytes, up to a multiple of 1024; sums, 1024 bytes for every 4; packets of 16
// bytes: of y [block][Channels / 3 rounded up], of out_proj y [block][Rows / 3 rounded up] and, for continuous input, as
// many of input_proj's result: the exchange in front of it may still be read.
#pragma once

#include "templates/cuda/decode_residual.cuh"
#include "templates/cuda/decode_scan.cuh"
#include "templates/cuda/decode_stream.cuh"
#include "templates/cuda/exchange.cuh"
#include "templates/cuda/multiply_stages.cuh"

namespace mambac {

using namespace mambac_runtime;

__host__ __device__ constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Offset in bytes of an element of a matrix in groups of `Rows` rows and slabs of `Slab` columns.
template <typename Weight, int Rows, int Columns, int Slab>
__device__ inline long place_in_slabs(int row, int column) {
  return ((row / Rows * (Columns / Slab) + column / Slab) * long{Rows * Slab} + row % Rows * Slab + column % Slab) *
         long{sizeof(Weight)};
}

// 1 / sqrt(mean of squares + epsilon) of `Size` values, by a warp.
template <int Size>
__device__ inline float scale_of(const float* values, float epsilon) {
  float squares = 0.0f;
  for (int index = threadIdx.x % 32; index < Size; index += 32) squares = fmaf(values[index], values[index], squares);
  return rsqrtf(sum_of_warp(squares) / Size + epsilon);
}

// The state of a warp's channels in one layer: lane l < `ChannelsPerWarp` takes the window of channel l, half a warp
// the states of a channel, two channels at a time. Zero beyond `channels`, those of the warp that exist.
template <int Taps, int States, int Stride, int ChannelsPerWarp>
__device__ inline void load_state(const float* window_of_warp, int channels, float* window, float* h) {
  constexpr int per_lane = (States + 15) / 16;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int tap = 0; tap < Taps - 1; ++tap) {
    window[tap] = lane < ChannelsPerWarp && lane < channels ? window_of_warp[tap * Stride + lane] : 0.0f;
  }
  const float* h_of_warp = window_of_warp + (Taps - 1) * Stride;
#pragma unroll
  for (int pair = 0; pair < (ChannelsPerWarp + 1) / 2; ++pair) {
    const int channel = 2 * pair + lane / 16;
#pragma unroll
    for (int part = 0; part < per_lane; ++part) {
      const int n = part * 16 + lane % 16;
      const bool exists = channel < ChannelsPerWarp && channel < channels && n < States;
      h[pair * per_lane + part] = exists ? h_of_warp[n * Stride + channel] : 0.0f;
    }
  }
}

// The states back to where load_state has found them.
template <int States, int Stride, int ChannelsPerWarp>
__device__ inline void store_states(float* h_of_warp, int channels, const float* h) {
  constexpr int per_lane = (States + 15) / 16;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int pair = 0; pair < (ChannelsPerWarp + 1) / 2; ++pair) {
    const int channel = 2 * pair + lane / 16;
#pragma unroll
    for (int part = 0; part < per_lane; ++part) {
      const int n = part * 16 + lane % 16;
      if (channel < ChannelsPerWarp && channel < channels && n < States) {
        h_of_warp[n * Stride + channel] = h[pair * per_lane + part];
      }
    }
  }
}

// weights: the packed data; state: one sequence's; exchange: see above; tokens or input (`count` rows of `InputSize`);
// output: `count` rows of `Outputs`. Where `stopped` points to another number than 0, nothing happens.
template <typename Weight, int Blocks, int Warps, int ChannelsPerWarp, int RowParts, int RowsPerWarp, int SizeSlab,
          int InnerSlab, int Slots, int SlotBytes, int InFlight, int Delay, bool ReadOnce, int Layers, int Size,
          int Inner, int States, int Rank, int Taps, int InputSize, int Vocabulary, int Outputs, bool Head,
          bool HeadBias, bool LayerNorm, bool ProjectionBias, bool NormedDelta, long InputOffset, long LayersOffset,
          long NormsOffset, long EmbeddingOffset, long HeadOffset, long HeadBiasOffset>
__global__ void __launch_bounds__(Warps * 32 + 32, 1)
    decode(const unsigned char* weights, float* state, void* exchange_memory, const int* tokens, const float* input,
           float* output, int count, const int* stopped, float epsilon, float delta_epsilon) {
  constexpr int width = 16 / sizeof(Weight);
  constexpr int threads = Warps * 32;
  constexpr int channels = Warps * ChannelsPerWarp, rows = Warps / RowParts * RowsPerWarp;
  constexpr int size_padded = Blocks * rows, inner_padded = Blocks * channels;
  static_assert(size_padded >= Size && inner_padded >= Inner && Warps % RowParts == 0 && InFlight <= Slots);
  static_assert(size_padded % width == 0 && inner_padded % width == 0);

  // Packets, and how many of them a thread reads.
  constexpr int row_packets = Blocks * ((rows + 2) / 3), y_packets = Blocks * ((channels + 2) / 3);
  constexpr int loads = (row_packets + threads - 1) / threads;
  // Registers hold so many packets of y at a time.
  constexpr int y_at_once = ChannelsPerWarp <= 4 ? 6 : 3;
  constexpr int y_rounds = (y_packets + y_at_once * threads - 1) / (y_at_once * threads);
  constexpr int y_loads = (y_packets + y_rounds * threads - 1) / (y_rounds * threads);

  constexpr int exchanged = Rank + 2 * States;
  constexpr int rank_padded = (Rank + 1) / 2 * 2;
  constexpr int octets = (channels + width - 1) / width;
  constexpr int panel_bytes = octets * exchanged * 16;
  constexpr int delta_bytes = round_up(channels * rank_padded * int{sizeof(Weight)}, 16);
  constexpr int size_stages = size_padded / SizeSlab, inner_stages = inner_padded / InnerSlab;
  constexpr int input_padded = round_up(InputSize, width);
  constexpr int input_bytes = InputSize > 0 ? round_up(rows * input_padded * int{sizeof(Weight)} + rows * 4, 16) : 0;
  constexpr int convolution_bytes = round_up(panel_bytes + (Taps + 1 + (ProjectionBias ? 1 : 0)) * channels * 4, 16);
  constexpr int scan_bytes = round_up(
      delta_bytes + (States + 2 + (ProjectionBias ? 1 : 0)) * channels * 4 + (ProjectionBias ? rows * 4 : 0), 16);
  constexpr int size_stage_bytes = channels * SizeSlab * int{sizeof(Weight)};
  constexpr int inner_stage_bytes = rows * InnerSlab * int{sizeof(Weight)};
  constexpr int head_groups = Head ? (Outputs + channels - 1) / channels : 0;
  constexpr int head_stages = Head ? size_padded / SizeSlab : 0;
  static_assert(size_stage_bytes <= SlotBytes && inner_stage_bytes <= SlotBytes && convolution_bytes <= SlotBytes);
  static_assert(scan_bytes <= SlotBytes && input_bytes <= SlotBytes);

  // Shared memory: the ring; the vector that products read; x of the block's channels; dt, B, C; sums of the warps;
  // what is about to be handed on; the ring's barriers.
  constexpr int widest = inner_padded > size_padded ? inner_padded : size_padded;
  constexpr int vector_floats = round_up(widest > input_padded ? widest : input_padded, 256);
  extern __shared__ __align__(1024) unsigned char shared[];
  float* vector = reinterpret_cast<float*>(shared + Slots * SlotBytes);
  float* x_shared = vector + vector_floats;
  float* dt = x_shared + octets * width;
  float* b = dt + rank_padded;
  float* c = b + States;
  float* partial_sums = c + round_up(rank_padded + 2 * States, 4) - rank_padded - States;
  float* handed_on = partial_sums + round_up(2 * Warps, 4);
  unsigned char* barriers = reinterpret_cast<unsigned char*>(
      handed_on + round_up(rows * RowParts > channels ? rows * RowParts : channels, 4));

  if (stopped != nullptr && *stopped != 0) return;
  unsigned char* exchange = static_cast<unsigned char*>(exchange_memory);
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  const int block = blockIdx.x;
  Ring ring = ring_at(shared, barriers, Slots, SlotBytes);
  if (thread == 0) open_ring(ring, Warps);
  if (thread < octets * width) x_shared[thread] = 0.0f;
  if (thread == 0) dt[rank_padded - 1] = 0.0f;
  __syncthreads();

  if (warp == Warps) {
    if (lane == 0) {
      const unsigned long long policy = ReadOnce ? read_once_policy() : keep_policy();
      copy_weights<Blocks, Layers, input_bytes, size_stages, size_stage_bytes, convolution_bytes, scan_bytes,
                   inner_stages, inner_stage_bytes, head_groups, head_stages, size_stage_bytes, InFlight>(
          ring, weights + InputOffset, weights + LayersOffset, weights + HeadOffset, count, policy);
    }
    return;
  }

  // Exchange memory.
  constexpr int sums_at = round_up(8 + 8 * exchanged, 1024);
  constexpr int y_at = sums_at + (exchanged + 3) / 4 * 1024;
  constexpr int rows_at = y_at + y_packets * 16;
  [[maybe_unused]] constexpr int input_at = rows_at + row_packets * 16;
  constexpr int sums_per_thread = (exchanged + threads - 1) / threads;
  unsigned long long* last_totals = reinterpret_cast<unsigned long long*>(exchange + 8);
  unsigned sequence = *reinterpret_cast<const unsigned*>(exchange);
  unsigned long long totals[sums_per_thread];
#pragma unroll
  for (int round = 0; round < sums_per_thread; ++round) {
    const int index = round * threads + thread;
    totals[round] = index < exchanged ? last_totals[index] : 0;
  }

  constexpr int channels_padded = round_up(Inner, 16);
  constexpr int layer_state = (Taps - 1 + States) * channels_padded;
  constexpr int pairs = (ChannelsPerWarp + 1) / 2;
  constexpr int states_per_lane = (States + 15) / 16;
  const int first_channel = block * channels + warp * ChannelsPerWarp;
  const bool has_window = lane < ChannelsPerWarp && first_channel + lane < Inner;
  float window[Taps];
  float h[pairs * states_per_lane];
  load_state<Taps, States, channels_padded, ChannelsPerWarp>(state + first_channel, Inner - first_channel, window, h);

  float residual[loads * 3], norm_weight[loads * 3];
  [[maybe_unused]] float norm_bias[loads * 3];
  const float* norms = reinterpret_cast<const float*>(weights + NormsOffset);
  constexpr int norm_floats = LayerNorm ? 2 * size_padded : size_padded;

  for (int token = 0; token < count; ++token) {
    if constexpr (InputSize > 0) {
      synchronize_readers(threads);
      for (int column = thread; column < input_padded; column += threads) {
        vector[place_of<Weight>(column)] = column < InputSize ? input[token * long{InputSize} + column] : 0.0f;
      }
      synchronize_readers(threads);
      const unsigned char* stage = shared + wait_for_stage(ring);
      float sums[RowsPerWarp];
      const int first_row = warp / RowParts * RowsPerWarp;
#pragma unroll
      for (int row = 0; row < RowsPerWarp; ++row) sums[row] = 0.0f;
      if (RowParts == 1 || warp % RowParts == 0) {
        multiply_slab<Weight, RowsPerWarp, input_padded, input_padded>(
            stage + first_row * input_padded * int{sizeof(Weight)}, vector, sums);
      }
      const float* bias = reinterpret_cast<const float*>(stage + rows * input_padded * int{sizeof(Weight)});
#pragma unroll
      for (int row = 0; row < RowsPerWarp; ++row) {
        const float sum = sum_of_warp(sums[row]);
        if (lane == 0) {
          handed_on[(first_row + row) * RowParts + warp % RowParts] =
              RowParts == 1 || warp % RowParts == 0 ? sum + bias[first_row + row] : 0.0f;
        }
      }
      release_stage(ring);
      synchronize_readers(threads);
      ++sequence;
      publish<rows, RowParts, threads>(exchange + input_at, handed_on, sequence);
      gather<Blocks, rows, loads, threads>(exchange + input_at, 0, Delay, sequence, residual);
    } else {
      const int id = tokens[token];
      const bool is_token = id >= 0 && id < Vocabulary;
#pragma unroll
      for (int index = 0; index < loads * 3; ++index) {
        const int element = value_in_packet<Blocks, rows>(index / 3 * threads + thread, index % 3);
        residual[index] = 0.0f;
        if (element >= 0 && element < Size) {
          const long place = place_in_slabs<Weight, channels, size_padded, SizeSlab>(is_token ? id : 0, element);
          residual[index] = to_float(*reinterpret_cast<const Weight*>(weights + EmbeddingOffset + place));
          if (!is_token) residual[index] = __uint_as_float(0x7fffffff);
        }
      }
    }
    load_part<Blocks, rows, loads, threads>(norms, norm_weight);
    if constexpr (LayerNorm) load_part<Blocks, rows, loads, threads>(norms + size_padded, norm_bias);

    float* layer_of_state = state;
    for (int layer = 0; layer < Layers; ++layer) {
      float* window_state = layer_of_state + first_channel + lane;
      float* h_state = layer_of_state + (Taps - 1) * channels_padded + first_channel;
      const float scale = normalize<Weight, Blocks, rows, Size, loads, threads, LayerNorm>(
          residual, norm_weight, norm_bias, epsilon, vector, partial_sums);

      // x = silu(convolution(window, x))
      float sums[ChannelsPerWarp];
      multiply_stages<Weight, ChannelsPerWarp, size_padded, SizeSlab, 1>(ring, shared, vector, sums);
      const unsigned char* stage = shared + wait_for_stage(ring);
      const float* taps = reinterpret_cast<const float*>(stage + panel_bytes) + warp * ChannelsPerWarp + lane;
      if (lane < ChannelsPerWarp) {
#pragma unroll
        for (int channel = 0; channel < ChannelsPerWarp; ++channel) {
          if (lane == channel) window[Taps - 1] = sums[channel] * scale;
        }
        if constexpr (ProjectionBias) window[Taps - 1] += taps[(Taps + 1) * channels];
        float x = taps[Taps * channels];
#pragma unroll
        for (int tap = 0; tap < Taps; ++tap) x = fmaf(taps[tap * channels], window[tap], x);
        x_shared[warp * ChannelsPerWarp + lane] = silu(x);
        if (has_window) {
#pragma unroll
          for (int tap = 0; tap < Taps - 1; ++tap) window_state[tap * channels_padded] = window[tap + 1];
        }
      }
      synchronize_readers(threads);

      // The block's part of [dt, B, C] = x_proj x.
#pragma unroll
      for (int round = 0; round < sums_per_thread; ++round) {
        const int index = round * threads + thread;
        if (index < exchanged) {
          float part = 0.0f;
          for (int octet = 0; octet < octets; ++octet) {
            const unsigned char* column = stage + (octet * exchanged + index) * 16;
            const float4 low = *reinterpret_cast<const float4*>(x_shared + octet * width);
            if constexpr (sizeof(Weight) == 4) {
              part = add_products(*reinterpret_cast<const float4*>(column), low, part);
            } else {
              const float4 high = *reinterpret_cast<const float4*>(x_shared + octet * width + 4);
              const uint4 eight = *reinterpret_cast<const uint4*>(column);
              part = add_products(eight.x, low.x, low.y, part);
              part = add_products(eight.y, low.z, low.w, part);
              part = add_products(eight.z, high.x, high.y, part);
              part = add_products(eight.w, high.z, high.w, part);
            }
          }
          add_part(word_of_sum(exchange + sums_at, index), part);
        }
      }
      release_stage(ring);

      // z, while the parts are under way.
      float z[ChannelsPerWarp];
      multiply_stages<Weight, ChannelsPerWarp, size_padded, SizeSlab, 1>(ring, shared, vector, z);

      // Half a warp's channels, and what does not depend on [dt, B, C].
      stage = shared + wait_for_stage(ring);
      const float* vectors = reinterpret_cast<const float*>(stage + delta_bytes);
      float x_of_pair[pairs], bias_of_pair[pairs], gate[pairs];
#pragma unroll
      for (int pair = 0; pair < pairs; ++pair) {
        const int channel = warp * ChannelsPerWarp + min(2 * pair + lane / 16, ChannelsPerWarp - 1);
        const float* of_channel = vectors + channels * States + channel;
        x_of_pair[pair] = x_shared[channel];
        bias_of_pair[pair] = of_channel[0];
        gate[pair] = (lane < 16 || 2 * pair + 1 >= ChannelsPerWarp ? z[2 * pair] : z[2 * pair + 1]) * scale;
        if constexpr (ProjectionBias) gate[pair] += of_channel[2 * channels];
        gate[pair] = silu(gate[pair]);
      }

#pragma unroll
      for (int round = 0; round < sums_per_thread; ++round) {
        const int index = round * threads + thread;
        if (index < exchanged) {
          const float sum = wait_for_sum<Blocks>(word_of_sum(exchange + sums_at, index), totals[round]);
          dt[index < Rank ? index : index - Rank + rank_padded] = sum;
        }
      }
      synchronize_readers(threads);

      float dt_scale = 1.0f, b_scale = 1.0f, c_scale = 1.0f;
      if constexpr (NormedDelta) {
        dt_scale = scale_of<Rank>(dt, delta_epsilon);
        b_scale = scale_of<States>(b, delta_epsilon);
        c_scale = scale_of<States>(c, delta_epsilon);
      }

      // delta = softplus(dt_proj dt + bias); h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
#pragma unroll
      for (int pair = 0; pair < pairs; ++pair) {
        const int channel = warp * ChannelsPerWarp + min(2 * pair + lane / 16, ChannelsPerWarp - 1);
        const float before = delta_input<Weight, Rank>(stage + channel * rank_padded * int{sizeof(Weight)}, dt);
        const float delta = softplus(fmaf(before, dt_scale, bias_of_pair[pair]));
        const float y = advance_states<States>(vectors + channel * States, delta, delta * x_of_pair[pair] * b_scale, b,
                                               c, h + pair * states_per_lane);
        if (lane % 16 == 0 && 2 * pair + lane / 16 < ChannelsPerWarp) {
          const float skip = vectors[channels * (States + 1) + channel] * x_of_pair[pair];
          handed_on[channel] = fmaf(y, c_scale, skip) * gate[pair];
        }
      }
      synchronize_readers(threads);
      ++sequence;
      publish<channels, 1, threads>(exchange + y_at, handed_on, sequence);

      [[maybe_unused]] float out_bias[RowsPerWarp];
      if constexpr (ProjectionBias) {
#pragma unroll
        for (int row = 0; row < RowsPerWarp; ++row) {
          out_bias[row] = vectors[channels * (States + 3) + warp / RowParts * RowsPerWarp + row];
        }
      }
      release_stage(ring);
      store_states<States, channels_padded, ChannelsPerWarp>(h_state, Inner - first_channel, h);

      // What the next layer needs, while this one waits.
      layer_of_state = layer + 1 < Layers ? layer_of_state + layer_state : state;
      load_state<Taps, States, channels_padded, ChannelsPerWarp>(layer_of_state + first_channel, Inner - first_channel,
                                                                 window, h);
      const float* next_norm = norms + (layer + 1) * norm_floats;
      load_part<Blocks, rows, loads, threads>(next_norm, norm_weight);
      if constexpr (LayerNorm) load_part<Blocks, rows, loads, threads>(next_norm + size_padded, norm_bias);

      for (int round = 0; round < y_rounds; ++round) {
        const int first = round * y_loads * threads;
        float y_read[y_loads * 3];
        gather<Blocks, channels, y_loads, threads>(exchange + y_at, first, round == 0 ? Delay : 0, sequence, y_read);
#pragma unroll
        for (int index = 0; index < y_loads * 3; ++index) {
          const int element = value_in_packet<Blocks, channels>(first + index / 3 * threads + thread, index % 3);
          if (element >= 0) vector[place_of<Weight>(element)] = y_read[index];
        }
      }
      synchronize_readers(threads);

      // residual += out_proj y
      float out[RowsPerWarp];
      multiply_stages<Weight, RowsPerWarp, inner_padded, InnerSlab, RowParts>(ring, shared, vector, out);
#pragma unroll
      for (int row = 0; row < RowsPerWarp; ++row) {
        if constexpr (ProjectionBias) {
          if (RowParts == 1 || warp % RowParts == 0) out[row] += out_bias[row];
        }
        if (lane == 0) handed_on[(warp / RowParts * RowsPerWarp + row) * RowParts + warp % RowParts] = out[row];
      }
      synchronize_readers(threads);
      ++sequence;
      publish<rows, RowParts, threads>(exchange + rows_at, handed_on, sequence);
      float added[loads * 3];
      gather<Blocks, rows, loads, threads>(exchange + rows_at, 0, Delay, sequence, added);
#pragma unroll
      for (int index = 0; index < loads * 3; ++index) residual[index] += added[index];
    }

    const float scale = normalize<Weight, Blocks, rows, Size, loads, threads, LayerNorm>(
        residual, norm_weight, norm_bias, epsilon, vector, partial_sums);
    float* outputs = output + token * long{Outputs};
    if constexpr (Head) {
      for (int group = block; group < head_groups; group += Blocks) {
        float logits[ChannelsPerWarp];
        multiply_stages<Weight, ChannelsPerWarp, size_padded, SizeSlab, 1>(ring, shared, vector, logits);
#pragma unroll
        for (int row = 0; row < ChannelsPerWarp; ++row) {
          const int index = group * channels + warp * ChannelsPerWarp + row;
          if (lane == row && index < Outputs) {
            float logit = logits[row] * scale;
            if constexpr (HeadBias) logit += reinterpret_cast<const float*>(weights + HeadBiasOffset)[index];
            outputs[index] = logit;
          }
        }
      }
    } else if (block == 0) {
      for (int index = thread; index < Size; index += threads) outputs[index] = vector[place_of<Weight>(index)] * scale;
    }
    synchronize_readers(threads);
  }

  // Where the next launch goes on.
  if (block == 0) {
    if (thread == 0) *reinterpret_cast<unsigned*>(exchange) = sequence;
#pragma unroll
    for (int round = 0; round < sums_per_thread; ++round) {
      const int index = round * threads + thread;
      if (index < exchanged) last_totals[index] = totals[round];
    }
  }
}

}  // namespace mambac
