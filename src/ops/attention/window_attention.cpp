// Attention over a window and entries, forward. Every query gathers its rows and is computed by
// itself, so a decoded token has the bits of the packed forward.
#include "ops/attention/window_rows.h"

namespace weir {

void window_probabilities(const WindowTensors& a, int row, int count, int h0, int h1,
                          const WindowScratch& own, float* inverse, float* sink_share) {
  const size_t width = size_t(a.shape.width), stride = size_t(round_up(count, kPanel));
  const int heads = h1 - h0;
  kernels().pack_transposed(own.rows, width, count, a.shape.width, own.panels);
  kernels().scale(a.shape.scale, a.q.row(row) + size_t(h0) * width, own.scaled,
                  heads * a.shape.width);
  multiply_panels(own, own.scaled, a.shape.width, stride, heads, own.scores);
  for (int h = 0; h < heads; ++h) {
    float* scores = own.scores + size_t(h) * stride;
    float sink = a.sinks->f32()[h0 + h];
    const float top = std::max(kernels().max(scores, count), sink);
    const float sum = kernels().exp_sum(scores, top, count);
    kernels().exp_sum(&sink, top, 1);
    inverse[h] = 1 / (sum + sink);
    if (sink_share) sink_share[h] = sink * inverse[h];
  }
}

namespace {

constexpr int kHeadsLeast = 8;  // of a task

void attend_row(const WindowTensors& a, int row, int h0, int h1, const WindowScratch& own,
                float* inverse) {
  const Seen seen = seen_by(a, row);
  const int count = seen.count();
  const size_t width = size_t(a.shape.width);
  gather_rows(a, seen, own.rows);
  window_probabilities(a, row, count, h0, h1, own, inverse, nullptr);
  float* out = a.y.row(row) + size_t(h0) * width;
  kernels().gemm({.left = own.scores,
                  .left_row = size_t(round_up(count, kPanel)),
                  .left_inner = 1,
                  .panels = own.rows,
                  .panel_stride = kPanel,
                  .inner_stride = width,
                  .out = out,
                  .out_row = width,
                  .rows = h1 - h0,
                  .cols = a.shape.width,
                  .inner = count,
                  .scratch = own.gemm});
  for (int h = 0; h < h1 - h0; ++h)
    kernels().scale(inverse[h], out + size_t(h) * width, out + size_t(h) * width, a.shape.width);
}

void keep_rows(Run& run, const Tensor& rows, const WindowShape& shape) {
  for (const Segment& s : run.batch.segments()) {
    const CacheView view = run.cache->view(shape.layer, s.sequence);
    CHECK_LE(s.position + s.count, view.capacity);
    run.pool.run_here([&] {
      for (int i = 0; i < s.count; ++i) {
        const KeptRows kept = window_rows(view, s.position + i);
        encode_row(*kept.format, rows.row(s.begin + i), kept.data);
      }
    });
  }
}

}  // namespace

Tensor attend_window(Run& run, Tensor q, Tensor rows, const Entries& entries,
                     const TokenChoice& choice, const Matrix& sinks, const WindowShape& shape) {
  const Zone zone("attend_window");
  CHECK_EQ(q.cols, shape.heads * shape.width);
  CHECK_EQ(rows.cols, shape.width);
  CHECK_EQ(sinks.cols, shape.heads);
  CHECK(sinks.type == WeightType::f32);
  CHECK(!shape.sees_block || (!run.cache && !run.batch.has_branches()));
  if (run.cache) keep_rows(run, rows, shape);
  const WindowTensors a{
      q, rows, run.make(q.rows, q.cols), entries, choice, &sinks, shape, &run.batch, run.cache};
  {
    ArenaScope scope(run.arena);
    const int most = most_seen(a), threads = run.pool.threads();
    const size_t room = WindowScratch::floats(shape, most) + size_t(round_up(shape.heads, 16));
    float* rooms = run.arena.floats(room * size_t(threads));
    // Few rows: threads share the heads of one.
    const int parts =
        std::clamp(2 * threads / std::max(1, q.rows), 1, std::max(1, shape.heads / kHeadsLeast));
    run.pool.parallel_for(q.rows * parts, [&](int task, int thread) {
      const int row = task / parts, part = task % parts;
      float* base = rooms + room * size_t(thread);
      const WindowScratch own(base, shape, most);
      attend_row(a, row, part * shape.heads / parts, (part + 1) * shape.heads / parts, own,
                 base + WindowScratch::floats(shape, most));
    });
  }
  run.record([a, workers = Workers{&run.arena, &run.pool}] {
    if (a.y.reached()) window_backward(workers, a);
  });
  return a.y;
}

}  // namespace weir
