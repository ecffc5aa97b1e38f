// Matrix multiplication: cuts the problem into blocks that suit the caches and feeds the register
// tile. The order of additions within an output never depends on how it is cut.
//
// A tile of rows stays in the first cache while the panels of a group, held by the second, pass by;
// so out is written row by row, in the order of memory. Operands are read where they are and copied
// only where their layout hurts (copying always costs 2 to 8 % at training shapes, Zen 5).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/pack-inl.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/dense/tile-inl.h"
#include "kernels/dense/upcoming-inl.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

// Products added to an output between loading and storing it.
constexpr int kInnerBlock = 256;
// Floats of the right operand in a group of panels: what the second cache holds beside the rest.
constexpr int kGroupFloats = 96 * 1024;
// Up to this many rows, a call is bound by reading the right operand, which is then read in one go.
constexpr int kStreamRows = 8;
// A left operand is packed if its rows, a multiple of this many floats apart, share the sets of the
// first cache, and there are enough columns to earn the cost.
constexpr size_t kAliasFloats = 1024;
constexpr int kPackLeftColumns = 128;
// A row-major right operand is copied, so many floats at a time, if its rows share sets (their
// distance is a multiple of kCopyRightStride) and there are enough tiles of rows to earn the cost.
constexpr int kCopyRightTiles = 4;
constexpr int kCopyFloats = 32 * 1024;

// Runs a tile whose panel has only `valid` columns: through a copy of its part of out.
void run_edge(TileFunction function, int rows, Tile tile, int valid) {
  constexpr int kStep = kTileGroups * 16;
  alignas(64) float edge[kTileRows * kStep];
  float* out = tile.out;
  const size_t out_row = tile.out_row;
  tile.out = edge;
  tile.out_row = kStep;
  for (int n = 0; n < valid; n += kStep) {
    for (int r = 0; r < rows && tile.accumulate; ++r)
      for (int i = 0; i < kStep && n + i < valid; i += 16)
        store(edge + r * kStep + i,
              load_part(out + r * out_row + n + i, smaller(16, valid - n - i)));
    function(tile);
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < kStep && n + i < valid; i += 16)
        store_part(out + r * out_row + n + i, smaller(16, valid - n - i),
                   load(edge + r * kStep + i));
    tile.right += kStep;
  }
}

class GemmRun {
 public:
  explicit GemmRun(const Gemm& g)
      : g_(g),
        padded_(g.inner_stride == kPanel && g.panel_stride != kPanel),
        copies_right_(!padded_ && g.rows >= kCopyRightTiles * kTileRows &&
                      g.inner_stride % kCopyRightStride == 0),
        copies_edge_(!padded_ && !copies_right_ && g.cols % kPanel != 0),
        packs_left_(g.left_inner != 1 || (g.rows > kTileRows && g.cols >= kPackLeftColumns &&
                                          !g.left_rows && g.left_row % kAliasFloats == 0)) {}

  void run() {
    const bool streams = g_.rows <= kStreamRows && !packs_left_ && !copies_edge_;
    const Split inner(g_.inner, streams ? g_.inner + 1 : kInnerBlock);
    // The scratch holds what is copied of the right operand, then the tiles of as many rows as fit.
    left_scratch_ = g_.scratch + (copies_right_  ? size_t(kCopyFloats)
                                  : copies_edge_ ? size_t(inner[0].count) * kPanel
                                                 : 0);
    int rows_most = g_.rows;
    if (packs_left_) {
      const int room = int(g_.scratch + kGemmScratch - kSquare - left_scratch_);
      rows_most = room / (inner[0].count + 1) / kTileRows * kTileRows;
    }
    const Split rows(g_.rows, rows_most);
    for (int i = 0; i < rows.parts; ++i)
      for (int j = 0; j < inner.parts; ++j) block(rows[i], inner[j], g_.accumulate || j > 0);
  }

