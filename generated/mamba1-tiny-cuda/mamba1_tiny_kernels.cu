// mamba1_tiny: the kernels, specialized for this model's shapes from the templates of mambac.
// Written by mambac 0.1.0 for plan 0313fb7382cdf34c; do not edit.
#include "mamba1_tiny_kernels.h"

namespace mamba1_tiny_runtime {

// One stage of 4096 bytes; `source` is moved behind it. At most `in_flight` stages are under way at once (`landed`
// follows the stage that must have landed before): what is requested queues in front of the other warps' polls.
__device__ inline void copy_stages_256x64x16x4(Ring& ring, Ring& landed, int& ahead, int in_flight,
                                               const unsigned char*& source, unsigned long long policy) {
  if (ahead == in_flight) {
    wait(full_barrier(landed), landed.phase);
    advance(landed);
    --ahead;
  }
  copy_stage(ring, source, 4096, policy);
  source += 4096;
  ++ahead;
}

// One stage of 1312 bytes; `source` is moved behind it. At most `in_flight` stages are under way at once (`landed`
// follows the stage that must have landed before): what is requested queues in front of the other warps' polls.
__device__ inline void copy_stages_256x64x16x4_bytes_1312(Ring& ring, Ring& landed, int& ahead, int in_flight,
                                                          const unsigned char*& source, unsigned long long policy) {
  if (ahead == in_flight) {
    wait(full_barrier(landed), landed.phase);
    advance(landed);
    --ahead;
  }
  copy_stage(ring, source, 1312, policy);
  source += 1312;
  ++ahead;
}

// One stage of 704 bytes; `source` is moved behind it. At most `in_flight` stages are under way at once (`landed`
// follows the stage that must have landed before): what is requested queues in front of the other warps' polls.
__device__ inline void copy_stages_256x64x16x4_bytes_704(Ring& ring, Ring& landed, int& ahead, int in_flight,
                                                         const unsigned char*& source, unsigned long long policy) {
  if (ahead == in_flight) {
    wait(full_barrier(landed), landed.phase);
    advance(landed);
    --ahead;
  }
  copy_stage(ring, source, 704, policy);
  source += 704;
  ++ahead;
}

// For every token: input_proj (if any), the layers, the head (if any).
__device__ inline void copy_weights_256x64x16x4(Ring ring, const unsigned char* layers, const unsigned char* head,
                                                int tokens, unsigned long long policy) {
  Ring landed = ring;
  int ahead = 0;
  for (int token = 0; token < tokens; ++token) {
    const unsigned char* source = layers + blockIdx.x * 2 * 14304L;
    for (int layer = 0; layer < 2; ++layer) {
      copy_stages_256x64x16x4(ring, landed, ahead, 32, source, policy);
      copy_stages_256x64x16x4_bytes_1312(ring, landed, ahead, 32, source, policy);
      copy_stages_256x64x16x4(ring, landed, ahead, 32, source, policy);
      copy_stages_256x64x16x4_bytes_704(ring, landed, ahead, 32, source, policy);
      copy_stages_256x64x16x4(ring, landed, ahead, 32, source, policy);
    }
    source = head + long{blockIdx.x} * 4096;
    for (int group = blockIdx.x; group < 32; group += 16) {
      copy_stages_256x64x16x4(ring, landed, ahead, 32, source, policy);
      source += 61440;
    }
  }
}

// The state of a warp's channels in one layer: lane l < 1 takes the window of channel l, half a warp the states of a
// channel, two channels at a time. Zero beyond `channels`, those of the warp that exist.
__device__ inline void load_state_256x64x16x4(const float* window_of_warp, int channels, float* window, float* h) {
  const int lane = threadIdx.x % 32;
  window[0] = lane < 1 && lane < channels ? window_of_warp[lane] : 0.0f;
  window[1] = lane < 1 && lane < channels ? window_of_warp[lane + 128] : 0.0f;
  window[2] = lane < 1 && lane < channels ? window_of_warp[lane + 256] : 0.0f;
  const float* h_of_warp = window_of_warp + 384;
  const int channel = lane / 16;
  const int n = lane % 16;
  const bool exists = channel < 1 && channel < channels && n < 16;
  h[0] = exists ? h_of_warp[n * 128 + channel] : 0.0f;
}

// Every block has 8 values to hand on, three in a packet.
//
// Number of the value in place `index` (0 to 2) of a packet, counted over all blocks; -1 if there is none.
__device__ inline int value_in_packet_256x64x16x4(int packet, int index) {
  if (packet >= 48 || packet % 3 * 3 + index >= 8) return -1;
  return packet / 3 * 8 + packet % 3 * 3 + index;
}

// Offset in bytes of an element of a matrix in groups of 8 rows and slabs of 128 columns.
__device__ inline long place_in_slabs_256x64x16x4(int row, int column) {
  return ((row / 8 + column / 128) * long{1024} + row % 8 * 128 + column % 128) * long{sizeof(float)};
}

// The thread's part of a vector of one value for every row of all blocks.
__device__ inline void load_part_256x64x16x4(const float* vector, float* part) {
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 0);
    part[0] = element >= 0 ? __ldg(vector + element) : 0.0f;
  }
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 1);
    part[1] = element >= 0 ? __ldg(vector + element) : 0.0f;
  }
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 2);
    part[2] = element >= 0 ? __ldg(vector + element) : 0.0f;
  }
}

