// Attention over a window and entries, backward. With p the probabilities, the sink's p0 among them
// but without a row: dP = dY rows^T, dS = p (dP - sum of p dP), dq = scale dS rows, drows = scale
// dS^T q + p^T dY, dsink = -p0 sum of p dP.
#include <vector>

#include "ops/attention/window_rows.h"

namespace weir {
namespace {

// What the first step keeps of each query for the second, [heads][stride] each.
struct Kept {
  float *p, *ds;
  size_t* at;  // [rows + 1] where a query's begin
};

void query_backward(const WindowTensors& a, int row, const Seen& seen, const WindowScratch& own,
                    float* p, float* ds, float* dsink, float* inverse) {
  const int heads = a.shape.heads, count = seen.count();
  const size_t stride = size_t(round_up(count, kPanel));
  gather_rows(a, seen, own.rows);
  window_probabilities(a, row, count, 0, heads, own, inverse, dsink);
  for (int h = 0; h < heads; ++h)
    kernels().scale(inverse[h], own.scores + size_t(h) * stride, p + size_t(h) * stride, count);
  multiply_panels(own, a.y.grad_row(row), a.shape.width, stride, heads, ds);
  for (int h = 0; h < heads; ++h) {
    float *ph = p + size_t(h) * stride, *dh = ds + size_t(h) * stride;
    const float total = kernels().dot(ph, dh, count);
    kernels().softmax_backward(ph, dh, total, dh, count);
    kernels().scale(a.shape.scale, dh, dh, count);
    dsink[h] *= -total;
  }
}

void query_gradient(const WindowTensors& a, int row, int count, const float* ds, bool add,
                    const WindowScratch& own) {
  const size_t width = size_t(a.shape.width);
  kernels().gemm({.left = ds,
                  .left_row = size_t(round_up(count, kPanel)),
                  .left_inner = 1,
                  .panels = own.rows,
                  .panel_stride = kPanel,
                  .inner_stride = width,
                  .out = a.q.grad_row(row),
                  .out_row = width,
                  .rows = a.shape.heads,
                  .cols = a.shape.width,
                  .inner = count,
                  .accumulate = add,
                  .scratch = own.gemm});
}

// Columns [begin, begin + columns) of the gradients of what a query saw: rows [first, first +
// count) of its list, which stand one behind another at `to`.
void add_rows(const WindowTensors& a, int row, const Kept& kept, const Seen& seen, int first,
              int count, float* to, size_t to_row, int begin, int columns, float* scratch) {
  const size_t stride = size_t(round_up(seen.count(), kPanel)), width = size_t(a.shape.width);
  const size_t at = kept.at[row] + size_t(first);
  for (const auto& [left, right] :
       {std::pair<const float*, const float*>(kept.ds + at, a.q.row(row)),
        {kept.p + at, a.y.grad_row(row)}})
    kernels().gemm({.left = left,
                    .left_row = 1,
                    .left_inner = stride,
                    .panels = right + begin,
                    .panel_stride = kPanel,
                    .inner_stride = width,
                    .out = to + begin,
                    .out_row = to_row,
                    .rows = count,
                    .cols = columns,
                    .inner = a.shape.heads,
                    .accumulate = true,
                    .scratch = scratch});
}

void clear(const Tensor& t) {
  if (t.accumulate()) return;
  for (int r = 0; r < t.rows; ++r) std::memset(t.grad_row(r), 0, sizeof(float) * size_t(t.cols));
}

// Of all queries of some segments, in order.
void rows_backward(const WindowTensors& a, const Kept& kept, int first_segment, int end_segment,
                   int begin, int columns, float* scratch) {
  for (int i = first_segment; i < end_segment; ++i) {
    const Segment& s = a.batch->segments()[size_t(i)];
    for (int row = s.begin; row < s.begin + s.count; ++row) {
      const Seen seen = seen_by(a, row);
      for (int p = seen.first, count; p <= seen.position; p += count) {
        count = (p < s.shared() ? std::min(s.shared(), seen.position + 1) : seen.position + 1) - p;
        add_rows(a, row, kept, seen, p - seen.first, count, a.rows.grad_row(s.row(p)),
                 a.rows.stride, begin, columns, scratch);
      }
      if (seen.entries == 0) continue;
      const Tensor& entries = a.entries.rows;
      const int base = a.entries.begin[seen.segment];
      for (int e = 0, count; e < seen.entries; e += count) {
        count = seen.chosen ? 1 : seen.entries;
        add_rows(a, row, kept, seen, seen.window() + e, count,
                 entries.grad_row(base + seen.entry(e)), entries.stride, begin, columns, scratch);
      }
    }
  }
}

}  // namespace

void window_backward(Workers workers, const WindowTensors& a) {
  constexpr int kColumns = 2 * kPanel;
  Arena& arena = *workers.arena;
  ThreadPool& pool = *workers.pool;
  ArenaScope scope(arena);
  const int rows = a.q.rows, heads = a.shape.heads, most = most_seen(a);
  Kept kept{nullptr, nullptr, arena.array<size_t>(size_t(rows) + 1)};
  kept.at[0] = 0;
  for (int r = 0; r < rows; ++r)
    kept.at[r + 1] = kept.at[r] + size_t(heads) * size_t(round_up(seen_by(a, r).count(), kPanel));
  kept.p = arena.floats(kept.at[rows]);
  kept.ds = arena.floats(kept.at[rows]);
  float* dsinks = arena.floats(size_t(rows) * size_t(heads));
  const size_t room = WindowScratch::floats(a.shape, most) + size_t(round_up(heads, 16));
  float* rooms = arena.floats(room * size_t(pool.threads()));
  const bool add_q = a.q.accumulate();
  pool.parallel_for(rows, [&](int row, int thread) {
    float* base = rooms + room * size_t(thread);
    const WindowScratch own(base, a.shape, most);
    const Seen seen = seen_by(a, row);
    float *p = kept.p + kept.at[row], *ds = kept.ds + kept.at[row];
    query_backward(a, row, seen, own, p, ds, dsinks + size_t(row) * size_t(heads),
                   base + WindowScratch::floats(a.shape, most));
    query_gradient(a, row, seen.count(), ds, add_q, own);
  });
  clear(a.rows);
  if (a.shape.ratio > 0 || a.shape.sees_block) clear(a.entries.rows);
  // Segments share no rows, but with branches, or entries of several, all belong together.
  const int segments = int(a.batch->segments().size());
  const int groups = a.batch->has_branches() || a.shape.sees_block ? 1 : segments;
  const int slices = div_up(a.shape.width, kColumns);
  pool.parallel_for(groups * slices, [&](int task, int thread) {
    const int group = task / slices, begin = task % slices * kColumns;
    rows_backward(a, kept, groups == 1 ? 0 : group, groups == 1 ? segments : group + 1, begin,
                  std::min(kColumns, a.shape.width - begin), rooms + room * size_t(thread));
  });
  if (float* gradient = a.sinks->grad())
    for (int r = 0; r < rows; ++r)
      kernels().add(gradient, dsinks + size_t(r) * size_t(heads), gradient, heads);
}

}  // namespace weir
