// Causal attention, backward. In the forward pass this was, per head:
//   s = scale * q k^T,  p = softmax(s) over visible keys,  y = p v
// so with dy:  dp = dy v^T,  ds = p * (dp - dy . y),  dq = scale * ds k,  dk = ds^T (scale * q),
// dv = p^T dy. Tokens that were not chosen have p = 0 and so no part in any of this. Probabilities
// are made again from the kept row statistics, tile by tile. A segment and its branches are one
// task a head, in order, so that what they add to the gradients of shared keys has one order.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"

namespace weir {
namespace {

struct Scratch {
  float* gemm;
  float* scaled;        // [tile][width] queries times scale
  float* p;             // [tile][keys]
  float* ds;            // [tile][keys]
  float* dq;            // [tile][width]
  float* key_rows;      // [keys][width]
  float* key_panels;    // [keys / 32][width][32]
  float* value_panels;  // [keys / 32][value][32]
  float* dk;            // [keys][width]
  float* dv;            // [keys][value]
};

// One for each thread.
std::vector<Scratch> make_scratch(Workers workers, const AttentionTensors& a,
                                  const LongestSegment& longest) {
  const size_t width = size_t(a.key_width()), value = size_t(a.shape.value);
  const size_t tile = size_t(std::min(longest.count, kQueryTile));
  const size_t keys = size_t(round_up(longest.seen, kPanel));
  auto floats = [&](size_t count) { return workers.arena->floats(count); };
  std::vector<Scratch> all;
  for (int thread = 0; thread < workers.pool->threads(); ++thread)
    all.push_back({.gemm = floats(kGemmScratch),
                   .scaled = floats(tile * width),
                   .p = floats(tile * keys),
                   .ds = floats(tile * keys),
                   .dq = floats(tile * width),
                   .key_rows = floats(keys * width),
                   .key_panels = floats(keys * width),
                   .value_panels = floats(keys * value),
                   .dk = floats(keys * width),
                   .dv = floats(keys * value)});
  return all;
}

void add_row(const float* from, float* to, bool add, float factor, int n) {
  if (add)
    kernels().axpy(factor, from, to, n);
  else
    kernels().scale(factor, from, to, n);
}

struct Flags {
  bool add_q, add_keys, add_values;
};

// A segment and its branches: [begin, end) of the segments. One thread takes them for one head, so
// a batch needs about as many families times heads as there are threads.
struct Family {
  size_t begin, end;
};
std::vector<Family> families_of(std::span<const Segment> segments) {
  std::vector<Family> families;
  for (size_t s = 0; s < segments.size(); ++s) {
    if (segments[s].root < 0) families.push_back({s, s});
    families.back().end = s + 1;
  }
  return families;
}

void backward_tile(const AttentionTensors& a, const Segment& segment, int head, int t0, int t1,
                   const Scratch& s, SoftmaxStatistics statistics, bool add_q) {
  const int past = segment.shared(), keys = past + t1, count = t1 - t0;
  const int first_row = segment.begin + t0;
  const int width = a.key_width(), value = a.shape.value;
  const size_t stride = size_t(round_up(keys, kPanel));
  attention_scores(a, head, first_row, count, s.key_panels, keys, s.scaled, s.p, stride, s.gemm);
  const float* dy = a.y.grad_row(first_row) + head * value;
  kernels().gemm({.left = dy,
                  .left_row = a.y.stride,
                  .left_inner = 1,
                  .panels = s.value_panels,
                  .panel_stride = size_t(value) * kPanel,
                  .inner_stride = kPanel,
                  .out = s.ds,
                  .out_row = stride,
                  .rows = count,
                  .cols = int(stride),
                  .inner = value,
                  .scratch = s.gemm});
  for (int r = 0; r < count; ++r) {
    size_t at = size_t(head) * size_t(a.q.rows) + size_t(first_row + r);
    float* p = s.p + size_t(r) * stride;
    float* ds = s.ds + size_t(r) * stride;
    int visible = past + t0 + r + 1;
    drop_unchosen(a.choice, first_row + r, visible, p);
    kernels().exp_sum(p, statistics.top[at], visible);
    kernels().scale(statistics.inverse_sum[at], p, p, visible);
    float total = kernels().dot(a.y.grad_row(first_row + r) + head * value,
                                a.y.row(first_row + r) + head * value, value);
    kernels().softmax_backward(p, ds, total, ds, visible);
    std::memset(p + visible, 0, sizeof(float) * (stride - size_t(visible)));
    std::memset(ds + visible, 0, sizeof(float) * (stride - size_t(visible)));
  }
  kernels().gemm({.left = s.ds,
                  .left_row = stride,
                  .left_inner = 1,
                  .panels = s.key_rows,
                  .panel_stride = kPanel,
                  .inner_stride = size_t(width),
                  .out = s.dq,
                  .out_row = size_t(width),
                  .rows = count,
                  .cols = width,
                  .inner = keys,
                  .scratch = s.gemm});
  for (int r = 0; r < count; ++r)
    add_row(s.dq + size_t(r) * size_t(width), a.q.grad_row(first_row + r) + head * width, add_q,
            a.shape.scale, width);
  kernels().gemm({.left = s.p,
                  .left_row = 1,
                  .left_inner = stride,
                  .panels = dy,
                  .panel_stride = kPanel,
                  .inner_stride = a.y.stride,
                  .out = s.dv,
                  .out_row = size_t(value),
                  .rows = keys,
                  .cols = value,
                  .inner = count,
                  .accumulate = true,
                  .scratch = s.gemm});
  kernels().gemm({.left = s.ds,
                  .left_row = 1,
                  .left_inner = stride,
                  .panels = s.scaled,
                  .panel_stride = kPanel,
                  .inner_stride = size_t(width),
                  .out = s.dk,
                  .out_row = size_t(width),
                  .rows = keys,
                  .cols = width,
                  .inner = count,
                  .accumulate = true,
                  .scratch = s.gemm});
}

// One key/value head of one segment: its query heads in order, its tiles in order.
void backward_head(const AttentionTensors& a, const Segment& segment, int kv_head, const Scratch& s,
                   SoftmaxStatistics statistics, const Flags& flags, float* d_shared) {
  const int width = a.key_width(), own = a.shape.own, shared = a.shape.shared,
            value = a.shape.value;
  const int n = segment.seen();
  for (int u = 0; u < n; ++u) {
    a.copy_key(segment.row(u), kv_head, s.key_rows + size_t(u) * size_t(width));
    std::memcpy(s.dv + size_t(u) * size_t(value), a.value(segment.row(u), kv_head),
                sizeof(float) * size_t(value));
  }
  kernels().pack_transposed(s.key_rows, size_t(width), n, width, s.key_panels);
  kernels().pack_transposed(s.dv, size_t(value), n, value, s.value_panels);
  std::memset(s.dk, 0, sizeof(float) * size_t(n) * size_t(width));
  std::memset(s.dv, 0, sizeof(float) * size_t(n) * size_t(value));
  for (int g = 0; g < a.group(); ++g)
    for (int t = 0; t < segment.count; t += kQueryTile)
      backward_tile(a, segment, kv_head * a.group() + g, t, std::min(t + kQueryTile, segment.count),
                    s, statistics, flags.add_q);
  for (int u = 0; u < n; ++u) {
    const int row = segment.row(u);
    const bool is_stored = u < segment.shared();  // by the root
    const float* dk = s.dk + size_t(u) * size_t(width);
    add_row(dk, a.keys.grad_row(row) + kv_head * a.shape.key_step, flags.add_keys || is_stored, 1,
            own);
    add_row(s.dv + size_t(u) * size_t(value),
            a.values.grad_row(row) + kv_head * a.shape.value_step + a.shape.value_offset,
            flags.add_values || is_stored, 1, value);
    if (shared)
      add_row(dk + own,
              d_shared + (size_t(kv_head) * size_t(a.q.rows) + size_t(row)) * size_t(shared),
              is_stored, 1, shared);
  }
}

}  // namespace

void attention_backward(Workers workers, const AttentionTensors& a,
                        std::span<const Segment> segments, SoftmaxStatistics statistics) {
  ArenaScope scope(*workers.arena);
  const std::vector<Scratch> scratch = make_scratch(workers, a, LongestSegment(segments));
  const std::vector<Family> families = families_of(segments);
  const int heads = a.shape.kv_heads, shared = a.shape.shared;
  float* d_shared =
      shared ? workers.arena->floats(size_t(heads) * size_t(a.q.rows) * size_t(shared)) : nullptr;
  Flags flags{a.q.accumulate(), a.keys.accumulate(), false};
  flags.add_values = a.values.grad == a.keys.grad ? flags.add_keys : a.values.accumulate();

  workers.pool->parallel_for(int(families.size()) * heads, [&](int task, int thread) {
    const Family& family = families[size_t(task / heads)];
    for (size_t s = family.begin; s < family.end; ++s)
      backward_head(a, segments[s], task % heads, scratch[size_t(thread)], statistics, flags,
                    d_shared);
  });
  if (!shared) return;
  bool add = a.shared_keys.accumulate();  // every head turned the same keys: sum in order of heads
  for_chunks(*workers.pool, a.q.rows, 256, [&](int begin, int end, int) {
    for (int row = begin; row < end; ++row)
      for (int h = 0; h < heads; ++h)
        add_row(d_shared + (size_t(h) * size_t(a.q.rows) + size_t(row)) * size_t(shared),
                a.shared_keys.grad_row(row), add || h > 0, 1, shared);
  });
}

}  // namespace weir
