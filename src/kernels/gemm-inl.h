// Matrix multiplication: cuts the problem into blocks that fit the caches and feeds the register
// tile. The order of additions within an output never depends on how it is cut.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/pack-inl.h"
#include "kernels/tile-inl.h"

namespace weir {
namespace {

// Products per output between loading and storing it. 512 rows of a panel are 64 KiB.
constexpr int kInnerBlock = 512;
// From this many columns on, a packed left operand earns its cost.
constexpr int kPackLeftColumns = 128;
// From this many tiles on, a copied panel of a row-major right operand earns its cost.
constexpr int kPackRightTiles = 3;

struct Range {
  int begin, count;
};

// Part `i` of `parts` nearly equal parts, larger ones first: 15 rows are 8 + 7, not 14 + 1.
inline Range part(int total, int parts, int i) {
  int size = total / parts, larger = total % parts;
  return {i * size + (i < larger ? i : larger), size + (i < larger ? 1 : 0)};
}
inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

inline const float* left_row(const Gemm& g, int row) {
  return g.left + size_t(g.left_rows ? g.left_rows[row] : row) * g.left_row;
}

// Tile after tile, [k][rows of the tile]. Writes up to kSquare floats beyond the last tile.
void pack_left(const Gemm& g, Range rows, Range inner, float* to) {
  const int tiles = ceil_div(rows.count, kTileRows);
  for (int t = 0; t < tiles; ++t) {
    Range tile = part(rows.count, tiles, t);
    const int first = rows.begin + tile.begin, count = tile.count;
    if (g.left_inner == 1) {
      const float* source[kTileRows];
      for (int r = 0; r < count; ++r) source[r] = left_row(g, first + r) + inner.begin;
      transpose_rows(source, count, inner.count, to, size_t(count));
    } else if (g.left_row == 1 && !g.left_rows) {
      const float* source = g.left + first + size_t(inner.begin) * g.left_inner;
      for (int k = 0; k < inner.count; ++k)
        store(to + size_t(k) * count, load_part(source + size_t(k) * g.left_inner, count));
    } else {
      for (int r = 0; r < count; ++r) {
        const float* source = left_row(g, first + r) + size_t(inner.begin) * g.left_inner;
        for (int k = 0; k < inner.count; ++k) to[size_t(k) * count + r] = source[k * g.left_inner];
      }
    }
    to += size_t(count) * inner.count;
  }
}

// Runs one tile over one panel of which `valid` columns exist.
template <class Element>
inline void run_panel(TileFunction function, int rows, Tile tile, int valid) {
  constexpr int kStep = kTileGroups * 16;
  if (valid == kPanel) {
    for (int n = 0; n < kPanel; n += kStep) {
      function(tile);
      tile.right = static_cast<const Element*>(tile.right) + kStep;
      tile.out += kStep;
    }
    return;
  }
  alignas(64) float edge[kTileRows * kStep];
  for (int n = 0; n < valid; n += kStep) {
    const int columns = valid - n < kStep ? valid - n : kStep;
    float* out = tile.out;
    const size_t out_row = tile.out_row;
    if (tile.accumulate)
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < kStep; i += 16)
          store(edge + r * kStep + i,
                load_part(out + r * out_row + i, columns - i < 0    ? 0
                                                 : columns - i > 16 ? 16
                                                                    : columns - i));
    tile.out = edge;
    tile.out_row = kStep;
    function(tile);
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < columns; i += 16)
        store_part(out + r * out_row + i, columns - i > 16 ? 16 : columns - i,
                   load(edge + r * kStep + i));
    tile.out = out + kStep;
    tile.out_row = out_row;
    tile.right = static_cast<const Element*>(tile.right) + kStep;
  }
}

template <class Element>
struct GemmRun {
  const Gemm& g;
  const bool padded;  // panels can be read whole
  const bool packs_left;
  const bool packs_right;
  Element* const right_scratch;
  float* const left_scratch;

