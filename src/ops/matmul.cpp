#include "ops/matmul.h"

#include <algorithm>

#include "base/check.h"
#include "base/div_up.h"
#include "ops/stored_matmul.h"
#include "tensor/packed.h"

namespace weir {
namespace {

// Block sizes: a block of left rows and a strip of panels stay in the second-level cache while the
// kernel walks them. Small products get smaller blocks, so that every thread has work.
constexpr int kRowBlock = 240;
constexpr int kPanelBlock = 8;

int panel_count(int columns) { return div_up(columns, kPanel); }

// One grid of (row block x panel block) tasks.
struct Grid {
  int row_block, panel_block, row_tasks, panel_tasks;
  int tasks() const { return row_tasks * panel_tasks; }
};

Grid plan(int rows, int columns, int threads) {
  Grid g{kRowBlock, kPanelBlock, 0, 0};
  int panels = panel_count(columns);
  auto count = [&] {
    g.row_tasks = (rows + g.row_block - 1) / g.row_block;
    g.panel_tasks = (panels + g.panel_block - 1) / g.panel_block;
    return g.tasks();
  };
  while (count() < threads * 2 && threads > 1) {
    if (g.row_block > 48)
      g.row_block /= 2;
    else if (g.panel_block > 2)
      g.panel_block /= 2;
    else
      break;
  }
  return g;
}

float* scratch_of(Arena& arena, ThreadPool& pool) {
  return arena.floats(kGemmScratch * size_t(pool.threads()));
}

// Runs `product` (a whole matrix product) block (r, p) of `grid`.
void run_block(Gemm product, const Grid& grid, int task, float* scratch) {
  int r = task / grid.panel_tasks * grid.row_block, p = task % grid.panel_tasks * grid.panel_block;
  int columns = product.cols - p * kPanel;
  product.panels += size_t(p) * product.panel_stride;
  product.cols = std::min(columns, grid.panel_block * kPanel);
  product.rows = std::min(product.rows - r, grid.row_block);
  if (product.left_rows)
    product.left_rows += r;
  else
    product.left += size_t(r) * product.left_row;
  product.out += size_t(r) * product.out_row + size_t(p) * kPanel;
  product.scratch = scratch;
  kernels().gemm(product);
}

// All products at once: task numbers run over the grids one after another. Of at most `most`
// products, so that the scratch does not depend on how many experts have rows.
void run_products(Workers workers, const Gemm* products, int count, int most = 1) {
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  float* scratch = scratch_of(*workers.arena, pool);
  Grid* grids = workers.arena->array<Grid>(size_t(most));
  int* first = workers.arena->array<int>(size_t(most) + 1);
  if (pool.is_dry()) return;
  first[0] = 0;
  for (int i = 0; i < count; ++i) {
    grids[i] = plan(products[i].rows, products[i].cols, count > 1 ? 1 : pool.threads());
    first[i + 1] = first[i] + grids[i].tasks();
  }
  pool.parallel_for(first[count], [&](int task, int thread) {
    int i = int(std::upper_bound(first, first + count + 1, task) - first) - 1;
    run_block(products[i], grids[i], task - first[i], scratch + size_t(thread) * kGemmScratch);
  });
}

Gemm forward_product(const Rows& x, const int* gather, const Matrix& w, int group, const Rows& out,
                     int begin, int rows, bool accumulate) {
  Gemm g{};
  g.left = gather ? x.data : x.data + size_t(begin) * x.stride;
  g.left_row = x.stride;
  g.left_inner = 1;
  g.left_rows = gather ? gather + begin : nullptr;
  g.panels = w.packed->forward(group);
  g.panel_stride = size_t(w.cols) * kPanel;
  g.inner_stride = kPanel;
  g.out = out.data + size_t(begin) * out.stride;
  g.out_row = out.stride;
  g.rows = rows;
  g.cols = w.group_rows();
  g.inner = w.cols;
  g.accumulate = accumulate;
  return g;
}

Gemm transposed_product(const Rows& dy, const Matrix& w, int group, const Rows& dx, int begin,
                        int rows, bool accumulate) {
  Gemm g{};
  g.left = dy.data + size_t(begin) * dy.stride;
  g.left_row = dy.stride;
  g.left_inner = 1;
  g.panels = w.packed->backward(group);
  g.panel_stride = size_t(w.group_rows()) * kPanel;
  g.inner_stride = kPanel;
  g.out = dx.data + size_t(begin) * dx.stride;
  g.out_row = dx.stride;
  g.rows = rows;
  g.cols = w.cols;
  g.inner = w.group_rows();
  g.accumulate = accumulate;
  return g;
}

// Packs `rows` rows of x (gathered) into panels over its columns and fills in dW += dy^T x.
Gemm outer_product(const Rows& dy, int begin, int rows, const float* panels, int columns,
                   float* gradient) {
  Gemm g{};
  g.left = dy.data + size_t(begin) * dy.stride;
  g.left_row = 1;
  g.left_inner = dy.stride;
  g.panels = panels;
  g.panel_stride = size_t(rows) * kPanel;
  g.inner_stride = kPanel;
  g.out = gradient;
  g.out_row = size_t(columns);
  g.rows = dy.cols;
  g.cols = columns;
  g.inner = rows;
  g.accumulate = true;
  return g;
}

bool has_backward(const Matrix& w) { return w.packed && w.packed->has_backward(); }

constexpr int kPanelsPerPack = 2;

void pack_columns(const Rows& x, const int* gather, int begin, int rows, int task, float* panels) {
  int column = task * kPanelsPerPack * kPanel;
  int count = std::min(x.cols - column, kPanelsPerPack * kPanel);
  const float* source = (gather ? x.data : x.data + size_t(begin) * x.stride) + column;
  kernels().pack_rows(source, x.stride, gather ? gather + begin : nullptr, rows, count,
                      panels + size_t(column) * size_t(rows));
}

int pack_tasks(int columns) { return (panel_count(columns) + kPanelsPerPack - 1) / kPanelsPerPack; }

}  // namespace

void multiply(Workers workers, Rows x, const int* gather, const Matrix& w, int group, Rows out,
              bool accumulate) {
  CHECK_EQ(x.cols, w.cols);
  CHECK_EQ(out.cols, w.group_rows());
  if (out.rows == 0) return;
  if (!w.packed) {
    const int begin[] = {0, out.rows};
    return stored_multiply(workers, group, 1, begin, x, gather, w, out, accumulate);
  }
  Gemm g = forward_product(x, gather, w, group, out, 0, out.rows, accumulate);
  run_products(workers, &g, 1);
}

void multiply_transposed(Workers workers, Rows dy, const Matrix& w, int group, Rows dx,
                         bool accumulate) {
  CHECK_EQ(dy.cols, w.group_rows());
  CHECK_EQ(dx.cols, w.cols);
  if (dy.rows == 0) return;
  if (!has_backward(w)) {
    const int begin[] = {0, dy.rows};
    return stored_multiply_transposed(workers, group, 1, begin, dy, w, dx, accumulate);
  }
  Gemm g = transposed_product(dy, w, group, dx, 0, dy.rows, accumulate);
  run_products(workers, &g, 1);
}

void accumulate_outer(Workers workers, Rows dy, Rows x, const int* gather, float* gradient) {
  if (dy.rows == 0) return;
  ArenaScope scope(*workers.arena);
  float* panels = workers.arena->floats(size_t(panel_count(x.cols)) * kPanel * size_t(dy.rows));
  workers.pool->parallel_for(pack_tasks(x.cols), [&](int task, int) {
    pack_columns(x, gather, 0, dy.rows, task, panels);
  });
  Gemm g = outer_product(dy, 0, dy.rows, panels, x.cols, gradient);
  run_products(workers, &g, 1);
}

void grouped_multiply(Workers workers, const int* begin, Rows x, const int* gather, const Matrix& w,
                      Rows out, bool accumulate) {
  CHECK_EQ(x.cols, w.cols);
  if (!w.packed) return stored_multiply(workers, 0, w.groups, begin, x, gather, w, out, accumulate);
  ArenaScope scope(*workers.arena);
  Gemm* products = workers.arena->array<Gemm>(size_t(w.groups));
  int count = 0;
  for (int e = 0; e < w.groups; ++e)
    if (begin[e + 1] > begin[e])
      products[count++] =
          forward_product(x, gather, w, e, out, begin[e], begin[e + 1] - begin[e], accumulate);
  run_products(workers, products, count, w.groups);
}

void grouped_multiply_transposed(Workers workers, const int* begin, Rows dy, const Matrix& w,
                                 Rows dx, bool accumulate) {
  if (!has_backward(w))
    return stored_multiply_transposed(workers, 0, w.groups, begin, dy, w, dx, accumulate);
  ArenaScope scope(*workers.arena);
  Gemm* products = workers.arena->array<Gemm>(size_t(w.groups));
  int count = 0;
  for (int e = 0; e < w.groups; ++e)
    if (begin[e + 1] > begin[e])
      products[count++] =
          transposed_product(dy, w, e, dx, begin[e], begin[e + 1] - begin[e], accumulate);
  run_products(workers, products, count, w.groups);
}

void grouped_accumulate_outer(Workers workers, const int* begin, Rows dy, Rows x, const int* gather,
                              const Matrix& w) {
  ArenaScope scope(*workers.arena);
  Arena& arena = *workers.arena;
  size_t per_row = size_t(panel_count(x.cols)) * kPanel;
  float* panels = arena.floats(per_row * size_t(begin[w.groups]));
  int tasks = pack_tasks(x.cols);
  workers.pool->parallel_for(w.groups * tasks, [&](int task, int) {
    int e = task / tasks, rows = begin[e + 1] - begin[e];
    if (rows)
      pack_columns(x, gather, begin[e], rows, task % tasks, panels + per_row * size_t(begin[e]));
  });
  Gemm* products = arena.array<Gemm>(size_t(w.groups));
  int count = 0;
  size_t group_size = size_t(w.group_rows()) * size_t(w.cols);
  for (int e = 0; e < w.groups; ++e)
    if (begin[e + 1] > begin[e])
      products[count++] =
          outer_product(dy, begin[e], begin[e + 1] - begin[e], panels + per_row * size_t(begin[e]),
                        x.cols, w.grad() + size_t(e) * group_size);
  run_products(workers, products, count, w.groups);
}

}  // namespace weir