// Where the vector keeps a column. A lane takes the weights of a row 16 bytes at a time: 4 floats or 8 bfloat16. Eight
// columns of the vector are 32 bytes, and reading those lane by lane would meet in the banks; so that of 256 columns
// the first halves of all eights come first.
__device__ inline int place_of_256x64x16x4(int column) { return column; }

// The sum over the block's reading threads; `sums`: a float for every warp.
__device__ inline float sum_of_readers_256x64x16x4(float value, float* sums) {
  value = sum_of_warp(value);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  synchronize_readers(256);
  float sum = 0.0f;
  for (int warp = 0; warp < 8; ++warp) sum += sums[warp];
  return sum;
}

// The residual, normalized, to the vector in shared memory that products read. Returns the factor that those products
// still lack. `weight` (and `bias`, of a layer norm) are the thread's, laid out as the residual; 8: values a block
// hands on; `sums`: two floats for every warp.
__device__ inline float normalize_256x64x16x4(const float* residual, const float* weight, float epsilon, float* vector,
                                              float* sums) {
  [[maybe_unused]] float mean = 0.0f;
  float squares = 0.0f;
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 0);
    squares = fmaf(residual[0], residual[0], squares);
    if (element >= 0) vector[place_of_256x64x16x4(element)] = residual[0] * weight[0];
  }
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 1);
    squares = fmaf(residual[1], residual[1], squares);
    if (element >= 0) vector[place_of_256x64x16x4(element)] = residual[1] * weight[1];
  }
  {
    const int element = value_in_packet_256x64x16x4(threadIdx.x, 2);
    squares = fmaf(residual[2], residual[2], squares);
    if (element >= 0) vector[place_of_256x64x16x4(element)] = residual[2] * weight[2];
  }
  const float scale = rsqrtf(sum_of_readers_256x64x16x4(squares, sums) / 64 + epsilon);
  return scale;
}

__device__ inline float add_products(float4 weights, float4 x, float sum) {
  return fmaf(weights.w, x.w, fmaf(weights.z, x.z, fmaf(weights.y, x.y, fmaf(weights.x, x.x, sum))));
}

// sums[row] += this lane's part of row . vector, for 1 rows of 128 columns that lie 128 apart.
__device__ inline void multiply_slab_256x64x16x4(const unsigned char* weights, const float* vector, float* sums) {
  const int lane = threadIdx.x % 32;
  const unsigned char* column = weights + (lane * 4) * sizeof(float);
  const float4 x = *reinterpret_cast<const float4*>(vector + lane * 4);
  sums[0] = add_products(*reinterpret_cast<const float4*>(column), x, sums[0]);
}

// Stages hold [row][128] of the matrix, one stage for every 128 of 128 columns. A warp has one row. sums[row] is
// complete in every lane.
__device__ inline void multiply_stages_256x64x16x4(Ring& ring, const unsigned char* stages, const float* vector,
                                                   float* sums) {
  const int warp = threadIdx.x / 32;
  const int first_row = warp;
  sums[0] = 0.0f;
  const unsigned char* stage = stages + wait_for_stage(ring);
  multiply_slab_256x64x16x4(stage + (first_row * 128) * sizeof(float), vector, sums);
  release_stage(ring);
  sums[0] = sum_of_warp(sums[0]);
}

// The word of sum number `index`. Words that are added to together lie 1 KB apart in groups of 4, so that they fall
// into many slices of the L2 cache.
__device__ inline unsigned long long* word_of_sum(unsigned char* sums, int index) {
  return reinterpret_cast<unsigned long long*>(sums + index / 4 * 1024 + index % 4 * 8);
}

// The sum of the parts of 16 blocks, once all have arrived. `last_total` is the word's value before, and after.
__device__ inline float wait_for_sum_256x64x16x4(const unsigned long long* word, unsigned long long& last_total) {
  unsigned long long difference = 0;
  for (int poll = 0; (difference & 0xff) != 16; ++poll) {
    if (poll == 16777216) __trap();
    difference = read_sum(word) - last_total;
  }
  last_total += difference;
  return value_of_sum(difference);
}

// Two weights that lie together.
__device__ inline float2 pair_at_256x64x16x4(const unsigned char* weights, int pair) {
  return *reinterpret_cast<const float2*>(weights + pair * 8);
}

// A half warp's channel: delta before softplus without the bias, dt_proj's row . dt. dt has an even number of values,
// padded with zero.
__device__ inline float delta_input_256x64x16x4(const unsigned char* row, const float* dt) {
  const int lane = threadIdx.x % 16;
  float sum = 0.0f;
  const int pair = lane;
  if (pair < 2) {
    const float2 weight = pair_at_256x64x16x4(row, pair);
    const float2 value = *reinterpret_cast<const float2*>(dt + 2 * pair);
    sum = fmaf(weight.y, value.y, fmaf(weight.x, value.x, sum));
  }
  return sum_of_half_warp(sum);
}

// h = exp(delta A) h + delta x B for the states lane, lane + 16, ... of a channel; returns h C over all of them.
__device__ inline float advance_states_256x64x16x4(const float* a, float delta, float drive, const float* b,
                                                   const float* c, float* h) {
  const int lane = threadIdx.x % 16;
  float sum = 0.0f;
  const int n = lane;
  h[0] = fmaf(expf(delta * a[n]), h[0], drive * b[n]);
  sum = fmaf(h[0], c[n], sum);
  return sum_of_half_warp(sum);
}

