// Matrix multiplication: cuts the problem into blocks that suit the caches and
// feeds the register tile. The order of additions within an output never
// depends on how it is cut.
//
// A tile of rows stays in the first cache while the panels of a group, held by
// the second, pass by; so out is written row by row, in the order of memory.
// Most operands are read where they are: each is copied only when its layout
// would hurt (measured on Zen 5: copying all of them costs 2-8 %).
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/pack-inl.h"
#include "kernels/tile-inl.h"

namespace weir {
namespace {

// Products added to an output between loading and storing it.
constexpr int kInnerBlock = 256;
// Floats of the right operand in a group of panels: what the second cache holds
// beside the rest.
constexpr int kGroupFloats = 96 * 1024;
// Rows this many floats apart share the sets of the first cache, whose ways a
// tile would exhaust.
constexpr size_t kAliasFloats = 1024;
// From this many columns on a packed left operand earns its cost.
constexpr int kPackLeftColumns = 128;

// Up to this many rows, a call is bound by reading the right operand, which is then read in one go.
constexpr int kStreamRows = 8;

struct Range {
  int begin, count;
};

inline int ceil_div(int a, int b) { return (a + b - 1) / b; }
inline int less(int a, int b) { return a < b ? a : b; }

// `total` in nearly equal parts of at most `most`, larger ones first: 15 rows
// are 8 + 7, not 14 + 1.
struct Split {
  int parts, size, larger;
  Split(int total, int most)
      : parts(total > 0 ? ceil_div(total, most) : 1), size(total / parts), larger(total % parts) {}
  Range operator[](int i) const {
    return {i * size + less(i, larger), size + (i < larger ? 1 : 0)};
  }
};

inline const float* left_row(const Gemm& g, int row) {
  return g.left + size_t(g.left_rows ? g.left_rows[row] : row) * g.left_row;
}

// For a left operand whose rows are contiguous over m: takes a few k at a time
// through all tiles, so that what is read stays near. A whole store runs into
// the same tile's next k, written later.
inline void pack_left_transposed(const Gemm& g, Range rows, Range inner, float* to) {
  constexpr int kStep = 32;
  const Split tiles(rows.count, kTileRows);
  for (int begin = 0; begin < inner.count; begin += kStep) {
    const int end = less(begin + kStep, inner.count);
    for (int t = 0; t < tiles.parts; ++t) {
      const Range tile = tiles[t];
      const float* source =
          g.left + rows.begin + tile.begin + size_t(inner.begin + begin) * g.left_inner;
      float* out = to + size_t(tile.begin) * inner.count + size_t(begin) * tile.count;
      for (int k = begin; k < end; ++k) {
        const Lanes x = load_part(source, tile.count);
        if ((end - k) * tile.count >= 16)
          store(out, x);
        else
          store_part(out, tile.count, x);
        source += g.left_inner;
        out += tile.count;
      }
    }
  }
}

// Tile after tile, [k][rows of the tile]. Writes up to kSquare floats beyond
// the last tile.
void pack_left(const Gemm& g, Range rows, Range inner, float* to) {
  if (g.left_row == 1 && !g.left_rows) return pack_left_transposed(g, rows, inner, to);
  const Split tiles(rows.count, kTileRows);
  for (int t = 0; t < tiles.parts; ++t) {
    const Range tile = tiles[t];
    const float* source[kTileRows];
    for (int r = 0; r < tile.count; ++r)
      source[r] = left_row(g, rows.begin + tile.begin + r) + size_t(inner.begin) * g.left_inner;
    if (g.left_inner == 1) {
      transpose_rows(source, tile.count, inner.count, to, size_t(tile.count));
    } else {
      for (int k = 0; k < inner.count; ++k)
        for (int r = 0; r < tile.count; ++r)
          to[size_t(k) * tile.count + r] = source[r][k * g.left_inner];
    }
    to += size_t(tile.count) * inner.count;
  }
}

// Runs a tile whose panel has only `valid` columns: through a copy of its part
// of out.
template <class Element>
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
        store(edge + r * kStep + i, load_part(out + r * out_row + n + i, less(16, valid - n - i)));
    function(tile);
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < kStep && n + i < valid; i += 16)
        store_part(out + r * out_row + n + i, less(16, valid - n - i), load(edge + r * kStep + i));
    tile.right = static_cast<const Element*>(tile.right) + kStep;
  }
}

