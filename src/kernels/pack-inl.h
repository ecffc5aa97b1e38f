// Rearranges operands of gemm: weights into panels of 32 columns, the left operand into tiles. Pure
// movement of data. Written over the functions of one lanes_*-inl.h, included before it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace weir {
namespace {

// out[k][i] = source[i][k] for i < count <= kSquare and k < inner. Writes up to kSquare elements
// per k whatever `count` is: what lies beyond is written later or ignored.
template <class Element>
inline void transpose_rows(const Element* const* source, int count, int inner, Element* out,
                           size_t out_row) {
  const Element* rows[kSquare];
  for (int i = 0; i < kSquare; ++i) rows[i] = source[i < count ? i : 0];
  int k = 0;
  for (; k + kSquare <= inner; k += kSquare) {
    transpose_square(rows, out + size_t(k) * out_row, out_row);
    for (int i = 0; i < kSquare; ++i) rows[i] += kSquare;
  }
  for (; k < inner; ++k)
    for (int i = 0; i < count; ++i) out[size_t(k) * out_row + i] = source[i][k];
}

template <class Element>
void pack_transposed_panels(const Element* source, size_t source_row, int outputs, int inner,
                            Element* panels) {
  for (int begin = 0; begin < outputs; begin += kPanel) {
    Element* panel = panels + size_t(begin) * inner;
    for (int side = 0; side < kPanel; side += kSquare) {
      const Element* rows[kSquare];
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
inline void copy_row(const uint16_t* from, uint16_t* to) {
  for (int n = 0; n < kPanel; ++n) to[n] = from[n];
}

// One panel [inner][32] of a row-major matrix; columns from `valid` on are zero.
template <class Element>
inline void copy_panel(const Element* source, size_t source_row, int inner, int valid,
                       Element* panel) {
  for (int k = 0; k < inner; ++k) {
    const Element* from = source + size_t(k) * source_row;
    Element* to = panel + size_t(k) * kPanel;
    if (valid == kPanel) {
      copy_row(from, to);
    } else {
      for (int n = 0; n < kPanel; ++n) to[n] = n < valid ? from[n] : Element(0);
    }
  }
}

void pack_transposed(const float* source, size_t source_row, int outputs, int inner,
                     float* panels) {
  pack_transposed_panels(source, source_row, outputs, inner, panels);
}

void pack_transposed_bf16(const uint16_t* source, size_t source_row, int outputs, int inner,
                          uint16_t* panels) {
  pack_transposed_panels(source, source_row, outputs, inner, panels);
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