// Hands on the block's values: sums of 1 neighbours in shared memory.
__device__ inline void publish_256x64x16x4(unsigned char* packets, const float* values, unsigned sequence) {
  for (int packet = threadIdx.x; packet < 3; packet += 256) {
    Packet written = {{0.0f, 0.0f, 0.0f}, sequence};
    if (packet * 3 < 8) {
      written.values[0] += values[packet * 3];
    }
    if (packet * 3 + 1 < 8) {
      written.values[1] += values[packet * 3 + 1];
    }
    if (packet * 3 + 2 < 8) {
      written.values[2] += values[packet * 3 + 2];
    }
    write_packet(packets + (blockIdx.x * 3 + packet) * 16, written);
  }
}

// The states back to where load_state has found them.
__device__ inline void store_states_256x64x16x4(float* h_of_warp, int channels, const float* h) {
  const int lane = threadIdx.x % 32;
  const int channel = lane / 16;
  const int n = lane % 16;
  if (channel < 1 && channel < channels && n < 16) {
    h_of_warp[n * 128 + channel] = h[0];
  }
}

// 1 of the packets of all blocks for each thread: number `first` + load * 256 + thread; values[3 * load + place], zero
// where there is none. The loads are all under way at once. Polls that come too early hold up the packets: the first
// waits `delay` cycles.
__device__ inline void gather_256x64x16x4(const unsigned char* packets, int first, int delay, unsigned sequence,
                                          float* values) {
  const long long begin = clock64();
  Packet read[1];
  const bool exists = first + static_cast<int>(threadIdx.x) < 48;
  read[0] = {{0.0f, 0.0f, 0.0f}, exists ? sequence - 1 : sequence};
  while (clock64() - begin < delay) {
  }
  const unsigned char* from = packets + (first + threadIdx.x) * 16;
  bool arrived = false;
  for (int poll = 0; !arrived; ++poll) {
    if (poll == 16777216) __trap();
    arrived = true;
    if (read[0].sequence != sequence) read[0] = read_packet(from);
    arrived = arrived && read[0].sequence == sequence;
  }
  values[0] = read[0].values[0];
  values[1] = read[0].values[1];
  values[2] = read[0].values[2];
}

