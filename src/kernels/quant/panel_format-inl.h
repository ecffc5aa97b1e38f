// The layout of a panel, sixteen stored rows repacked for integer products. A panel is one section
// of 256 numbers after another; in a section the sixteen rows lie side by side in every array:
//   blocks of 256:  halves[16] unit; halves[16] least, with minimums; bytes[groups][16] integer
//   steps;
//                   bytes[groups][16] integer minimums; eight times the codes of 32 numbers.
//                   Steps and minimums of q2_k share bytes, as in the file.
//   blocks of 32:   halves[blocks][16] step; halves[blocks][16] minimum; per block the codes
// Codes are without a sign: a number is step * (code - kCodeCenter) - minimum.
// Written over formats-inl.h and panel_codes-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/div_up.h"
#include "kernels/quant/formats-inl.h"
#include "kernels/quant/integer_gemm.h"
#include "kernels/quant/panel_codes-inl.h"

namespace weir {
namespace {

// Codes of iq4_nl and iq4_xs are places in a table.
template <class F>
constexpr bool kHasTable = requires(const uint8_t* b) {
  F::template nibbles<0>(b);
};
template <class F>
constexpr int kCodeCenter = F::kSigned ? 128 : F::kCenter;
struct CodeTable {
  alignas(16) uint8_t codes[16];
  constexpr CodeTable() : codes() {
    for (int i = 0; i < 16; ++i) codes[i] = uint8_t(kCurve[i] + 128);
  }
};
constexpr CodeTable kCodeTable;

// The codes of numbers 32 j .. 32 j + 31 of a stored block, as a panel keeps them.
template <class F, int j>
inline Bytes stored_codes(const uint8_t* block) {
  if constexpr (kHasTable<F>)
    return F::template nibbles<j>(block);
  else if constexpr (F::kSigned)
    return minus(F::template quants<j>(block), 128);
  else
    return F::template quants<j>(block);
}

// Quad q of a group, the codes as they count.
template <class F, int q>
[[gnu::always_inline]] inline Sixteen quad_of(const uint8_t* group) {
  const Sixteen codes = PackedCodes<traits_of(F::kType).code_bits>::template quad<q>(group);
  if constexpr (kHasTable<F>)
    return look_up(kCodeTable.codes, codes);
  else
    return codes;
}

// Where the arrays of a section are; `blocks`: of 32 numbers in it, 8 but in the last one.
template <class F>
struct PanelSection {
  static constexpr bool kIsLarge = F::kNumbers == 256;
  static constexpr int kStepsOfBlock = 256 / F::kGroup;
  static constexpr bool kShares = F::kType == WeightType::q2_k;
  static constexpr int kHalves = 2 * kPanelRows;  // bytes
  static constexpr int kGroupBytes = PackedCodes<traits_of(F::kType).code_bits>::kBytes;

  const uint8_t* at;
  int blocks;

  const uint8_t* units(int block = 0) const { return at + block * kHalves; }
  const uint8_t* minimums(int block = 0) const {
    return at + ((kIsLarge ? 1 : blocks) + block) * kHalves;
  }
  const uint8_t* steps() const { return at + (kHasMinimum<F> ? 2 : 1) * kHalves; }
  const uint8_t* integer_minimums() const {
    return steps() + (kShares ? 0 : kStepsOfBlock * kPanelRows);
  }
  const uint8_t* groups() const { return at + header_bytes(blocks); }
  const uint8_t* group(int j) const { return groups() + j * kGroupBytes; }

  // Of everything but the codes.
  static constexpr int header_bytes(int blocks_) {
    const int halves = (kIsLarge ? 1 : blocks_) * (kHasMinimum<F> ? 2 : 1) * kHalves;
    if (!kIsLarge) return halves;
    return halves + (kHasMinimum<F> && !kShares ? 2 : 1) * kStepsOfBlock * kPanelRows;
  }
};

template <class F>
constexpr size_t section_bytes(int blocks) {
  return size_t(PanelSection<F>::header_bytes(blocks) + blocks * PanelSection<F>::kGroupBytes);
}

// Sixteen integer steps, or minimums, of group g (of F::kGroup numbers), one a byte with its sign.
template <class F>
inline __m128i step_row(const PanelSection<F>& s, int g) {
  const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.steps() + g * kPanelRows));
  return PanelSection<F>::kShares ? _mm_and_si128(row, _mm_set1_epi8(15)) : row;
}
template <class F>
inline __m128i minimum_row(const PanelSection<F>& s, int g) {
  const __m128i row =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.integer_minimums() + g * kPanelRows));
  return PanelSection<F>::kShares ? _mm_and_si128(_mm_srli_epi16(row, 4), _mm_set1_epi8(15)) : row;
}

}  // namespace
}  // namespace weir