 private:
  // All columns for some rows and part of the inner dimension.
  void block(Range rows, Range inner, bool accumulate) const {
    Tile tile{};
    tile.panel_stride = copies_right_ ? size_t(inner.count) * kPanel : g_.panel_stride;
    tile.inner_stride = copies_right_ ? kPanel : g_.inner_stride;
    tile.inner = inner.count;
    tile.out_row = g_.out_row;
    tile.accumulate = accumulate;
    if (packs_left_) pack_left(g_, rows, inner, left_scratch_);
    if (copies_edge_) copy_right(inner, {g_.cols / kPanel * kPanel, g_.cols % kPanel});
    const Split tiles(rows.count, kTileRows);
    const int group = tiles.parts == 1 && !copies_right_
                          ? g_.cols
                          : group_columns(copies_right_ ? kCopyFloats : kGroupFloats, inner.count);
    for (int begin = 0; begin < g_.cols; begin += group) {
      const Range columns = {begin, smaller(group, g_.cols - begin)};
      if (copies_right_) copy_right(inner, columns);
      for (int t = 0; t < tiles.parts; ++t) {
        tile.left = left_scratch_ + size_t(tiles[t].begin) * inner.count;
        row_of_tiles(tile, {rows, tiles, t, inner, columns});
      }
    }
  }

  // Whole panels of `inner` rows that `floats` hold, at least one.
  static int group_columns(int floats, int inner) {
    const int panels = floats / kPanel / (inner + 1);
    return (panels > 0 ? panels : 1) * kPanel;
  }

  // Row by row, as the source lies in memory.
  void copy_right(Range inner, Range columns) const {
    for (int k = 0; k < inner.count; ++k)
      for (int n = 0; n < columns.count; n += kPanel)
        copy_panel(right(columns.begin + n, inner) + size_t(k) * g_.inner_stride, 0, 1,
                   smaller(kPanel, columns.count - n),
                   right_scratch() + size_t(n) * inner.count + size_t(k) * kPanel);
  }

  // One tile of rows over some columns.
  void row_of_tiles(Tile tile, const TilePlace& place) const {
    const Range rows = place.rows(), inner = place.inner, columns = place.columns;
    const float* pointers[kTileRows];
    if (!packs_left_) {
      for (int r = 0; r < rows.count; ++r) pointers[r] = left_row(g_, rows.begin + r) + inner.begin;
      tile.rows = pointers;
    }
    const TileTable& table = kTiles;
    const int at = rows.count - 1, end = columns.begin + columns.count;
    const TileFunction function = (packs_left_ ? table.packed : table.direct)[at];
    float* out = g_.out + size_t(rows.begin) * g_.out_row;
    int n = columns.begin;
    for (int choice = 0; choice < 2 && rows.count <= 4; ++choice) {
      const int groups = kWideGroups[choice][at];
      if (groups <= kTileGroups) break;
      const TileFunction wide = (packs_left_ ? table.wide_packed : table.wide_direct)[choice][at];
      for (; n + groups * 16 <= end; n += groups * 16) {
        tile.right = panel(n, inner, columns);
        tile.out = out + n;
        wide(tile);
      }
    }
    Upcoming upcoming(g_, packs_left_, place);
    for (; n + kPanel <= end; n += kPanel) {
      tile.right = panel(n, inner, columns);
      tile.out = out + n;
      upcoming.announce(n, tile);
      for (int i = 0; i < kPanel; i += kTileGroups * 16) {
        function(tile);
        tile.right += kTileGroups * 16;
        tile.out += kTileGroups * 16;
        tile.next_out_rows = tile.next_left_rows = 0;
      }
    }
    if (n == end) return;
    tile.right = copies_edge_ ? right_scratch() : panel(n, inner, columns);
    tile.out = out + n;
    if (copies_edge_) tile.inner_stride = kPanel;
    run_edge(function, rows.count, tile, end - n);
  }

  const float* right(int column, Range inner) const {
    return g_.panels + size_t(column / kPanel) * g_.panel_stride +
           size_t(inner.begin) * g_.inner_stride;
  }
  // The panel of a column, copied or where it is.
  const float* panel(int column, Range inner, Range columns) const {
    if (!copies_right_) return right(column, inner);
    return right_scratch() + size_t(column - columns.begin) * inner.count;
  }
  float* right_scratch() const { return g_.scratch; }

  const Gemm& g_;
  // Packed panels can be read whole. A row-major operand ends at `cols`, so its last panel is read
  // from a copy. (One of 32 columns has the strides of a packed one and is treated like this.)
  const bool padded_, copies_right_, copies_edge_;
  const bool packs_left_;
  float* left_scratch_ = nullptr;
};

void gemm(const Gemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  GemmRun(g).run();
}

}  // namespace
}  // namespace weir
