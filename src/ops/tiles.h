// How the products of a matrix are cut into tiles, one task each.
#pragma once
#include <algorithm>

#include "base/arena.h"
#include "base/div_up.h"
#include "kernels/kernels.h"
#include "ops/matmul.h"

namespace weir {

// Rows and columns of a tile at most.
struct TileSize {
  int rows, columns;
};

// Of a product that walks panels: rows and panels that stay in the second-level cache meanwhile.
// Small products get smaller tiles, so that every thread has work.
inline TileSize panel_tile(int rows, int columns, int threads) {
  TileSize size{240, 8 * kPanel};
  while (threads > 1 && div_up(rows, size.rows) * div_up(columns, size.columns) < 2 * threads) {
    if (size.rows > 48)
      size.rows /= 2;
    else if (size.columns > 2 * kPanel)
      size.columns /= 2;
    else
      break;
  }
  return size;
}

struct Tile {
  int group;      // 0 for Groups::first
  int row, rows;  // counted within the group
  int column, columns;
};

// The products of all groups that have rows: tiles of one group after another.
class Tiles {
 public:
  // Group i has the rows [begin[i], begin[i + 1]). A dry pool has no tiles.
  Tiles(Workers workers, int groups, const int* begin, int columns, TileSize size)
      : begin_(begin),
        group_(workers.arena->array<int>(size_t(groups))),
        first_(workers.arena->array<int>(size_t(groups) + 1)),
        columns_(columns),
        size_(size) {
    if (workers.pool->is_dry()) return;
    first_[0] = 0;
    for (int i = 0; i < groups; ++i) {
      const int rows = begin[i + 1] - begin[i];
      if (rows == 0) continue;
      group_[groups_++] = i;
      first_[groups_] =
          first_[groups_ - 1] + div_up(rows, size.rows) * div_up(columns, size.columns);
    }
  }

  int count() const { return first_[groups_]; }
  Tile operator[](int task) const {
    const int at = int(std::upper_bound(first_, first_ + groups_ + 1, task) - first_) - 1;
    const int wide = div_up(columns_, size_.columns), within = task - first_[at], i = group_[at];
    const int row = within / wide * size_.rows, column = within % wide * size_.columns;
    return {i, row, std::min(size_.rows, begin_[i + 1] - begin_[i] - row), column,
            std::min(size_.columns, columns_ - column)};
  }

 private:
  const int* begin_;
  int* group_;  // numbers of the groups with rows
  int* first_;  // tiles before each of them
  int groups_ = 0, columns_;
  TileSize size_;
};

// Of a product that walks panels: one group is cut for all threads, of several each has its own.
inline TileSize panel_tile(int groups, const int* begin, int columns, int threads) {
  int used = 0, rows = 0;
  for (int i = 0; i < groups; ++i)
    if (begin[i + 1] > begin[i]) ++used, rows = begin[i + 1] - begin[i];
  return panel_tile(rows, columns, used > 1 ? 1 : threads);
}

}  // namespace weir
