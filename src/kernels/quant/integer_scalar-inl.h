// integer_gemm in plain loops: its definition (integer_gemm.h), over stored rows.
// Written over formats-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/formats-inl.h"

namespace weir {
namespace {

// The integers of a block of 256, or of up to eight blocks of 32, and what multiplies their sums.
struct IntegerSection {
  int blocks;  // sums with a unit of their own
  int words[kSection];
  int minimums[16];  // of every 16 numbers
  float units[8], least[8];
};

template <class F, int j>
void decode_integers(const uint8_t* b, int* to) {
  Bytes q = F::template quants<j>(b);
  if constexpr (F::kCenter != 0) q = minus(q, F::kCenter);
  constexpr bool kSigned = F::kSigned || F::kCenter != 0;
  for (int i = 0; i < 32; ++i) to[i] = kSigned ? int(int8_t(q.v[i])) : int(q.v[i]);
}
template <class F, int j = 0>
void decode_groups_of_integers(const uint8_t* b, int* to) {
  decode_integers<F, j>(b, to + 32 * j);
  if constexpr (j < 7) decode_groups_of_integers<F, j + 1>(b, to);
}

// Section i of a stored row.
template <class F>
void decode_section(const uint8_t* row, int inner, int i, IntegerSection& to) {
  if constexpr (F::kNumbers == 256) {
    const uint8_t* b = row + size_t(i) * F::kBytes;
    const GroupScales s = F::scales(b);
    to.blocks = 1;
    decode_groups_of_integers<F>(b, to.words);
    for (int k = 0; k < kSection; ++k) {
      const int g = k / F::kGroup;
      to.words[k] *= int8_t(s.step[g / 8] >> g % 8 * 8 & 255);
    }
    to.units[0] = half_at(b + F::kStep);
    if constexpr (kHasMinimum<F>) {
      for (int h = 0; h < 16; ++h) {
        const int g = h * 16 / F::kGroup;
        to.minimums[h] = int(s.minimum[g / 8] >> g % 8 * 8 & 255);
      }
      to.least[0] = half_at(b + F::kMinimum);
    }
  } else {
    to.blocks = smaller(kSection, inner - i * kSection) / 32;
    for (int j = 0; j < to.blocks; ++j) {
      const uint8_t* b = row + (size_t(i) * 8 + size_t(j)) * F::kBytes;
      decode_integers<F, 0>(b, to.words + 32 * j);
      to.units[j] = half_at(b + F::kStep);
      if constexpr (kHasMinimum<F>) to.least[j] = half_at(b + F::kMinimum);
    }
  }
}

template <class F>
float section_product(const IntegerSection& w, const QuantizedSection& a) {
  float f = 0;
  const int count = F::kNumbers == 256 ? kSection : 32;
  for (int b = 0; b < w.blocks; ++b) {
    int64_t sum = 0;
    for (int k = count * b; k < count * (b + 1); ++k) sum += w.words[k] * a.words[k];
    if constexpr (F::kNumbers == 256) {
      f = float(sum) * w.units[0];
      if constexpr (kHasMinimum<F>) {
        int least = 0;
        for (int h = 0; h < 16; ++h)
          least += w.minimums[h] * (128 * a.sums_high[h] + a.sums_low[h]);
        f = fused(-float(least), w.least[0], f);
      }
    } else {
      f = fused(float(sum), w.units[b], f);
      if constexpr (kHasMinimum<F>) f = fused(float(sum_of_block(a, b)), w.least[b], f);
    }
  }
  return f;
}

template <class F>
void integer_gemm_of(const IntegerGemm& g, Range rows) {
  float* products = g.scratch;
  IntegerSection w;
  for (int n = 0; n < g.cols; ++n) {
    const uint8_t* stored = static_cast<const uint8_t*>(g.weights) + size_t(n) * g.weight_row;
    for (int r = 0; r < rows.count; ++r) products[r] = 0;
    for (int i = 0; i * kSection < g.inner; ++i) {
      decode_section<F>(stored, g.inner, i, w);
      for (int r = 0; r < rows.count; ++r) {
        const int m = rows.begin + r, source = g.left_rows ? g.left_rows[m] : m;
        const auto& a =
            reinterpret_cast<const QuantizedSection*>(g.left + size_t(source) * g.left_row)[i];
        products[r] = fused(section_product<F>(w, a), a.scale, products[r]);
      }
    }
    for (int r = 0; r < rows.count; ++r) put(g, rows.begin + r, n, products[r]);
  }
}

void integer_gemm(const IntegerGemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  const Split blocks(g.rows, int(kGemmScratch));
  for (int b = 0; b < blocks.parts; ++b)
    visit_quantized(g.type, [&](auto format) { integer_gemm_of<decltype(format)>(g, blocks[b]); });
}

constexpr decltype(Kernels::repack_panel) repack_panel = nullptr;

}  // namespace
}  // namespace weir
