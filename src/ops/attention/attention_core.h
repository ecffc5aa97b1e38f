// What one key/value head of one segment needs, shared by the forward and the backward of
// attention.
#pragma once
#include <algorithm>
#include <cstring>
#include <span>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {

// Queries handled together. Tiles begin at multiples of this row of a segment; a tile sees keys up
// to its last query, the rest is masked row by row.
constexpr int kQueryTile = 64;

// Most tokens that a row of a segment sees, and most rows of one.
struct LongestSegment {
  int seen = 0, count = 0;
  explicit LongestSegment(std::span<const Segment> segments) {
    for (const Segment& s : segments)
      seen = std::max(seen, s.seen()), count = std::max(count, s.count);
  }
};

struct AttentionTensors {
  Tensor q, keys, shared_keys, values, y;
  AttentionShape shape;
  TokenChoice choice;
  bool sees_ahead = false;  // attend_all()
  int key_width() const { return shape.own + shape.shared; }
  int group() const { return shape.heads / shape.kv_heads; }
  const float* query(int row, int head) const { return q.row(row) + head * key_width(); }
  const float* own_key(int row, int kv_head) const {
    return keys.row(row) + kv_head * shape.key_step;
  }
  const float* value(int row, int kv_head) const {
    return values.row(row) + kv_head * shape.value_step + shape.value_offset;
  }
  // A whole key of a head, own part and shared part. [key_width]
  void copy_key(int row, int kv_head, float* to) const {
    std::memcpy(to, own_key(row, kv_head), sizeof(float) * size_t(shape.own));
    if (shape.shared)
      std::memcpy(to + shape.own, shared_keys.row(row), sizeof(float) * size_t(shape.shared));
  }
};

// Softmax statistics kept for the backward pass, [head][row].
struct SoftmaxStatistics {
  float* top = nullptr;
  float* inverse_sum = nullptr;
};

// Keys of a head as panels [key / 32][key_width][32] and values as a right operand of gemm.
struct HeadMemory {
  const float* key_panels;
  const float* values;
  size_t value_panel_stride, value_inner_stride;
};

// out[r][u] = scaled scores of queries [first, first + count) against keys [0, keys), through a
// copy of the queries times scale (`scaled`, [count][key_width]). Columns up to the next multiple
// of 32 are written. `stride` is a multiple of 32.
void attention_scores(const AttentionTensors& a, int head, int first_row, int count,
                      const float* key_panels, int keys, float* scaled, float* out, size_t stride,
                      float* gemm_scratch);

// Scores [visible] of a row: those of tokens that were not chosen become -infinity, of which exp
// makes exactly 0.
void drop_unchosen(const TokenChoice& choice, int row, int visible, float* scores);

// Extends the run's cache (expanded form) by the batch and attends over it; with the bits of the
// training forward, or streamed (streamed_attention.h).
void attention_over_cache(Run& run, const AttentionTensors& a);
void stream_over_cache(Run& run, const AttentionTensors& a);

void attention_backward(Workers workers, const AttentionTensors& a,
                        std::span<const Segment> segments, SoftmaxStatistics statistics);

}  // namespace weir
