// integer_gemm over panels, or over stored rows, which then are repacked a section at a time.
// Written over panel_direct-inl.h and panel_repack-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/div_up.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/panel_direct-inl.h"
#include "kernels/quant/panel_repack-inl.h"

namespace weir {
namespace {

// Sections of panels: as they are, or repacked into a scratch of one section.
template <class F>
class Sections {
 public:
  Sections(const IntegerGemm& g, uint8_t* scratch)
      : g_(g), scratch_(scratch), panel_(panel_bytes(g.type, g.inner)) {}
  PanelSection<F> at(int panel, int i) const {
    const int blocks = blocks_of_section(g_.inner, i);
    if (g_.panels)
      return {g_.panels + size_t(panel) * panel_ + size_t(i) * section_bytes<F>(8), blocks};
    const int first = panel * kPanelRows;
    const StoredRows rows{static_cast<const uint8_t*>(g_.weights) + size_t(first) * g_.weight_row,
                          g_.weight_row, smaller(kPanelRows, g_.cols - first)};
    prefetch_rows<F>(rows, i, (i + 1) * kSection >= g_.inner);
    repack_section<F>(rows, i, blocks, scratch_);
    return {scratch_, blocks};
  }

  // What comes `ahead` panels after section i of a panel when these are walked section by section.
  const uint8_t* after(Range panels, int panel, int i, int ahead) const {
    if (!g_.panels) return scratch_;
    const bool is_last = panel + ahead >= panels.begin + panels.count;
    const int next = is_last ? panels.begin : panel + ahead;
    return g_.panels + size_t(next) * panel_ + size_t(i + is_last) * section_bytes<F>(8);
  }

 private:
  const IntegerGemm& g_;
  uint8_t* scratch_;
  size_t panel_;
};

inline const QuantizedSection* quantized_row(const IntegerGemm& g, int m) {
  const int source = g.left_rows ? g.left_rows[m] : m;
  return reinterpret_cast<const QuantizedSection*>(g.left + size_t(source) * g.left_row);
}

// The products of activation row m with the rows of a panel.
inline void put_panel(const IntegerGemm& g, int m, int panel, Lanes products) {
  const int first = panel * kPanelRows, count = smaller(kPanelRows, g.cols - first);
  float* out = g.out + size_t(m) * g.out_row + first;
  if (count == kPanelRows)
    store(out, g.accumulate ? load(out) + products : products);
  else
    store_part(out, count, g.accumulate ? load_part(out, count) + products : products);
}

// Activation rows m .. m + R - 1 with one panel.
template <class F, int R>
void few_with_panel(const IntegerGemm& g, const Sections<F>& sections, int m, int panel) {
  const QuantizedSection* a[R];
  Lanes products[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) a[r] = quantized_row(g, m + r), products[r] = splat(0);
  for (int i = 0; i * kSection < g.inner; ++i) {
    few_rows<F, R>(sections.at(panel, i), a, products);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) ++a[r];
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) put_panel(g, m + r, panel, products[r]);
}

// Activation rows from m on with one panel, R at a time while there are as many.
template <class F, int R = kByteRows>
void rows_with_panel(const IntegerGemm& g, const Sections<F>& sections, int m, int panel) {
  for (; m + R <= g.rows; m += R) few_with_panel<F, R>(g, sections, m, panel);
  if constexpr (R > 1) rows_with_panel<F, R / 2>(g, sections, m, panel);
}

// As few_with_panel, with words in registers. `sums`: of all sections of the rows, one row after
// another.
template <class F, int R = kDirectRows>
void direct_with_panel(const IntegerGemm& g, const Sections<F>& sections, Range rows, int panel,
                       const BlockSums* sums) {
  if constexpr (R > kByteRows + 1)
    if (rows.count < R) return direct_with_panel<F, R - 1>(g, sections, rows, panel, sums);
  const int count = div_up(g.inner, kSection);
  const QuantizedSection* a[R];
  const BlockSums* of[R];
  alignas(64) float products[R * kPanelRows] = {};
  for (int r = 0; r < R; ++r) {
    a[r] = quantized_row(g, rows.begin + r);
    of[r] = sums + (rows.begin + r) * count;
  }
  for (int i = 0; i < count; ++i) {
    direct_rows<F, R>(sections.at(panel, i), a, of, products);
    for (int r = 0; r < R; ++r) ++a[r], ++of[r];
  }
  for (int r = 0; r < R; ++r) put_panel(g, rows.begin + r, panel, load(products + kPanelRows * r));
}

// Rows whose block sums fit into the scratch, behind a section that is repacked there.
template <class F>
constexpr size_t kSumsFrom = div_up(section_bytes<F>(8), 64) * 16;  // floats
template <class F>
bool has_direct_rows(const IntegerGemm& g) {
  const size_t sums = size_t(g.rows) * size_t(div_up(g.inner, kSection)) * sizeof(BlockSums);
  return kDirectRows > kByteRows && g.rows > kByteRows &&
         kSumsFrom<F> * sizeof(float) + sums <= kGemmScratch * sizeof(float);
}

template <class F>
void multiply_few(const IntegerGemm& g) {
  const Sections<F> sections(g, reinterpret_cast<uint8_t*>(g.scratch));
  const int panels = div_up(g.cols, kPanelRows);
  if constexpr (kDirectRows > kByteRows)
    if (has_direct_rows<F>(g)) {
      BlockSums* sums = reinterpret_cast<BlockSums*>(g.scratch + kSumsFrom<F>);
      if (F::kNumbers == 256 && kHasMinimum<F>) {
        BlockSums* next = sums;
        for (int m = 0; m < g.rows; ++m)
          for (int i = 0; i * kSection < g.inner; ++i) *next++ = BlockSums(quantized_row(g, m)[i]);
      }
      const Split tiles(g.rows, kDirectRows);
      for (int panel = 0; panel < panels; ++panel)
        for (int t = 0; t < tiles.parts; ++t)
          direct_with_panel<F>(g, sections, tiles[t], panel, sums);
      return;
    }
  for (int panel = 0; panel < panels; ++panel) rows_with_panel<F>(g, sections, 0, panel);
}

// Blocks of activation rows times groups of panels, whose products are in the scratch meanwhile: a
// section of the activation rows stays in the second-level cache for all panels of a group, a
// spread section of a panel in the first for all rows of a block. `Products` as WordProducts.
template <class F, class Products>
class ManyRows {
 public:
  explicit ManyRows(const IntegerGemm& g)
      : g_(g),
        products_(g.scratch + kOwnFloats),
        sections_(g, reinterpret_cast<uint8_t*>(products_ + kRows * kPanels * kPanelRows)),
        multiply_(g, *reinterpret_cast<typename Products::Scratch*>(g.scratch)) {}

