// The products of the backward passes: dx = dy W and dW = dy^T x.
#include <algorithm>

#include "base/check.h"
#include "base/div_up.h"
#include "ops/matmul.h"
#include "ops/tiles.h"
#include "tensor/packed.h"

namespace weir {
namespace {

// The part of a matrix without packed copy that a task of dy W decodes at once: [64][256] floats,
// in rows that begin in different sets of the cache.
constexpr int kPartRows = 64, kPartColumns = 256, kPartStride = kPartColumns + 16;
constexpr size_t kPart = size_t(kPartRows) * kPartStride;
constexpr int kDecodedRows = 256;

// Decodes rows [row, row + rows) of a group, columns [column, column + columns).
void decode_part(const Matrix& w, int group, int row, int rows, int column, int columns,
                 float* part) {
  const char* stored =
      static_cast<const char*>(w.parts[size_t(group)]) + type_bytes(w.type, size_t(column));
  const int square = scale_square(w.type);
  const float* scales =
      has_scale_squares(w.type) ? w.scales[size_t(group)] + column / square : nullptr;
  const size_t row_bytes = type_bytes(w.type, size_t(w.cols));
  const size_t scales_row = size_t(div_up(w.cols, square));
  for (int k = 0; k < rows; ++k)
    kernels().dequantize(w.type, stored + size_t(row + k) * row_bytes,
                         scales ? scales + size_t((row + k) / square) * scales_row : nullptr,
                         part + k * kPartStride, size_t(columns));
}

// The sums over the inner dimension are stored and read again between parts, which is exact.
void multiply_decoded(const Matrix& w, int group, const Tile& tile, Gemm g, const float* dy) {
  float* part = g.scratch + kGemmScratch;
  const bool accumulate = g.accumulate;
  g.panels = part;
  g.panel_stride = kPanel;
  g.inner_stride = kPartStride;
  for (int n = 0; n < w.group_rows(); n += kPartRows) {
    g.inner = std::min(kPartRows, w.group_rows() - n);
    decode_part(w, group, n, g.inner, tile.column, tile.columns, part);
    g.left = dy + n;
    g.accumulate = accumulate || n > 0;
    kernels().gemm(g);
  }
}

constexpr int kPackedTogether = 2 * kPanel;  // columns

void pack_columns(const Activations& x, int begin, int rows, int column, float* panels) {
  const int count = std::min(x.rows.cols - column, kPackedTogether);
  const float* source = x.gather ? x.rows.data : x.rows.data + size_t(begin) * x.rows.stride;
  kernels().pack_rows(source + column, x.rows.stride, x.gather ? x.gather + begin : nullptr, rows,
                      count, panels + size_t(column) * size_t(rows));
}

}  // namespace

void multiply_transposed(Workers workers, Rows dy, const Matrix& w, const Groups& groups, Rows dx,
                         bool accumulate) {
  CHECK_EQ(dy.cols, w.group_rows());
  CHECK_EQ(dx.cols, w.cols);
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  const int all[] = {0, dy.rows};
  const int* begin = groups.begin ? groups.begin : all;
  const bool is_packed = w.packed && w.packed->has_backward();
  const TileSize size = is_packed ? panel_tile(groups.count, begin, w.cols, pool.threads())
                                  : TileSize{kDecodedRows, kPartColumns};
  const Tiles tiles(workers, groups.count, begin, w.cols, size);
  const size_t room = is_packed ? kGemmScratch : kGemmScratch + kPart;
  float* scratch = workers.arena->floats(room * size_t(pool.threads()));
  pool.parallel_for(tiles.count(), [&](int task, int thread) {
    const Tile tile = tiles[task];
    const int group = groups.first + tile.group;
    const size_t row = size_t(begin[tile.group] + tile.row);
    Gemm g{};
    g.left = dy.data + row * dy.stride;
    g.left_row = dy.stride;
    g.left_inner = 1;
    g.out = dx.data + row * dx.stride + tile.column;
    g.out_row = dx.stride;
    g.rows = tile.rows;
    g.cols = tile.columns;
    g.accumulate = accumulate;
    g.scratch = scratch + room * size_t(thread);
    if (!is_packed) return multiply_decoded(w, group, tile, g, g.left);
    g.panels = w.packed->backward(group) + size_t(tile.column) * size_t(w.group_rows());
    g.panel_stride = size_t(w.group_rows()) * kPanel;
    g.inner_stride = kPanel;
    g.inner = w.group_rows();
    kernels().gemm(g);
  });
}

void accumulate_outer(Workers workers, Rows dy, const Activations& x, const Groups& groups,
                      float* gradient) {
  ArenaScope scope(*workers.arena);
  ThreadPool& pool = *workers.pool;
  const int all[] = {0, dy.rows}, columns = x.rows.cols;
  const int* begin = groups.begin ? groups.begin : all;
  const size_t per_row = size_t(round_up(columns, kPanel));
  float* panels = workers.arena->floats(per_row * size_t(begin[groups.count]));
  const int packs = div_up(columns, kPackedTogether);
  pool.parallel_for(groups.count * packs, [&](int task, int) {
    const int i = task / packs, rows = begin[i + 1] - begin[i];
    if (rows > 0)
      pack_columns(x, begin[i], rows, task % packs * kPackedTogether,
                   panels + per_row * size_t(begin[i]));
  });
  // Rows of the gradient, those of groups without rows of dy left out.
  int* outputs = workers.arena->array<int>(size_t(groups.count) + 1);
  outputs[0] = 0;
  for (int i = 0; i < groups.count; ++i)
    outputs[i + 1] = outputs[i] + (begin[i + 1] > begin[i] ? dy.cols : 0);
  const Tiles tiles(workers, groups.count, outputs, columns,
                    panel_tile(groups.count, outputs, columns, pool.threads()));
  float* scratch = workers.arena->floats(kGemmScratch * size_t(pool.threads()));
  pool.parallel_for(tiles.count(), [&](int task, int thread) {
    const Tile tile = tiles[task];
    const size_t first = size_t(begin[tile.group]), rows = size_t(begin[tile.group + 1]) - first;
    Gemm g{};
    g.left = dy.data + first * dy.stride + tile.row;
    g.left_row = 1;
    g.left_inner = dy.stride;
    g.panels = panels + per_row * first + size_t(tile.column) * rows;
    g.panel_stride = rows * kPanel;
    g.inner_stride = kPanel;
    g.out = gradient + (size_t(tile.group) * size_t(dy.cols) + size_t(tile.row)) * size_t(columns) +
            tile.column;
    g.out_row = size_t(columns);
    g.rows = tile.rows;
    g.cols = tile.columns;
    g.inner = int(rows);
    g.accumulate = true;
    g.scratch = scratch + size_t(thread) * kGemmScratch;
    kernels().gemm(g);
  });
}

}  // namespace weir
