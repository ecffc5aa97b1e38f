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

// to[16 g + r] = byte g of rows[r]: four perfect shuffles of 128 bytes.
inline void transpose_bytes(const uint64_t* rows, uint8_t* to) {
  __m128i a[8];
  __builtin_memcpy(a, rows, sizeof a);
  for (int step = 0; step < 4; ++step) {
    __m128i b[8];
    for (int i = 0; i < 4; ++i) {
      b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 4]);
      b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 4]);
    }
    __builtin_memcpy(a, b, sizeof a);
  }
  __builtin_memcpy(to, a, sizeof a);
}

template <class F>
void repack_steps(const StoredRows& rows, size_t block, const PanelSection<F>& s) {
  using Section = PanelSection<F>;
  constexpr int kWords = Section::kStepsOfBlock / 8;  // of a row
  uint64_t steps[kWords][kPanelRows] = {}, minimums[kWords][kPanelRows] = {};
  for (int r = 0; r < rows.count; ++r) {
    const uint8_t* b = rows.first + size_t(r) * rows.row_bytes + block * F::kBytes;
    if constexpr (Section::kShares) {  // the file's bytes, a group each
      for (int w = 0; w < kWords; ++w) __builtin_memcpy(&steps[w][r], b + 8 * w, 8);
    } else {
      const GroupScales scales = F::scales(b);
      for (int w = 0; w < kWords; ++w)
        steps[w][r] = scales.step[w], minimums[w][r] = scales.minimum[w];
    }
  }
  for (int w = 0; w < kWords; ++w) {
    transpose_bytes(steps[w], const_cast<uint8_t*>(s.steps()) + 8 * w * kPanelRows);
    if constexpr (kHasMinimum<F> && !Section::kShares)
      transpose_bytes(minimums[w], const_cast<uint8_t*>(s.integer_minimums()) + 8 * w * kPanelRows);
  }
}

// Asks for the section that is repacked next, of these rows or of the sixteen after them: their
// pieces are too short for the processor to see a stream.
template <class F>
inline void prefetch_rows(const StoredRows& rows, int i, bool is_last) {
  constexpr int kBytes = F::kBytes * (kSection / F::kNumbers);
  const uint8_t* next =
      rows.first + (is_last ? kPanelRows * rows.row_bytes : size_t(i + 1) * kBytes);
  for (int r = 0; r < rows.count; ++r)
    for (int line = 0; line < kBytes; line += 64)
      __builtin_prefetch(next + size_t(r) * rows.row_bytes + line);
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
    for (int i = 0; i * kSection < inner; ++i) {
      prefetch_rows<F>(stored, i, (i + 1) * kSection >= inner);
      repack_section<F>(stored, i, blocks_of_section(inner, i),
                        panel + size_t(i) * section_bytes<F>(8));
    }
  });
}

}  // namespace
}  // namespace weir