// weights: the packed data; state: one sequence's; exchange: see above; tokens or input (`count` rows of 0); output:
// `count` rows of 256. Where `stopped` points to another number than 0, nothing happens.
__global__ void __launch_bounds__(8 * 32 + 32, 1)
    decode_256x64x16x4(const unsigned char* weights, float* state, void* exchange_memory, const int* tokens,
                       [[maybe_unused]] const float* input, float* output, int count, const int* stopped, float epsilon,
                       [[maybe_unused]] float delta_epsilon) {
  extern __shared__ __align__(1024) unsigned char shared[];
  float* vector = reinterpret_cast<float*>(shared + 131072);
  float* x_shared = vector + 256;
  float* dt = x_shared + 8;
  float* b = dt + 4;
  float* c = b + 16;
  float* partial_sums = c + 16;
  float* handed_on = partial_sums + 16;
  unsigned char* barriers = reinterpret_cast<unsigned char*>(handed_on + 8);

  if (stopped != nullptr && *stopped != 0) return;
  unsigned char* exchange = static_cast<unsigned char*>(exchange_memory);
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  const int block = blockIdx.x;
  Ring ring = ring_at(shared, barriers, 32, 4096);
  if (thread == 0) open_ring(ring, 8);
  if (thread < 8) x_shared[thread] = 0.0f;
  if (thread == 0) dt[3] = 0.0f;
  __syncthreads();

  if (warp == 8) {
    if (lane == 0) {
      const unsigned long long policy = keep_policy();
      copy_weights_256x64x16x4(ring, weights + 327424, weights + 786688, count, policy);
    }
    return;
  }

  unsigned long long* last_totals = reinterpret_cast<unsigned long long*>(exchange + 8);
  unsigned sequence = *reinterpret_cast<const unsigned*>(exchange);
  unsigned long long totals[1];
  {
    const int index = thread;
    totals[0] = index < 36 ? last_totals[index] : 0;
  }

  const int first_channel = block * 8 + warp;
  const bool has_window = lane < 1 && first_channel + lane < 128;
  float window[4];
  float h[1];
  load_state_256x64x16x4(state + first_channel, 128 - first_channel, window, h);

  float residual[3], norm_weight[3];
  [[maybe_unused]] float norm_bias[3];
  const float* norms = reinterpret_cast<const float*>(weights + 785152);

  for (int token = 0; token < count; ++token) {
    const int id = tokens[token];
    const bool is_token = id >= 0 && id < 256;
    {
      const int element = value_in_packet_256x64x16x4(thread, 0);
      residual[0] = 0.0f;
      if (element >= 0 && element < 64) {
        const long place = place_in_slabs_256x64x16x4(is_token ? id : 0, element);
        residual[0] = to_float(*reinterpret_cast<const float*>(weights + 786688 + place));
        if (!is_token) residual[0] = __uint_as_float(0x7fffffff);
      }
    }
    {
      const int element = value_in_packet_256x64x16x4(thread, 1);
      residual[1] = 0.0f;
      if (element >= 0 && element < 64) {
        const long place = place_in_slabs_256x64x16x4(is_token ? id : 0, element);
        residual[1] = to_float(*reinterpret_cast<const float*>(weights + 786688 + place));
        if (!is_token) residual[1] = __uint_as_float(0x7fffffff);
      }
    }
    {
      const int element = value_in_packet_256x64x16x4(thread, 2);
      residual[2] = 0.0f;
      if (element >= 0 && element < 64) {
        const long place = place_in_slabs_256x64x16x4(is_token ? id : 0, element);
        residual[2] = to_float(*reinterpret_cast<const float*>(weights + 786688 + place));
        if (!is_token) residual[2] = __uint_as_float(0x7fffffff);
      }
    }
    load_part_256x64x16x4(norms, norm_weight);

    float* layer_of_state = state;
    for (int layer = 0; layer < 2; ++layer) {
      float* window_state = layer_of_state + first_channel + lane;
      float* h_state = layer_of_state + 384 + first_channel;
      const float scale = normalize_256x64x16x4(residual, norm_weight, epsilon, vector, partial_sums);

      // x = silu(convolution(window, x))
      float sums[1];
      multiply_stages_256x64x16x4(ring, shared, vector, sums);
      const unsigned char* stage = shared + wait_for_stage(ring);
      const float* taps = reinterpret_cast<const float*>(stage + 1152) + warp + lane;
      if (lane < 1) {
        if (lane == 0) window[3] = sums[0] * scale;
        float x = taps[32];
        x = fmaf(taps[0], window[0], x);
        x = fmaf(taps[8], window[1], x);
        x = fmaf(taps[16], window[2], x);
        x = fmaf(taps[24], window[3], x);
        x_shared[warp + lane] = silu(x);
        if (has_window) {
          window_state[0] = window[1];
          window_state[128] = window[2];
          window_state[256] = window[3];
        }
      }
      synchronize_readers(256);

      // The block's part of [dt, B, C] = x_proj x.
      {
        const int index = thread;
        if (index < 36) {
          float part = 0.0f;
          for (int octet = 0; octet < 2; ++octet) {
            const unsigned char* column = stage + (octet * 36 + index) * 16;
            const float4 low = *reinterpret_cast<const float4*>(x_shared + octet * 4);
            part = add_products(*reinterpret_cast<const float4*>(column), low, part);
          }
          add_part(word_of_sum(exchange + 1024, index), part);
        }
      }
      release_stage(ring);

      // z, while the parts are under way.
      float z[1];
      multiply_stages_256x64x16x4(ring, shared, vector, z);

      // Half a warp's channels, and what does not depend on [dt, B, C].
      stage = shared + wait_for_stage(ring);
      const float* vectors = reinterpret_cast<const float*>(stage + 128);
      float x_of_pair[1], bias_of_pair[1], gate[1];
      {
        const int channel = warp + min(lane / 16, 0);
        const float* of_channel = vectors + 128 + channel;
        x_of_pair[0] = x_shared[channel];
        bias_of_pair[0] = of_channel[0];
        gate[0] = z[0] * scale;
        gate[0] = silu(gate[0]);
      }

      {
        const int index = thread;
        if (index < 36) {
          const float sum = wait_for_sum_256x64x16x4(word_of_sum(exchange + 1024, index), totals[0]);
          dt[index < 4 ? index : index] = sum;
        }
      }
      synchronize_readers(256);

      float dt_scale = 1.0f, b_scale = 1.0f, c_scale = 1.0f;

      // delta = softplus(dt_proj dt + bias); h = exp(delta A) h + delta x B; y = (h C + D x) silu(z)
      {
        const int channel = warp + min(lane / 16, 0);
        const float before = delta_input_256x64x16x4(stage + channel * 16, dt);
        const float delta = softplus(fmaf(before, dt_scale, bias_of_pair[0]));
        const float y =
            advance_states_256x64x16x4(vectors + channel * 16, delta, delta * x_of_pair[0] * b_scale, b, c, h);
        if (lane % 16 == 0 && lane / 16 < 1) {
          const float skip = vectors[channel + 136] * x_of_pair[0];
          handed_on[channel] = fmaf(y, c_scale, skip) * gate[0];
        }
      }
      synchronize_readers(256);
      ++sequence;
      publish_256x64x16x4(exchange + 10240, handed_on, sequence);

      [[maybe_unused]] float out_bias[1];
      release_stage(ring);
      store_states_256x64x16x4(h_state, 128 - first_channel, h);

      // What the next layer needs, while this one waits.
      layer_of_state = layer + 1 < 2 ? layer_of_state + 2432 : state;
      load_state_256x64x16x4(layer_of_state + first_channel, 128 - first_channel, window, h);
      const float* next_norm = norms + (layer + 1) * 128;
      load_part_256x64x16x4(next_norm, norm_weight);

      float y_read[3];
      gather_256x64x16x4(exchange + 10240, 0, 428, sequence, y_read);
      {
        const int element = value_in_packet_256x64x16x4(thread, 0);
        if (element >= 0) vector[place_of_256x64x16x4(element)] = y_read[0];
      }
      {
        const int element = value_in_packet_256x64x16x4(thread, 1);
        if (element >= 0) vector[place_of_256x64x16x4(element)] = y_read[1];
      }
      {
        const int element = value_in_packet_256x64x16x4(thread, 2);
        if (element >= 0) vector[place_of_256x64x16x4(element)] = y_read[2];
      }
      synchronize_readers(256);

      // residual += out_proj y
      float out[1];
      multiply_stages_256x64x16x4(ring, shared, vector, out);
      if (lane == 0) handed_on[warp] = out[0];
      synchronize_readers(256);
      ++sequence;
      publish_256x64x16x4(exchange + 11008, handed_on, sequence);
      float added[3];
      gather_256x64x16x4(exchange + 11008, 0, 428, sequence, added);
      residual[0] += added[0];
      residual[1] += added[1];
      residual[2] += added[2];
    }

    const float scale = normalize_256x64x16x4(residual, norm_weight, epsilon, vector, partial_sums);
    float* outputs = output + token * long{256};
    for (int group = block; group < 32; group += 16) {
      float logits[1];
      multiply_stages_256x64x16x4(ring, shared, vector, logits);
      {
        const int index = group * 8 + warp;
        if (lane == 0 && index < 256) {
          float logit = logits[0] * scale;
          outputs[index] = logit;
        }
      }
    }
    synchronize_readers(256);
  }

  // Where the next launch goes on.
  if (block == 0) {
    if (thread == 0) *reinterpret_cast<unsigned*>(exchange) = sequence;
    {
      const int index = thread;
      if (index < 36) last_totals[index] = totals[0];
    }
  }
}