  // All columns for the given rows and part of the inner dimension.
  void block(Range rows, Range inner, bool accumulate) const {
    if (packs_left) pack_left(g, rows, inner, left_scratch);
    const int tiles = ceil_div(rows.count, kTileRows);
    const Element* panels = static_cast<const Element*>(g.panels);
    Tile tile{};
    tile.inner = inner.count;
    tile.out_row = g.out_row;
    tile.accumulate = accumulate;
    for (int n = 0; n < g.cols;) {
      const Element* panel =
          panels + size_t(n / kPanel) * g.panel_stride + size_t(inner.begin) * g.inner_stride;
      const int columns = g.cols - n < kPanel ? g.cols - n : kPanel;
      const int wide = rows.count <= 4 ? kWideGroups[rows.count - 1] * 16 : 0;
      if (wide >= kPanel && n + wide <= g.cols) {
        tile.right = panel;
        tile.panel_stride = g.panel_stride;
        tile.inner_stride = g.inner_stride;
        multiply(tile, rows, inner, n, wide);
        n += wide;
        continue;
      }
      tile.right = panel;
      tile.panel_stride = kPanel;
      tile.inner_stride = g.inner_stride;
      if (!padded && (packs_right || columns < kPanel)) {
        copy_panel(panel, g.inner_stride, inner.count, columns, right_scratch);
        tile.right = right_scratch;
        tile.inner_stride = kPanel;
      }
      for (int t = 0; t < tiles; ++t) multiply(tile, rows, inner, n, columns, t, tiles);
      n += kPanel;
    }
  }

  void multiply(Tile tile, Range rows, Range inner, int n, int columns, int t = 0,
                int tiles = 1) const {
    const Range r = part(rows.count, tiles, t);
    const float* pointers[kTileRows];
    tile.left = left_scratch + size_t(r.begin) * inner.count;
    if (!packs_left) {
      for (int i = 0; i < r.count; ++i)
        pointers[i] = left_row(g, rows.begin + r.begin + i) + inner.begin;
      tile.rows = pointers;
    }
    tile.out = g.out + size_t(rows.begin + r.begin) * g.out_row + n;
    const TileTable<Element>& table = kTiles<Element>;
    if (columns > kPanel)
      return (packs_left ? table.wide_packed : table.wide_direct)[r.count - 1](tile);
    run_panel<Element>((packs_left ? table.packed : table.direct)[r.count - 1], r.count, tile,
                       columns);
  }
};

template <class Element>
void gemm_of(const Gemm& g) {
  // A row-major matrix of 32 columns looks like panels but may end at `cols`.
  const bool padded = g.inner_stride == kPanel && g.panel_stride != kPanel;
  const bool packs_left = g.left_inner != 1 || (g.rows > 4 && g.cols >= kPackLeftColumns);
  const bool packs_right = !padded && g.rows > kPackRightTiles * kTileRows;
  const int inner_parts = g.inner > 0 ? ceil_div(g.inner, kInnerBlock) : 1;
  const int inner_most = ceil_div(g.inner, inner_parts);
  // The scratch holds one panel, then the tiles of as many rows as fit.
  const size_t right_floats = padded ? 0 : size_t(inner_most) * kPanel;
  float* left_scratch = g.scratch + right_floats;
  const GemmRun<Element> run{
      g, padded, packs_left, packs_right, reinterpret_cast<Element*>(g.scratch), left_scratch};
  const size_t room = kGemmScratch - right_floats - kSquare;
  int rows_most = inner_most > 0 ? int(room / size_t(inner_most)) : g.rows;
  if (rows_most >= g.rows)
    rows_most = g.rows;
  else
    rows_most -= rows_most % kTileRows;
  const int row_parts = ceil_div(g.rows, rows_most);
  for (int i = 0; i < row_parts; ++i)
    for (int j = 0; j < inner_parts; ++j)
      run.block(part(g.rows, row_parts, i), part(g.inner, inner_parts, j), g.accumulate || j > 0);
}

void gemm(const Gemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  if (g.type == PanelType::bf16)
    gemm_of<uint16_t>(g);
  else
    gemm_of<float>(g);
}

}  // namespace
}  // namespace weir