  void run() {
    const Split blocks(g_.rows, kRows), groups(div_up(g_.cols, kPanelRows), kPanels);
    for (int b = 0; b < blocks.parts; ++b)
      for (int p = 0; p < groups.parts; ++p) multiply(blocks[b], groups[p]);
  }

 private:
  static constexpr int kRows = Products::kRows, kPanels = 8, kTogether = Products::kPanels;
  static constexpr size_t kOwnFloats = div_up(sizeof(typename Products::Scratch), 64) * 16;
  static constexpr size_t kSectionFloats = div_up(section_bytes<F>(8), 64) * 16;
  static_assert(kOwnFloats + kRows * kPanels * kPanelRows + kSectionFloats <= kGemmScratch);

  float* products(int panel) const { return products_ + panel * kRows * kPanelRows; }

  void multiply(Range rows, Range panels) {
    const QuantizedSection* a[kRows];
    for (int r = 0; r < rows.count; ++r) a[r] = quantized_row(g_, rows.begin + r);
    for (int p = 0; p < panels.count; ++p)
      __builtin_memset(products(p), 0, size_t(rows.count) * kPanelRows * sizeof(float));
    for (int i = 0; i * kSection < g_.inner; ++i) {
      multiply_.begin(a, rows.count);
      for (int p = 0; p < panels.count; p += kTogether) {
        const int count = smaller(kTogether, panels.count - p);
        for (int c = 0; c < count; ++c) {
          const int panel = panels.begin + p + c;
          multiply_.unpack(c, sections_.at(panel, i), sections_.after(panels, panel, i, kTogether));
        }
        multiply_.multiply(count, a, rows.count, {products(p), kRows * kPanelRows});
      }
      for (int r = 0; r < rows.count; ++r) ++a[r];
    }
    for (int p = 0; p < panels.count; ++p)
      for (int r = 0; r < rows.count; ++r)
        put_panel(g_, rows.begin + r, panels.begin + p, load(products(p) + r * kPanelRows));
  }

  const IntegerGemm& g_;
  float* const products_;
  const Sections<F> sections_;
  Products multiply_;
};

// Whether the codes are parted anew for every few activation rows. Stored rows would be repacked
// anew too.
inline bool has_few_rows(const IntegerGemm& g) {
  return g.rows < (g.panels ? kWordsFrom : kByteRows + 1);
}

void integer_gemm(const IntegerGemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  visit_quantized(g.type, [&](auto format) {
    using F = decltype(format);
    if (has_few_rows(g))
      multiply_few<F>(g);
    else
      ManyRows<F, WordProducts<F>>(g).run();
  });
}

}  // namespace
}  // namespace weir
