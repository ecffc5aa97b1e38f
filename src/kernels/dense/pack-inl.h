// Rearranges operands of gemm: weights into panels of 32 columns, the left operand into tiles. Pure
// movement of data. Written over the functions of one lanes_*-inl.h, included before it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

// out[k][i] = source[i][k] for i < count <= kSquare and k < inner. Writes up to kSquare elements
// per k whatever `count` is: what lies beyond is written later or ignored.
inline void transpose_rows(const float* const* source, int count, int inner, float* out,
                           size_t out_row) {
  const float* rows[kSquare];
  for (int i = 0; i < kSquare; ++i) rows[i] = source[i < count ? i : 0];
  int k = 0;
  for (; k + kSquare <= inner; k += kSquare) {
    transpose_square(rows, out + size_t(k) * out_row, out_row);
    for (int i = 0; i < kSquare; ++i) rows[i] += kSquare;
  }
  for (; k < inner; ++k)
    for (int i = 0; i < count; ++i) out[size_t(k) * out_row + i] = source[i][k];
}

void pack_transposed(const float* source, size_t source_row, int outputs, int inner,
                     float* panels) {
  for (int begin = 0; begin < outputs; begin += kPanel) {
    float* panel = panels + size_t(begin) * inner;
    for (int side = 0; side < kPanel; side += kSquare) {
      const float* rows[kSquare];
      int left = outputs - begin - side;
      int count = left < 0 ? 0 : left < kSquare ? left : kSquare;
      for (int i = 0; i < count; ++i) rows[i] = source + size_t(begin + side + i) * source_row;
      if (count > 0) transpose_rows(rows, count, inner, panel + side, kPanel);
      if (count == kSquare) continue;
      for (int k = 0; k < inner; ++k)
        for (int i = count; i < kSquare; ++i) panel[size_t(k) * kPanel + side + i] = 0;
    }
  }
}

inline void copy_row(const float* from, float* to) {
  store(to, load(from));
  store(to + 16, load(from + 16));
}

// One panel [inner][32] of a row-major matrix; columns from `valid` on are zero.
inline void copy_panel(const float* source, size_t source_row, int inner, int valid, float* panel) {
  for (int k = 0; k < inner; ++k) {
    const float* from = source + size_t(k) * source_row;
    float* to = panel + size_t(k) * kPanel;
    if (valid == kPanel) {
      copy_row(from, to);
    } else {
      for (int n = 0; n < kPanel; ++n) to[n] = n < valid ? from[n] : 0.f;
    }
  }
}

inline const float* left_row(const Gemm& g, int row) {
  return g.left + size_t(g.left_rows ? g.left_rows[row] : row) * g.left_row;
}

// For a left operand whose rows are contiguous over m: takes a few k at a time through all tiles,
// so that what is read stays near. A whole store runs into the same tile's next k, written later.
inline void pack_left_transposed(const Gemm& g, Range rows, Range inner, float* to) {
  constexpr int kStep = 32;
  const Split tiles(rows.count, kTileRows);
  for (int begin = 0; begin < inner.count; begin += kStep) {
    const int end = smaller(begin + kStep, inner.count);
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

// Tile after tile, [k][rows of the tile]. Writes up to kSquare floats beyond the last tile.
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

// Walks the source row by row, because a row spans all panels and is read from memory once.
void pack_rows(const float* source, size_t source_row, const int* rows, int inner, int columns,
               float* panels) {
  for (int k = 0; k < inner; ++k) {
    const float* from = source + size_t(rows ? rows[k] : k) * source_row;
    for (int n = 0; n < columns; n += kPanel) {
      int valid = columns - n < kPanel ? columns - n : kPanel;
      copy_panel(from + n, 0, 1, valid, panels + size_t(n) * inner + size_t(k) * kPanel);
    }
  }
}

}  // namespace
}  // namespace weir