// output (rows, 64) = the tokens' rows of table (256, 64); a block for each row. No host has looked at the tokens: one
// outside of the vocabulary becomes NaN, and so does every output that depends on it.
__global__ void __launch_bounds__(64) embed_256x64(const float* table, const int* tokens, float* output) {
  const long row = blockIdx.y;
  const int token = tokens[row];
  const bool known = token >= 0 && token < 256;
  const float* from = table + static_cast<long>(known ? token : 0) * 64;
  float* to = output + row * 64;
  for (int index = threadIdx.x; index < 64; index += 64) {
    to[index] = known ? to_float(from[index]) : __uint_as_float(0x7fc00000);
  }
}

// The sum of `value` over the block's 64 threads, in every thread; the order is the same in every run.
__device__ inline float sum_of_block_64(float value) {
  __shared__ float sums[2];
  const float of_warp = sum_of_warp(value);
  __syncthreads();  // the sums of an earlier call have been read
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = of_warp;
  __syncthreads();
  float sum = 0.0f;
  for (int warp = 0; warp < 2; ++warp) sum += sums[warp];
  return sum;
}

// output (rows, 64) = input / sqrt(mean(input^2) + epsilon), times weight (64) if there is one; a block for each row.
// The input's rows lie `rows_apart` rows apart. May be in place.
__global__ void __launch_bounds__(64)
    rms_norm_64(const float* weight, const float* input, int rows_apart, float epsilon, float* output) {
  const long row = blockIdx.y;
  const float* from = input + row * rows_apart * 64;
  float* to = output + row * 64;
  float squares = 0.0f;
  for (int index = threadIdx.x; index < 64; index += 64) squares += from[index] * from[index];
  const float scale = 1.0f / sqrtf(sum_of_block_64(squares) / 64 + epsilon);
  for (int index = threadIdx.x; index < 64; index += 64) {
    to[index] = from[index] * scale * weight[index];
  }
}

// output (rows, 256) = weights (256, 64) input (rows, 64), plus bias if there is one, plus what output held before if
// the kernel accumulates. A warp reads an output's weights once for 8 rows; its lanes share the inputs. An output's sum
// has the same order whatever the number of rows: splitting a block of tokens changes no bit.
__global__ void __launch_bounds__(4 * 32)
    project_64_to_256_tile_rows_8(const float* weights, [[maybe_unused]] const float* bias, const float* input,
                                  float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * 4 + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * 8;
  if (index >= 256) return;
  const float* of_output = weights + static_cast<long>(index) * 64;
  const float* from = input + first_row * 64;
  float sum[8] = {};
  for (int column = lane; column < 64; column += 32) {
    const float weight = to_float(of_output[column]);
    if (first_row < rows) sum[0] += weight * from[column];
    if (first_row + 1 < rows) sum[1] += weight * from[column + 64];
    if (first_row + 2 < rows) sum[2] += weight * from[column + 128];
    if (first_row + 3 < rows) sum[3] += weight * from[column + 192];
    if (first_row + 4 < rows) sum[4] += weight * from[column + 256];
    if (first_row + 5 < rows) sum[5] += weight * from[column + 320];
    if (first_row + 6 < rows) sum[6] += weight * from[column + 384];
    if (first_row + 7 < rows) sum[7] += weight * from[column + 448];
  }
  sum[0] = sum_of_warp(sum[0]);
  sum[1] = sum_of_warp(sum[1]);
  sum[2] = sum_of_warp(sum[2]);
  sum[3] = sum_of_warp(sum[3]);
  sum[4] = sum_of_warp(sum[4]);
  sum[5] = sum_of_warp(sum[5]);
  sum[6] = sum_of_warp(sum[6]);
  sum[7] = sum_of_warp(sum[7]);
  if (lane > 0) return;
  float* to = output + first_row * 256 + index;
  if (first_row < rows) {
    float value = sum[0];
    to[0] = value;
  }
  if (first_row + 1 < rows) {
    float value = sum[1];
    to[256] = value;
  }
  if (first_row + 2 < rows) {
    float value = sum[2];
    to[512] = value;
  }
  if (first_row + 3 < rows) {
    float value = sum[3];
    to[768] = value;
  }
  if (first_row + 4 < rows) {
    float value = sum[4];
    to[1024] = value;
  }
  if (first_row + 5 < rows) {
    float value = sum[5];
    to[1280] = value;
  }
  if (first_row + 6 < rows) {
    float value = sum[6];
    to[1536] = value;
  }
  if (first_row + 7 < rows) {
    float value = sum[7];
    to[1792] = value;
  }
}

