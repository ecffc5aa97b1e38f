// Attention inside the batch, forward. Over the cached past (cached_attention.cpp) the same
// key panels are walked in the same order, so a decoded token has the bits of this forward.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"
#include "ops/attention/streamed_attention.h"
#include "ops/encoder_ops.h"

namespace weir {

void attention_scores(const AttentionTensors& a, int head, int first_row, int count,
                      const float* key_panels, int keys, float* scaled, float* out, size_t stride,
                      float* gemm_scratch) {
  const int width = a.key_width();
  for (int r = 0; r < count; ++r)
    kernels().scale(a.shape.scale, a.query(first_row + r, head), scaled + size_t(r) * size_t(width),
                    width);
  kernels().gemm({.left = scaled,
                  .left_row = size_t(width),
                  .left_inner = 1,
                  .panels = key_panels,
                  .panel_stride = size_t(width) * kPanel,
                  .inner_stride = kPanel,
                  .out = out,
                  .out_row = stride,
                  .rows = count,
                  .cols = round_up(keys, kPanel),
                  .inner = width,
                  .scratch = gemm_scratch});
}

void drop_unchosen(const TokenChoice& choice, int row, int visible, float* scores) {
  const int* chosen = choice.of(row, visible);
  if (!chosen) return;
  int next = 0;
  for (int j = 0; j < choice.keep; ++j) {
    std::fill(scores + next, scores + chosen[j], -INFINITY);
    next = chosen[j] + 1;
  }
  std::fill(scores + next, scores + visible, -INFINITY);
}

namespace {

// Scratch of one thread, in floats, for segments that see at most `keys` keys.
struct Scratch {
  float *gemm, *scaled, *scores, *keys, *values;
  float* key_rows;  // [kPanel][key_width]
  int* value_rows;  // [keys]
};

struct ScratchPlan {
  size_t scaled, scores, keys, values, key_rows;
  size_t total() const { return kGemmScratch + scaled + scores + keys + values + key_rows; }
  Scratch of(float* base, int* rows, int seen, int thread) const {
    float* at = base + size_t(thread) * total();
    auto take = [&](size_t size) { return std::exchange(at, at + size); };
    return {take(kGemmScratch),
            take(scaled),
            take(scores),
            take(keys),
            take(values),
            take(key_rows),
            rows + size_t(thread) * size_t(seen)};
  }
};

// Queries [t0, t1) of a segment, one head.
void attend_tile(const AttentionTensors& a, const Segment& segment, int head, int t0, int t1,
                 const HeadMemory& memory, const Scratch& scratch, SoftmaxStatistics statistics) {
  const bool sees_ahead = a.sees_ahead;
  const int keys = sees_ahead ? segment.count : segment.shared() + t1;
  const int count = t1 - t0, first_row = segment.begin + t0;
  const size_t stride = size_t(round_up(keys, kPanel));
  attention_scores(a, head, first_row, count, memory.key_panels, keys, scratch.scaled,
                   scratch.scores, stride, scratch.gemm);
  float inverse[kQueryTile];
  for (int r = 0; r < count; ++r) {
    float* row = scratch.scores + size_t(r) * stride;
    int visible = sees_ahead ? keys : segment.shared() + t0 + r + 1;
    drop_unchosen(a.choice, first_row + r, visible, row);
    float top = kernels().max(row, visible);
    inverse[r] = 1 / kernels().exp_sum(row, top, visible);
    std::memset(row + visible, 0, sizeof(float) * (stride - size_t(visible)));
    if (statistics.top) {
      size_t at = size_t(head) * size_t(a.q.rows) + size_t(first_row + r);
      statistics.top[at] = top;
      statistics.inverse_sum[at] = inverse[r];
    }
  }
  kernels().gemm({.left = scratch.scores,
                  .left_row = stride,
                  .left_inner = 1,
                  .panels = memory.values,
                  .panel_stride = memory.value_panel_stride,
                  .inner_stride = memory.value_inner_stride,
                  .out = a.y.row(first_row) + head * a.shape.value,
                  .out_row = a.y.stride,
                  .rows = count,
                  .cols = a.shape.value,
                  .inner = keys,
                  .scratch = scratch.gemm});
  for (int r = 0; r < count; ++r) {
    float* out = a.y.row(first_row + r) + head * a.shape.value;
    kernels().scale(inverse[r], out, out, a.shape.value);
  }
}

// Packs the keys that a segment sees into panels. The panel in which a branch leaves its root is
// gathered first.
void pack_keys(const AttentionTensors& a, const Segment& segment, int kv_head,
               const Scratch& scratch) {
  const int width = a.key_width(), own = a.shape.own, shared = a.shape.shared;
  for (int u = 0; u < segment.seen(); u += kPanel) {
    const int count = std::min(kPanel, segment.seen() - u), row = segment.row(u);
    float* panel = scratch.keys + size_t(u) * size_t(width);
    if (segment.row(u + count - 1) != row + count - 1) {
      for (int i = 0; i < count; ++i)
        a.copy_key(segment.row(u + i), kv_head, scratch.key_rows + size_t(i) * size_t(width));
      kernels().pack_transposed(scratch.key_rows, size_t(width), count, width, panel);
      continue;
    }
    kernels().pack_transposed(a.own_key(row, kv_head), a.keys.stride, count, own, panel);
    if (shared)
      kernels().pack_transposed(a.shared_keys.row(row), a.shared_keys.stride, count, shared,
                                panel + size_t(own) * kPanel);
  }
}

HeadMemory pack_segment(const AttentionTensors& a, const Segment& segment, int kv_head,
                        const Scratch& scratch) {
  const int seen = segment.seen();
  pack_keys(a, segment, kv_head, scratch);
  for (int i = 0; i < seen; ++i) scratch.value_rows[i] = segment.row(i);
  kernels().pack_rows(a.value(0, kv_head), a.values.stride, scratch.value_rows, seen, a.shape.value,
                      scratch.values);
  return {scratch.keys, scratch.values, size_t(seen) * kPanel, kPanel};
}

void attention_forward(Run& run, const AttentionTensors& a, SoftmaxStatistics statistics) {
  const auto& segments = run.batch.segments();
  const LongestSegment longest(segments);
  const size_t padded = size_t(round_up(longest.seen, kPanel)), width = size_t(a.key_width());
  const size_t tile = size_t(std::min(longest.count, kQueryTile));
  ScratchPlan plan{tile * width, tile * padded, padded * width,
                   padded * size_t(round_up(a.shape.value, kPanel)), width * kPanel};
  for (size_t* part : {&plan.scaled, &plan.scores, &plan.keys, &plan.values, &plan.key_rows})
    *part = (*part + 15) / 16 * 16;
  ArenaScope scope(run.arena);
  float* base = run.arena.floats(plan.total() * size_t(run.pool.threads()));
  int* rows = run.arena.array<int>(size_t(longest.seen) * size_t(run.pool.threads()));
  run.pool.parallel_for(int(segments.size()) * a.shape.kv_heads, [&](int task, int thread) {
    int kv_head = task % a.shape.kv_heads;
    const Segment& segment = segments[size_t(task / a.shape.kv_heads)];
    Scratch scratch = plan.of(base, rows, longest.seen, thread);
    HeadMemory memory = pack_segment(a, segment, kv_head, scratch);
    for (int g = 0; g < a.group(); ++g)
      for (int t = 0; t < segment.count; t += kQueryTile)
        attend_tile(a, segment, kv_head * a.group() + g, t, std::min(t + kQueryTile, segment.count),
                    memory, scratch, statistics);
  });
}

}  // namespace

Tensor attend(Run& run, Tensor q, Tensor keys, Tensor shared_keys, Tensor values,
              const AttentionShape& shape, const TokenChoice& choice) {
  const Zone zone("attend");
  CHECK_EQ(q.cols, shape.heads * (shape.own + shape.shared));
  CHECK_EQ(shape.heads % shape.kv_heads, 0);
  CHECK_EQ(q.rows, run.batch.size());
  CHECK(!(run.cache && (run.tape || run.batch.has_branches())));
  AttentionTensors a{q,     keys,  shared_keys, values, run.make(q.rows, shape.heads * shape.value),
                     shape, choice};
  SoftmaxStatistics statistics;
  if (run.tape) {
    statistics.top = run.arena.floats(size_t(shape.heads) * size_t(q.rows));
    statistics.inverse_sum = run.arena.floats(size_t(shape.heads) * size_t(q.rows));
  }
  if (run.cache && is_streamed(run, run.cache->view(shape.layer, run.batch.segments()[0].sequence)))
    stream_over_cache(run, a);
  else if (run.cache)
    attention_over_cache(run, a);
  else
    attention_forward(run, a, statistics);
  run.record([a, statistics, workers = Workers{&run.arena, &run.pool}, batch = &run.batch] {
    if (a.y.reached()) attention_backward(workers, a, batch->segments(), statistics);
  });
  return a.y;
}

Tensor attend_all(Run& run, Tensor q, Tensor keys, Tensor values, const AttentionShape& shape) {
  const Zone zone("attend");
  CHECK_EQ(q.cols, shape.heads * shape.own);
  CHECK_EQ(shape.heads % shape.kv_heads, 0);
  CHECK_EQ(q.rows, run.batch.size());
  CHECK(!run.cache && !run.tape && !run.batch.has_branches() && shape.shared == 0);
  const AttentionTensors a{.q = q,
                           .keys = keys,
                           .shared_keys = {},
                           .values = values,
                           .y = run.make(q.rows, shape.heads * shape.value),
                           .shape = shape,
                           .choice = {},
                           .sees_ahead = true};
  attention_forward(run, a, {});
  return a.y;
}

}  // namespace weir