template <class Element>
class GemmRun {
 public:
  explicit GemmRun(const Gemm& g)
      : g_(g),
        copies_edge_(g.cols % kPanel != 0 &&
                     !(g.inner_stride == kPanel && g.panel_stride != kPanel)),
        packs_left_(g.left_inner != 1 || (g.rows > kTileRows && g.cols >= kPackLeftColumns &&
                                          !g.left_rows && g.left_row % kAliasFloats == 0)) {}

  void run() {
    const bool streams = g_.rows <= kStreamRows && !packs_left_ && !copies_edge_;
    const Split inner(g_.inner, streams ? g_.inner + 1 : kInnerBlock);
    // The scratch holds the copied edge, then the tiles of as many rows as fit.
    left_scratch_ = g_.scratch + (copies_edge_ ? size_t(inner[0].count) * kPanel : 0);
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
    tile.panel_stride = g_.panel_stride;
    tile.inner_stride = g_.inner_stride;
    tile.inner = inner.count;
    tile.out_row = g_.out_row;
    tile.accumulate = accumulate;
    if (packs_left_) pack_left(g_, rows, inner, left_scratch_);
    if (copies_edge_) {
      const int last = g_.cols / kPanel * kPanel;
      copy_panel(panel(last, inner), g_.inner_stride, inner.count, g_.cols - last, edge_scratch());
    }
    const int group = kGroupFloats / kPanel / (inner.count + 1) * kPanel + kPanel;
    const Split tiles(rows.count, kTileRows);
    for (int begin = 0; begin < g_.cols; begin += group)
      for (int t = 0; t < tiles.parts; ++t) {
        tile.left = left_scratch_ + size_t(tiles[t].begin) * inner.count;
        row_of_tiles(tile, rows, tiles, t, inner, {begin, less(group, g_.cols - begin)});
      }
  }

  // Tile t of the block's rows over some columns.
  void row_of_tiles(Tile tile, Range block_rows, const Split& tiles, int t, Range inner,
                    Range columns) const {
    const Range rows = {block_rows.begin + tiles[t].begin, tiles[t].count};
    const float* pointers[kTileRows];
    if (!packs_left_) {
      for (int r = 0; r < rows.count; ++r) pointers[r] = left_row(g_, rows.begin + r) + inner.begin;
      tile.rows = pointers;
    }
    const TileTable<Element>& table = kTiles<Element>;
    const int at = rows.count - 1, end = columns.begin + columns.count;
    const TileFunction function = (packs_left_ ? table.packed : table.direct)[at];
    float* out = g_.out + size_t(rows.begin) * g_.out_row;
    int n = columns.begin;
    for (int choice = 0; choice < 2 && rows.count <= 4; ++choice) {
      const int groups = kWideGroups[choice][at];
      if (groups <= kTileGroups) break;
      const TileFunction wide = (packs_left_ ? table.wide_packed : table.wide_direct)[choice][at];
      for (; n + groups * 16 <= end; n += groups * 16) {
        tile.right = panel(n, inner);
        tile.out = out + n;
        wide(tile);
      }
    }
    Upcoming upcoming(*this, block_rows, tiles, t, inner, columns);
    for (; n + kPanel <= end; n += kPanel) {
      tile.right = panel(n, inner);
      tile.out = out + n;
      upcoming.announce(n, tile);
      for (int i = 0; i < kPanel; i += kTileGroups * 16) {
        function(tile);
        tile.right = static_cast<const Element*>(tile.right) + kTileGroups * 16;
        tile.out += kTileGroups * 16;
        tile.next_out_rows = tile.next_left_rows = 0;
      }
    }
    if (n == end) return;
    tile.right = panel(n, inner);
    tile.out = out + n;
    if (copies_edge_) {
      tile.right = edge_scratch();
      tile.inner_stride = kPanel;
    }
    run_edge<Element>(function, rows.count, tile, end - n);
  }

