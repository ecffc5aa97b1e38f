// Stored rows to a panel. Written over panel_format-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/lanes/transpose_eight-inl.h"
#include "kernels/quant/panel_format-inl.h"

namespace weir {
namespace {

// Up to sixteen stored rows, `row_bytes` apart; the others are zeros.
struct StoredRows {
  const uint8_t* first;
  size_t row_bytes;
  int count;
};

// Zeros where rows are missing; a panel of sixteen is written all over.
inline void clear_unless_full(const StoredRows& rows, uint8_t* to, size_t bytes) {
  if (rows.count < kPanelRows) __builtin_memset(to, 0, bytes);
}

// The same 32 codes of sixteen rows, which lie at from + 32 r, to quads.
inline void transpose_group(const uint8_t* from, Sixteen* quads) {
  const float* rows[kPanelRows];
  for (int r = 0; r < kPanelRows; ++r) rows[r] = reinterpret_cast<const float*>(from + 32 * r);
  float* to = reinterpret_cast<float*>(quads);
  transpose_eight(rows, to, 16);
  transpose_eight(rows + 8, to + 8, 16);
}

template <class F, int j>
void repack_group(const StoredRows& rows, size_t block, uint8_t* to) {
  alignas(64) uint8_t codes[kPanelRows * 32];
  clear_unless_full(rows, codes, sizeof codes);
  for (int r = 0; r < rows.count; ++r) {
    const uint8_t* b = rows.first + size_t(r) * rows.row_bytes + block * F::kBytes;
    store_bytes(codes + 32 * r, stored_codes<F, j>(b));
  }
  alignas(64) Sixteen quads[kQuads];
  transpose_group(codes, quads);
  PackedCodes<traits_of(F::kType).code_bits>::pack(quads, to);
}

template <class F, int j = 0>
void repack_groups(const StoredRows& rows, size_t block, const PanelSection<F>& s) {
  repack_group<F, j>(rows, block, const_cast<uint8_t*>(s.group(j)));
  if constexpr (j < 7) repack_groups<F, j + 1>(rows, block, s);
}

// halves[r] = the half at `offset` of the block of row r.
template <class F>
void repack_halves(const StoredRows& rows, size_t block, int offset, const uint8_t* halves) {
  uint8_t* to = const_cast<uint8_t*>(halves);
  clear_unless_full(rows, to, PanelSection<F>::kHalves);
  for (int r = 0; r < rows.count; ++r)
    __builtin_memcpy(to + 2 * r,
                     rows.first + size_t(r) * rows.row_bytes + block * F::kBytes + offset, 2);
}

template <class F>
void repack_steps(const StoredRows& rows, size_t block, const PanelSection<F>& s) {
  using Section = PanelSection<F>;
  uint8_t* steps = const_cast<uint8_t*>(s.steps());
  uint8_t* minimums = const_cast<uint8_t*>(s.integer_minimums());
  clear_unless_full(rows, steps, size_t(s.groups() - s.steps()));
  for (int r = 0; r < rows.count; ++r) {
    const uint8_t* b = rows.first + size_t(r) * rows.row_bytes + block * F::kBytes;
    if constexpr (Section::kShares) {  // the file's bytes, a group each
      for (int g = 0; g < Section::kStepsOfBlock; ++g) steps[g * kPanelRows + r] = b[g];
    } else {
      const GroupScales scales = F::scales(b);
      for (int g = 0; g < Section::kStepsOfBlock; ++g) {
        steps[g * kPanelRows + r] = uint8_t(scales.step[g / 8] >> g % 8 * 8);
        if constexpr (kHasMinimum<F>)
          minimums[g * kPanelRows + r] = uint8_t(scales.minimum[g / 8] >> g % 8 * 8);
      }
    }
  }
}

// One section of a panel, from numbers 256 i on of the rows.
template <class F>
void repack_section(const StoredRows& rows, int i, int blocks, uint8_t* to) {
  const PanelSection<F> s{to, blocks};
  if constexpr (PanelSection<F>::kIsLarge) {
    repack_halves<F>(rows, size_t(i), F::kStep, s.units());
    if constexpr (kHasMinimum<F>) repack_halves<F>(rows, size_t(i), F::kMinimum, s.minimums());
    repack_steps(rows, size_t(i), s);
    repack_groups<F>(rows, size_t(i), s);
  } else {
    for (int b = 0; b < blocks; ++b) {
      const size_t block = size_t(i) * 8 + size_t(b);
      repack_halves<F>(rows, block, F::kStep, s.units(b));
      if constexpr (kHasMinimum<F>) repack_halves<F>(rows, block, F::kMinimum, s.minimums(b));
      repack_group<F, 0>(rows, block, const_cast<uint8_t*>(s.group(b)));
    }
  }
}

inline int blocks_of_section(int inner, int i) {
  return smaller(kSection, inner - i * kSection) / 32;
}

// All sections of a panel; see Kernels.
void repack_panel(WeightType type, const void* rows, size_t row_bytes, int count, int inner,
                  uint8_t* panel) {
  const StoredRows stored{static_cast<const uint8_t*>(rows), row_bytes, count};
  visit_quantized(type, [&](auto format) {
    using F = decltype(format);
    static_assert(section_bytes<F>(8) ==
                  size_t(kPanelRows * traits_of(F::kType).panel_bytes * (kSection / F::kNumbers)));
    for (int i = 0; i * kSection < inner; ++i)
      repack_section<F>(stored, i, blocks_of_section(inner, i),
                        panel + size_t(i) * section_bytes<F>(8));
  });
}

}  // namespace
}  // namespace weir