// output = silu(bias + sum over k of taps[k] x[t - 3 + k]) for `tokens` tokens of each sequence; a thread for each
// channel. taps (4, 128); window (3, 128) of a sequence holds the inputs before its first token, oldest first, and is
// left holding the last ones. Input and output have sequences * tokens rows.
__global__ void __launch_bounds__(64)
    convolve_128x4(const float* taps, const float* bias, float* window, const float* input, float* output, int tokens) {
  const int channel = blockIdx.x * 64 + threadIdx.x;
  const long sequence = blockIdx.y;
  if (channel >= 128) return;
  float* before = window + sequence * 4864 + channel;
  float tap[4];
  float x[4];
  tap[0] = taps[channel];
  tap[1] = taps[channel + 128];
  tap[2] = taps[channel + 256];
  tap[3] = taps[channel + 384];
  x[0] = before[0];
  x[1] = before[128];
  x[2] = before[256];
  for (int token = 0; token < tokens; ++token) {
    const long row = sequence * tokens + token;
    x[3] = input[row * 256 + channel];
    float sum = bias[channel];
    sum += tap[0] * x[0];
    sum += tap[1] * x[1];
    sum += tap[2] * x[2];
    sum += tap[3] * x[3];
    output[row * 128 + channel] = silu(sum);
    x[0] = x[1];
    x[1] = x[2];
    x[2] = x[3];
  }
  before[0] = x[0];
  before[128] = x[1];
  before[256] = x[2];
}

// output (rows, 36) = weights (36, 128) input (rows, 128), plus bias if there is one, plus what output held before if
// the kernel accumulates. A warp reads an output's weights once for 8 rows; its lanes share the inputs. An output's sum
// has the same order whatever the number of rows: splitting a block of tokens changes no bit.
__global__ void __launch_bounds__(4 * 32) project_128_to_36(const float* weights, [[maybe_unused]] const float* bias,
                                                            const float* input, float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * 4 + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * 8;
  if (index >= 36) return;
  const float* of_output = weights + static_cast<long>(index) * 128;
  const float* from = input + first_row * 128;
  float sum[8] = {};
  for (int column = lane; column < 128; column += 32) {
    const float weight = to_float(of_output[column]);
    if (first_row < rows) sum[0] += weight * from[column];
    if (first_row + 1 < rows) sum[1] += weight * from[column + 128];
    if (first_row + 2 < rows) sum[2] += weight * from[column + 256];
    if (first_row + 3 < rows) sum[3] += weight * from[column + 384];
    if (first_row + 4 < rows) sum[4] += weight * from[column + 512];
    if (first_row + 5 < rows) sum[5] += weight * from[column + 640];
    if (first_row + 6 < rows) sum[6] += weight * from[column + 768];
    if (first_row + 7 < rows) sum[7] += weight * from[column + 896];
  }
  sum[0] = sum_of_warp(sum[0]);
  sum[1] = sum_of_warp(sum[1]);
  sum[2] = sum_of_warp(sum[2]);
  sum[3] = sum_of_warp(sum[3]);
  sum[4] = sum_of_warp(sum[4]);
  sum[5] = sum_of_warp(sum[5]);
  sum[6] = sum_of_warp(sum[6]);
  sum[7] = sum_of_warp(sum[7]);
  if (lane > 0) return;
  float* to = output + first_row * 48 + index;
  if (first_row < rows) {
    float value = sum[0];
    to[0] = value;
  }
  if (first_row + 1 < rows) {
    float value = sum[1];
    to[48] = value;
  }
  if (first_row + 2 < rows) {
    float value = sum[2];
    to[96] = value;
  }
  if (first_row + 3 < rows) {
    float value = sum[3];
    to[144] = value;
  }
  if (first_row + 4 < rows) {
    float value = sum[4];
    to[192] = value;
  }
  if (first_row + 5 < rows) {
    float value = sum[5];
    to[240] = value;
  }
  if (first_row + 6 < rows) {
    float value = sum[6];
    to[288] = value;
  }
  if (first_row + 7 < rows) {
    float value = sum[7];
    to[336] = value;
  }
}

