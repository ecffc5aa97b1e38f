#include "ops/stored_matmul.h"

#include <algorithm>

#include "base/check.h"
#include "base/div_up.h"

namespace weir {
namespace {

// Left rows of one task: enough to pay for decoding the weight again for the next ones.
constexpr int kTaskRows = 256;
// Weight rows of one task at most, and of what they are a multiple: as many as the kernel decodes
// together.
constexpr int kTaskColumns = 48, kTaskStep = 8;
// The part of a weight that a task of dy W decodes at once: [64][256] floats, in rows that begin in
// different sets of the cache.
constexpr int kPartRows = 64, kPartColumns = 256, kPartStride = kPartColumns + 16;

int parts(int total, int size) { return div_up(total, size); }

// The products of all groups that have rows, cut into tasks of left rows and columns of out.
struct Tasks {
  int* group;  // [count] numbers of the groups
  int* first;  // [count + 1] tasks before each
  int count = 0, columns, row_step, column_step;

  Tasks(Arena& arena, bool is_dry, int groups, const int* begin, int columns_, int row_step_,
        int column_step_)
      : group(arena.array<int>(size_t(groups))),
        first(arena.array<int>(size_t(groups) + 1)),
        columns(columns_),
        row_step(row_step_),
        column_step(column_step_) {
    if (is_dry) return;
    first[0] = 0;
    for (int i = 0; i < groups; ++i) {
      const int rows = begin[i + 1] - begin[i];
      if (rows == 0) continue;
      group[count++] = i;
      first[count] = first[count - 1] + parts(rows, row_step) * parts(columns, column_step);
    }
  }

  // body(group, row, rows, column, columns, thread), rows counted within the group.
  template <class Body>
  void run(ThreadPool& pool, const int* begin, const Body& body) const {
    pool.parallel_for(first[count], [&](int task, int thread) {
      const int at = int(std::upper_bound(first, first + count + 1, task) - first) - 1;
      const int wide = parts(columns, column_step), within = task - first[at], i = group[at];
      const int row = within / wide * row_step, column = within % wide * column_step;
      body(i, row, std::min(row_step, begin[i + 1] - begin[i] - row), column,
           std::min(column_step, columns - column), thread);
    });
  }
};

// Columns of a task: a few tasks for each thread, of sizes the kernel likes.
int task_columns(const Matrix& w, int groups, int threads) {
  const int fair = parts(w.group_rows() * groups, 4 * threads);
  return std::clamp(parts(fair, kTaskStep) * kTaskStep, kTaskStep, kTaskColumns);
}

size_t scales_per_row(const Matrix& w) { return size_t(parts(w.cols, kScaleSquare)); }

BlockGemm product(const Matrix& w, int group) {
  BlockGemm g{};
  g.type = w.type;
  g.weights = w.parts[size_t(group)];
  g.weight_row = type_bytes(w.type, size_t(w.cols));
  if (w.type == WeightType::f8_e4m3) g.scales = w.scales[size_t(group)];
  g.scales_row = scales_per_row(w);
  g.inner = w.cols;
  return g;
}

// Rows of x rounded for w, from row `first` on; each lies at (row - first) * bytes.
struct Rounded {
  const uint8_t* data = nullptr;
  size_t bytes = 0;
};

Rounded round_rows(Workers workers, Rows x, int first, int count, WeightType type) {
  const size_t bytes = rounded_row_bytes(x.cols);
  uint8_t* data = workers.arena->array<uint8_t>(bytes * size_t(count));
  for_chunks(*workers.pool, count, row_grain(x.cols), [&](int begin, int end, int) {
    for (int m = begin; m < end; ++m)
      kernels().round_left(type, x.data + size_t(first + m) * x.stride, x.cols,
                           data + size_t(m) * bytes);
  });
  return {data, bytes};
}

}  // namespace

void stored_multiply(Workers workers, int first, int count, const int* begin, Rows x,
                     const int* gather, const Matrix& w, Rows out, bool accumulate) {
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  float* scratch = workers.arena->floats(kGemmScratch * size_t(pool.threads()));
  Rounded rounded;
  if (!workers.exact && type_traits(w.type).block > 1)
    rounded = gather ? round_rows(workers, x, 0, x.rows, w.type)
                     : round_rows(workers, x, begin[0], out.rows, w.type);
  const Tasks tasks(*workers.arena, pool.is_dry(), count, begin, w.group_rows(), kTaskRows,
                    task_columns(w, count, pool.threads()));
  tasks.run(pool, begin, [&](int i, int row, int rows, int column, int columns, int thread) {
    const int at = begin[i] + row;
    BlockGemm g = product(w, first + i);
    g.weights = static_cast<const char*>(g.weights) + size_t(column) * g.weight_row;
    g.first = column;
    g.rows = rows;
    g.cols = columns;
    g.left = gather ? x.data : x.data + size_t(at) * x.stride;
    g.left_row = x.stride;
    g.left_rows = gather ? gather + at : nullptr;
    if (rounded.data) {
      g.rounded = gather ? rounded.data : rounded.data + size_t(at - begin[0]) * rounded.bytes;
      g.rounded_row = rounded.bytes;
    }
    g.out = out.data + size_t(at) * out.stride + column;
    g.out_row = out.stride;
    g.accumulate = accumulate;
    g.scratch = scratch + size_t(thread) * kGemmScratch;
    kernels().block_gemm(g);
  });
}

void stored_multiply_transposed(Workers workers, int first, int count, const int* begin, Rows dy,
                                const Matrix& w, Rows dx, bool accumulate) {
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  constexpr size_t kPart = size_t(kPartRows) * kPartStride;
  float* scratch = workers.arena->floats((kGemmScratch + kPart) * size_t(pool.threads()));
  const Tasks tasks(*workers.arena, pool.is_dry(), count, begin, w.cols, kTaskRows, kPartColumns);
  tasks.run(pool, begin, [&](int i, int row, int rows, int column, int columns, int thread) {
    const BlockGemm stored = product(w, first + i);
    const char* from =
        static_cast<const char*>(stored.weights) + type_bytes(w.type, size_t(column));
    Gemm g{};
    g.scratch = scratch + (kGemmScratch + kPart) * size_t(thread);
    float* part = g.scratch + kGemmScratch;
    g.left_row = dy.stride;
    g.left_inner = 1;
    g.panels = part;
    g.panel_stride = kPanel;
    g.inner_stride = kPartStride;
    g.out = dx.data + size_t(begin[i] + row) * dx.stride + column;
    g.out_row = dx.stride;
    g.rows = rows;
    g.cols = columns;
    for (int n = 0; n < w.group_rows(); n += kPartRows) {
      g.inner = std::min(kPartRows, w.group_rows() - n);
      for (int k = 0; k < g.inner; ++k)
        kernels().dequantize(
            w.type, from + size_t(n + k) * stored.weight_row,
            stored.scales ? stored.scales + size_t((n + k) / kScaleSquare) * stored.scales_row +
                                column / kScaleSquare
                          : nullptr,
            part + k * kPartStride, size_t(columns));
      g.left = dy.data + size_t(begin[i] + row) * dy.stride + n;
      g.accumulate = accumulate || n > 0;
      kernels().gemm(g);
    }
  });
}

}  // namespace weir
