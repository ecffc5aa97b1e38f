// What gemm will need after the tile at hand, given to that tile line by line: the next part of
// out, and either the left rows of the next tile or, when tiles are packed from rows of k, a share
// of those of the next block of k.
#pragma once
#include <cstddef>

#include "base/div_up.h"
#include "kernels/dense/pack-inl.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/dense/tile-inl.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

// Where a row of tiles is: tile `index` of a block of rows, part of the inner dimension, and the
// columns it passes over.
struct TilePlace {
  Range block_rows;
  Split tiles;
  int index;
  Range inner, columns;

  Range rows(int tile) const { return {block_rows.begin + tiles[tile].begin, tiles[tile].count}; }
  Range rows() const { return rows(index); }
};

class Upcoming {
 public:
  Upcoming(const Gemm& g, bool packs_left, const TilePlace& place)
      : g_(g), packs_left_(packs_left), rows_(place.rows()), columns_(place.columns) {
    if (place.inner.count < kShort) return;
    panels_ = div_up(columns_.count, kPanel);
    const int tiles = place.tiles.parts, t = place.index;
    if (t + 1 < tiles) next_rows_ = place.rows(t + 1);
    if (!packs_left) {
      left_ = next_rows_;
      offset_ = place.inner.begin;
      length_ = place.inner.count;
    } else if (g.left_row == 1 && !g.left_rows) {
      const int from = place.inner.begin + place.inner.count;
      const int count = smaller(place.inner.count, g.inner - from);
      left_ = {from + count * t / tiles, count * (t + 1) / tiles - count * t / tiles};
      offset_ = place.block_rows.begin;
      length_ = place.block_rows.count;
    }
  }

  // Gives the tile at column n its piece.
  void announce(int n, Tile& tile) {
    if (panels_ == 0) return;
    const int panel = (n - columns_.begin) / kPanel;
    const bool last = panel + 1 == panels_;
    const Range rows = last ? next_rows_ : rows_;
    tile.next_out = g_.out + size_t(rows.begin) * g_.out_row + (last ? columns_.begin : n + kPanel);
    tile.next_out_rows = rows.count;
    const int begin = left_.count * panel / panels_, end = left_.count * (panel + 1) / panels_;
    tile.next_left = pointers_;
    tile.next_left_rows = smaller(end - begin, kMost);
    tile.next_left_length = length_;
    for (int r = 0; r < tile.next_left_rows; ++r) {
      const int row = left_.begin + begin + r;
      pointers_[r] =
          (packs_left_ ? g_.left + size_t(row) * g_.left_inner : left_row(g_, row)) + offset_;
    }
  }

 private:
  static constexpr int kShort = 64;  // products of a tile too short to hide anything behind
  static constexpr int kMost = 16;
  const Gemm& g_;
  const bool packs_left_;
  const Range rows_, columns_;
  Range next_rows_ = {0, 0}, left_ = {0, 0};
  int panels_ = 0, length_ = 0, offset_ = 0;
  const float* pointers_[kMost];
};

}  // namespace
}  // namespace weir