// output (rows, 128) = weights (128, 4) input (rows, 4), plus bias if there is one, plus what output held before if the
// kernel accumulates. A warp reads an output's weights once for 8 rows; its lanes share the inputs. An output's sum has
// the same order whatever the number of rows: splitting a block of tokens changes no bit.
__global__ void __launch_bounds__(4 * 32)
    project_4_to_128(const float* weights, const float* bias, const float* input, float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * 4 + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * 8;
  if (index >= 128) return;
  const float* of_output = weights + static_cast<long>(index) * 4;
  const float* from = input + first_row * 48;
  float sum[8] = {};
  for (int column = lane; column < 4; column += 32) {
    const float weight = to_float(of_output[column]);
    if (first_row < rows) sum[0] += weight * from[column];
    if (first_row + 1 < rows) sum[1] += weight * from[column + 48];
    if (first_row + 2 < rows) sum[2] += weight * from[column + 96];
    if (first_row + 3 < rows) sum[3] += weight * from[column + 144];
    if (first_row + 4 < rows) sum[4] += weight * from[column + 192];
    if (first_row + 5 < rows) sum[5] += weight * from[column + 240];
    if (first_row + 6 < rows) sum[6] += weight * from[column + 288];
    if (first_row + 7 < rows) sum[7] += weight * from[column + 336];
  }
  sum[0] = sum_of_warp(sum[0]);
  sum[1] = sum_of_warp(sum[1]);
  sum[2] = sum_of_warp(sum[2]);
  sum[3] = sum_of_warp(sum[3]);
  sum[4] = sum_of_warp(sum[4]);
  sum[5] = sum_of_warp(sum[5]);
  sum[6] = sum_of_warp(sum[6]);
  sum[7] = sum_of_warp(sum[7]);
  if (lane > 0) return;
  float* to = output + first_row * 128 + index;
  if (first_row < rows) {
    float value = sum[0];
    value += bias[index];
    to[0] = value;
  }
  if (first_row + 1 < rows) {
    float value = sum[1];
    value += bias[index];
    to[128] = value;
  }
  if (first_row + 2 < rows) {
    float value = sum[2];
    value += bias[index];
    to[256] = value;
  }
  if (first_row + 3 < rows) {
    float value = sum[3];
    value += bias[index];
    to[384] = value;
  }
  if (first_row + 4 < rows) {
    float value = sum[4];
    value += bias[index];
    to[512] = value;
  }
  if (first_row + 5 < rows) {
    float value = sum[5];
    value += bias[index];
    to[640] = value;
  }
  if (first_row + 6 < rows) {
    float value = sum[6];
    value += bias[index];
    to[768] = value;
  }
  if (first_row + 7 < rows) {
    float value = sum[7];
    value += bias[index];
    to[896] = value;
  }
}

// For every channel and token, with delta = softplus(delta_input):
//   h = exp(delta a) h + delta x B;   output = (sum over n of h[n] C[n] + d x) * silu(gate)
// a and, per sequence, h are (16, 128); delta_input, x, gate and output have sequences * tokens rows of 128, b and c
// rows of 16. h is left as it is after the last token. A thread for each channel.
__global__ void __launch_bounds__(32)
    selective_scan_128x16(const float* a, const float* d, float* h, const float* delta_input, const float* x,
                          const float* gate, const float* b, const float* c, float* output, int tokens) {
  const int channel = blockIdx.x * 32 + threadIdx.x;
  const long sequence = blockIdx.y;
  if (channel >= 128) return;
  float* state = h + sequence * 4864 + channel;
  float value[16];
  float rate[16];
  value[0] = state[0];
  rate[0] = a[channel];
  value[1] = state[128];
  rate[1] = a[channel + 128];
  value[2] = state[256];
  rate[2] = a[channel + 256];
  value[3] = state[384];
  rate[3] = a[channel + 384];
  value[4] = state[512];
  rate[4] = a[channel + 512];
  value[5] = state[640];
  rate[5] = a[channel + 640];
  value[6] = state[768];
  rate[6] = a[channel + 768];
  value[7] = state[896];
  rate[7] = a[channel + 896];
  value[8] = state[1024];
  rate[8] = a[channel + 1024];
  value[9] = state[1152];
  rate[9] = a[channel + 1152];
  value[10] = state[1280];
  rate[10] = a[channel + 1280];
  value[11] = state[1408];
  rate[11] = a[channel + 1408];
  value[12] = state[1536];
  rate[12] = a[channel + 1536];
  value[13] = state[1664];
  rate[13] = a[channel + 1664];
  value[14] = state[1792];
  rate[14] = a[channel + 1792];
  value[15] = state[1920];
  rate[15] = a[channel + 1920];
  for (int token = 0; token < tokens; ++token) {
    const long row = sequence * tokens + token;
    const float delta = softplus(delta_input[row * 128 + channel]);
    const float input = x[row * 128 + channel];
    const float drive = delta * input;
    float sum = d[channel] * input;
    value[0] = expf(delta * rate[0]) * value[0] + drive * b[row * 48];
    sum += value[0] * c[row * 48];
    value[1] = expf(delta * rate[1]) * value[1] + drive * b[row * 48 + 1];
    sum += value[1] * c[row * 48 + 1];
    value[2] = expf(delta * rate[2]) * value[2] + drive * b[row * 48 + 2];
    sum += value[2] * c[row * 48 + 2];
    value[3] = expf(delta * rate[3]) * value[3] + drive * b[row * 48 + 3];
    sum += value[3] * c[row * 48 + 3];
    value[4] = expf(delta * rate[4]) * value[4] + drive * b[row * 48 + 4];
    sum += value[4] * c[row * 48 + 4];
    value[5] = expf(delta * rate[5]) * value[5] + drive * b[row * 48 + 5];
    sum += value[5] * c[row * 48 + 5];
    value[6] = expf(delta * rate[6]) * value[6] + drive * b[row * 48 + 6];
    sum += value[6] * c[row * 48 + 6];
    value[7] = expf(delta * rate[7]) * value[7] + drive * b[row * 48 + 7];
    sum += value[7] * c[row * 48 + 7];
    value[8] = expf(delta * rate[8]) * value[8] + drive * b[row * 48 + 8];
    sum += value[8] * c[row * 48 + 8];
    value[9] = expf(delta * rate[9]) * value[9] + drive * b[row * 48 + 9];
    sum += value[9] * c[row * 48 + 9];
    value[10] = expf(delta * rate[10]) * value[10] + drive * b[row * 48 + 10];
    sum += value[10] * c[row * 48 + 10];
    value[11] = expf(delta * rate[11]) * value[11] + drive * b[row * 48 + 11];
    sum += value[11] * c[row * 48 + 11];
    value[12] = expf(delta * rate[12]) * value[12] + drive * b[row * 48 + 12];
    sum += value[12] * c[row * 48 + 12];
    value[13] = expf(delta * rate[13]) * value[13] + drive * b[row * 48 + 13];
    sum += value[13] * c[row * 48 + 13];
    value[14] = expf(delta * rate[14]) * value[14] + drive * b[row * 48 + 14];
    sum += value[14] * c[row * 48 + 14];
    value[15] = expf(delta * rate[15]) * value[15] + drive * b[row * 48 + 15];
    sum += value[15] * c[row * 48 + 15];
    output[row * 128 + channel] = sum * silu(gate[row * 256 + channel]);
  }
  state[0] = value[0];
  state[128] = value[1];
  state[256] = value[2];
  state[384] = value[3];
  state[512] = value[4];
  state[640] = value[5];
  state[768] = value[6];
  state[896] = value[7];
  state[1024] = value[8];
  state[1152] = value[9];
  state[1280] = value[10];
  state[1408] = value[11];
  state[1536] = value[12];
  state[1664] = value[13];
  state[1792] = value[14];
  state[1920] = value[15];
}