  // What will be needed after a tile, handed to it piece by piece: the next part of out, and either
  // the left rows of the next tile or, when tiles are packed from rows of k, a share of those of
  // the next block of k.
  class Upcoming {
   public:
    Upcoming(const GemmRun& run, Range block_rows, const Split& tiles, int t, Range inner,
             Range columns)
        : run_(run), columns_(columns) {
      const Gemm& g = run.g_;
      const int panels = ceil_div(columns.count, kPanel);
      if (inner.count < 64) return;
      out_ = g.out + size_t(block_rows.begin + tiles[t].begin) * g.out_row;
      rows_ = tiles[t].count;
      parts_ = panels;
      if (t + 1 < tiles.parts) {
        next_ = {block_rows.begin + tiles[t + 1].begin, tiles[t + 1].count};
        left_ = run.packs_left_ ? Range{0, 0} : next_;
        length_ = inner.count;
        offset_ = inner.begin;
      }
      if (run.packs_left_ && g.left_row == 1 && !g.left_rows) {
        const int from = inner.begin + inner.count, count = less(inner.count, g.inner - from);
        left_ = {from + count * t / tiles.parts, 0};
        left_.count = from + count * (t + 1) / tiles.parts - left_.begin;
        length_ = block_rows.count;
        offset_ = block_rows.begin;
      }
    }
    void announce(int n, Tile& tile) {
      const Gemm& g = run_.g_;
      const bool last = n + kPanel >= columns_.begin + columns_.count;
      tile.next_out =
          last ? g.out + size_t(next_.begin) * g.out_row + columns_.begin : out_ + n + kPanel;
      tile.next_out_rows = last ? next_.count : rows_;
      if (left_.count == 0) return;
      const int share = (n - columns_.begin) / kPanel;
      const int begin = left_.count * share / parts_, end = left_.count * (share + 1) / parts_;
      tile.next_left = pointers_;
      tile.next_left_rows = less(end - begin, kMost);
      tile.next_left_length = length_;
      for (int r = 0; r < tile.next_left_rows; ++r) {
        const int row = left_.begin + begin + r;
        pointers_[r] =
            (run_.packs_left_ ? g.left + size_t(row) * g.left_inner : left_row(g, row)) + offset_;
      }
    }

   private:
    static constexpr int kMost = 16;
    const GemmRun& run_;
    Range columns_, next_ = {0, 0}, left_ = {0, 0};
    const float* out_ = nullptr;
    int rows_ = 0, parts_ = 1, length_ = 0, offset_ = 0;
    const float* pointers_[kMost];
  };

  const Element* panel(int column, Range inner) const {
    return static_cast<const Element*>(g_.panels) + size_t(column / kPanel) * g_.panel_stride +
           size_t(inner.begin) * g_.inner_stride;
  }
  Element* edge_scratch() const { return reinterpret_cast<Element*>(g_.scratch); }

  const Gemm& g_;
  // A row-major operand ends at `cols`, so its last panel is read from a copy.
  // (One of 32 columns has the strides of a packed one and is treated like
  // this.)
  const bool copies_edge_;
  const bool packs_left_;
  float* left_scratch_ = nullptr;
};

void gemm(const Gemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  if (g.type == PanelType::bf16)
    GemmRun<uint16_t>(g).run();
  else
    GemmRun<float>(g).run();
}

}  // namespace
}  // namespace weir
