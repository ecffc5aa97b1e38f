// integer_gemm over panels, or over stored rows, which then are repacked a section at a time.
// Written over panel_many-inl.h and panel_repack-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/panel_many-inl.h"
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
    repack_section<F>({static_cast<const uint8_t*>(g_.weights) + size_t(first) * g_.weight_row,
                       g_.weight_row, smaller(kPanelRows, g_.cols - first)},
                      i, blocks, scratch_);
    return {scratch_, blocks};
  }

  // What follows section i of a panel when these panels are walked section by section.
  const uint8_t* after(Range panels, int panel, int i) const {
    if (!g_.panels) return scratch_;
    const bool is_last = panel + 1 == panels.begin + panels.count;
    const int next = is_last ? panels.begin : panel + 1;
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
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) a[r] = quantized_row(g, m + r), products[r] = splat(0);
  for (int i = 0; i * kSection < g.inner; ++i) {
    few_rows<F, R>(sections.at(panel, i), a, products);
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) ++a[r];
  }
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) put_panel(g, m + r, panel, products[r]);
}

template <class F>
void multiply_few(const IntegerGemm& g) {
  const Sections<F> sections(g, reinterpret_cast<uint8_t*>(g.scratch));
  for (int panel = 0; panel * kPanelRows < g.cols; ++panel) {
    int m = 0;
    for (; m + kByteRows <= g.rows; m += kByteRows)
      few_with_panel<F, kByteRows>(g, sections, m, panel);
    for (; m < g.rows; ++m) few_with_panel<F, 1>(g, sections, m, panel);
  }
}

// Blocks of activation rows times groups of panels, whose products are in the scratch meanwhile: a
// section of the activation rows stays in the second-level cache for all panels of a group, a
// spread section of a panel in the first for all rows of a block.
template <class F>
class ManyRows {
 public:
  explicit ManyRows(const IntegerGemm& g)
      : g_(g),
        spread_(*reinterpret_cast<SpreadSection*>(g.scratch)),
        products_(g.scratch + kSpreadFloats),
        sections_(g, reinterpret_cast<uint8_t*>(products_ + kRows * kPanels * kPanelRows)) {}

  void run() const {
    const Split blocks(g_.rows, kRows), groups(div_up(g_.cols, kPanelRows), kPanels);
    for (int b = 0; b < blocks.parts; ++b)
      for (int p = 0; p < groups.parts; ++p) multiply(blocks[b], groups[p]);
  }

 private:
  static constexpr int kRows = 192, kPanels = 8;
  static constexpr size_t kSpreadFloats = (sizeof(SpreadSection) + 63) / 64 * 16;
  static_assert(kSpreadFloats + kRows * kPanels * kPanelRows + 2048 <= kGemmScratch);

  float* products(int row, int panel) const {
    return products_ + (panel * kRows + row) * kPanelRows;
  }

  void multiply(Range rows, Range panels) const {
    const Split tiles(rows.count, kWordRows);
    const QuantizedSection* a[kRows];
    for (int r = 0; r < rows.count; ++r) a[r] = quantized_row(g_, rows.begin + r);
    for (int p = 0; p < panels.count; ++p)
      __builtin_memset(products(0, p), 0, size_t(rows.count) * kPanelRows * sizeof(float));
    for (int i = 0; i * kSection < g_.inner; ++i) {
      for (int p = 0; p < panels.count; ++p) {
        const PanelSection<F> section = sections_.at(panels.begin + p, i);
        spread(section, sections_.after(panels, panels.begin + p, i), spread_);
        for (int t = 0; t < tiles.parts; ++t)
          word_tile<kWordRows>(spread_, F::kNumbers == 256, kIsWide<F>, kHasMinimum<F>,
                               section.blocks, a + tiles[t].begin, tiles[t].count,
                               products(tiles[t].begin, p));
      }
      for (int r = 0; r < rows.count; ++r) ++a[r];
    }
    for (int p = 0; p < panels.count; ++p)
      for (int r = 0; r < rows.count; ++r)
        put_panel(g_, rows.begin + r, panels.begin + p, load(products(r, p)));
  }

  const IntegerGemm& g_;
  SpreadSection& spread_;
  float* const products_;
  const Sections<F> sections_;
};

void integer_gemm(const IntegerGemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  visit_quantized(g.type, [&](auto format) {
    using F = decltype(format);
    if (g.rows < kWordsFrom)
      multiply_few<F>(g);
    else
      ManyRows<F>(g).run();
  });
}

}  // namespace
}  // namespace weir
