// Causal attention inside the batch, forward. Over the cached past (cached_attention.cpp) the same
// key panels are walked in the same order, so a decoded token has the bits of this forward.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/attention_core.h"

namespace weir {

void pack_keys(const AttentionTensors& a, const Segment& segment, int kv_head, float* panels) {
  const int width = a.key_width(), own = a.shape.own, shared = a.shape.shared;
  for (int u = 0; u < segment.count; u += kPanel) {
    int count = std::min(kPanel, segment.count - u), row = segment.begin + u;
    float* panel = panels + size_t(u / kPanel) * size_t(width) * kPanel;
    kernels().pack_transposed(a.own_key(row, kv_head), a.keys.stride, count, own, panel);
    if (shared)
      kernels().pack_transposed(a.shared_keys.row(row), a.shared_keys.stride, count, shared,
                                panel + size_t(own) * kPanel);
  }
}

void attention_scores(const AttentionTensors& a, int head, int first_row, int count,
                      const float* key_panels, int keys, float* scaled, float* out, size_t stride,
                      float* gemm_scratch) {
  const int width = a.key_width();
  for (int r = 0; r < count; ++r)
    kernels().scale(a.shape.scale, a.query(first_row + r, head), scaled + size_t(r) * size_t(width),
                    width);
  Gemm g{};
  g.left = scaled;
  g.left_row = size_t(width);
  g.left_inner = 1;
  g.panels = key_panels;
  g.panel_stride = size_t(width) * kPanel;
  g.inner_stride = kPanel;
  g.out = out;
  g.out_row = stride;
  g.rows = count;
  g.cols = round_up(keys, kPanel);
  g.inner = width;
  g.scratch = gemm_scratch;
  kernels().gemm(g);
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
};

struct ScratchPlan {
  size_t scaled, scores, keys, values;
  size_t total() const { return kGemmScratch + scaled + scores + keys + values; }
  Scratch of(float* base, int thread) const {
    float* p = base + size_t(thread) * total();
    return {p, p + kGemmScratch, p + kGemmScratch + scaled, p + kGemmScratch + scaled + scores,
            p + kGemmScratch + scaled + scores + keys};
  }
};

// Queries [t0, t1) of a segment, one head.
void attend_tile(const AttentionTensors& a, const Segment& segment, int head, int t0, int t1,
                 const HeadMemory& memory, const Scratch& scratch, SoftmaxStatistics statistics) {
  const int keys = t1, count = t1 - t0, first_row = segment.begin + t0;
  const size_t stride = size_t(round_up(keys, kPanel));
  attention_scores(a, head, first_row, count, memory.key_panels, keys, scratch.scaled,
                   scratch.scores, stride, scratch.gemm);
  float inverse[kQueryTile];
  for (int r = 0; r < count; ++r) {
    float* row = scratch.scores + size_t(r) * stride;
    int visible = t0 + r + 1;
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
  Gemm g{};
  g.left = scratch.scores;
  g.left_row = stride;
  g.left_inner = 1;
  g.panels = memory.values;
  g.panel_stride = memory.value_panel_stride;
  g.inner_stride = memory.value_inner_stride;
  g.out = a.y.row(first_row) + head * a.shape.value;
  g.out_row = a.y.stride;
  g.rows = count;
  g.cols = a.shape.value;
  g.inner = keys;
  g.scratch = scratch.gemm;
  kernels().gemm(g);
  for (int r = 0; r < count; ++r) {
    float* out = a.y.row(first_row + r) + head * a.shape.value;
    kernels().scale(inverse[r], out, out, a.shape.value);
  }
}

HeadMemory pack_segment(const AttentionTensors& a, const Segment& segment, int kv_head,
                        const Scratch& scratch) {
  pack_keys(a, segment, kv_head, scratch.keys);
  kernels().pack_rows(a.value(segment.begin, kv_head), a.values.stride, nullptr, segment.count,
                      a.shape.value, scratch.values);
  return {scratch.keys, scratch.values, size_t(segment.count) * kPanel, kPanel};
}

void attention_forward(Run& run, const AttentionTensors& a, SoftmaxStatistics statistics) {
  const auto& segments = run.batch.segments();
  int longest = 0;
  for (const Segment& s : segments) longest = std::max(longest, s.count);
  const size_t padded = size_t(round_up(longest, kPanel)), width = size_t(a.key_width());
  const size_t tile = size_t(std::min(longest, kQueryTile));
  ScratchPlan plan{tile * width, tile * padded, padded * width,
                   padded * size_t(round_up(a.shape.value, kPanel))};
  for (size_t* part : {&plan.scaled, &plan.scores, &plan.keys, &plan.values})
    *part = (*part + 15) / 16 * 16;
  ArenaScope scope(run.arena);
  float* base = run.arena.floats(plan.total() * size_t(run.pool.threads()));
  run.pool.parallel_for(int(segments.size()) * a.shape.kv_heads, [&](int task, int thread) {
    int kv_head = task % a.shape.kv_heads;
    const Segment& segment = segments[size_t(task / a.shape.kv_heads)];
    Scratch scratch = plan.of(base, thread);
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
  CHECK_EQ(q.cols, shape.heads * (shape.own + shape.shared));
  CHECK_EQ(shape.heads % shape.kv_heads, 0);
  CHECK_EQ(q.rows, run.batch.size());
  CHECK(!(run.tape && run.cache));
  AttentionTensors a{q,     keys,  shared_keys, values, run.make(q.rows, shape.heads * shape.value),
                     shape, choice};
  SoftmaxStatistics statistics;
  if (run.tape) {
    statistics.top = run.arena.floats(size_t(shape.heads) * size_t(q.rows));
    statistics.inverse_sum = run.arena.floats(size_t(shape.heads) * size_t(q.rows));
  }
  if (run.cache)
    attention_over_cache(run, a);
  else
    attention_forward(run, a, statistics);
  run.record([a, statistics, workers = Workers{&run.arena, &run.pool}, batch = &run.batch] {
    if (a.y.reached())
      attention_backward(workers, a, batch->segments().data(), int(batch->segments().size()),
                         statistics);
  });
  return a.y;
}

}  // namespace weir