// output (rows, 64) = weights (64, 128) input (rows, 128), plus bias if there is one, plus what output held before if
// the kernel accumulates. A warp reads an output's weights once for 8 rows; its lanes share the inputs. An output's sum
// has the same order whatever the number of rows: splitting a block of tokens changes no bit.
__global__ void __launch_bounds__(4 * 32) project_128_to_64(const float* weights, [[maybe_unused]] const float* bias,
                                                            const float* input, float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * 4 + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * 8;
  if (index >= 64) return;
  const float* of_output = weights + static_cast<long>(index) * 128;
  const float* from = input + first_row * 128;
  float sum[8] = {};
  for (int column = lane; column < 128; column += 32) {
    const float weight = to_float(of_output[column]);
    if (first_row < rows) sum[0] += weight * from[column];
    if (first_row + 1 < rows) sum[1] += weight * from[column + 128];
    if (first_row + 2 < rows) sum[2] += weight * from[column + 256];
    if (first_row + 3 < rows) sum[3] += weight * from[column + 384];
    if (first_row + 4 < rows) sum[4] += weight * from[column + 512];
    if (first_row + 5 < rows) sum[5] += weight * from[column + 640];
    if (first_row + 6 < rows) sum[6] += weight * from[column + 768];
    if (first_row + 7 < rows) sum[7] += weight * from[column + 896];
  }
  sum[0] = sum_of_warp(sum[0]);
  sum[1] = sum_of_warp(sum[1]);
  sum[2] = sum_of_warp(sum[2]);
  sum[3] = sum_of_warp(sum[3]);
  sum[4] = sum_of_warp(sum[4]);
  sum[5] = sum_of_warp(sum[5]);
  sum[6] = sum_of_warp(sum[6]);
  sum[7] = sum_of_warp(sum[7]);
  if (lane > 0) return;
  float* to = output + first_row * 64 + index;
  if (first_row < rows) {
    float value = sum[0];
    value += to[0];
    to[0] = value;
  }
  if (first_row + 1 < rows) {
    float value = sum[1];
    value += to[64];
    to[64] = value;
  }
  if (first_row + 2 < rows) {
    float value = sum[2];
    value += to[128];
    to[128] = value;
  }
  if (first_row + 3 < rows) {
    float value = sum[3];
    value += to[192];
    to[192] = value;
  }
  if (first_row + 4 < rows) {
    float value = sum[4];
    value += to[256];
    to[256] = value;
  }
  if (first_row + 5 < rows) {
    float value = sum[5];
    value += to[320];
    to[320] = value;
  }
  if (first_row + 6 < rows) {
    float value = sum[6];
    value += to[384];
    to[384] = value;
  }
  if (first_row + 7 < rows) {
    float value = sum[7];
    value += to[448];
    to[448] = value;
  }
}

// output (rows, 256) = weights (256, 64) input (rows, 64), plus bias if there is one, plus what output held before if
// the kernel accumulates. A warp reads an output's weights once for 1 rows; its lanes share the inputs. An output's sum
// has the same order whatever the number of rows: splitting a block of tokens changes no bit.
__global__ void __launch_bounds__(4 * 32)
    project_64_to_256_tile_rows_1(const float* weights, [[maybe_unused]] const float* bias, const float* input,
                                  float* output, int rows) {
  const int lane = threadIdx.x % 32;
  const int index = blockIdx.x * 4 + threadIdx.x / 32;
  const long first_row = static_cast<long>(blockIdx.y) * 1;
  if (index >= 256) return;
  const float* of_output = weights + static_cast<long>(index) * 64;
  const float* from = input + first_row * 64;
  float sum[1] = {};
  for (int column = lane; column < 64; column += 32) {
    const float weight = to_float(of_output[column]);
    if (first_row < rows) sum[0] += weight * from[column];
  }
  sum[0] = sum_of_warp(sum[0]);
  if (lane > 0) return;
  float* to = output + first_row * 256 + index;
  if (first_row < rows) {
    float value = sum[0];
    to[0] = value;
  }
}

}  // namespace mamba1_tiny_runtime
