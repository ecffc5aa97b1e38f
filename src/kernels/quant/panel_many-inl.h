// Many activation rows times a section of a panel: the codes are spread to words once, with their
// steps multiplied in, and used for all rows. Written over panel_few-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/ranges-inl.h"
#include "kernels/quant/panel_few-inl.h"

namespace weir {
namespace {

// What multiplies the integer sums of a section of a panel.
struct SectionFactors {
  Sixteen minimums[8];  // integer ones, of two groups each
  Lanes units[8];       // of every block; the first only of a block of 256
  Lanes least[8];
};

template <class F>
void load_factors(const PanelSection<F>& s, SectionFactors& to) {
  for (int b = 0; b < (F::kNumbers == 256 ? 1 : s.blocks); ++b) {
    to.units[b] = load_f16(s.units(b));
    if constexpr (kHasMinimum<F>) to.least[b] = load_f16(s.minimums(b));
  }
  if constexpr (F::kNumbers == 256 && kHasMinimum<F>)
    for (int j = 0; j < 128 / F::kGroup; ++j)
      to.minimums[j] = paired_words(minimum_row(s, 2 * j), minimum_row(s, 2 * j + 1));
}

// Sums of every 32 numbers of a section: half as many products with minimums as sums of 16 need.
struct BlockSums {
  int16_t high[8], low[8];  // word sum = 128 * high + low

  explicit BlockSums(const QuantizedSection& a) {
    for (int j = 0; j < 8; ++j) {
      high[j] = int16_t(a.sums_high[2 * j] + a.sums_high[2 * j + 1]);
      low[j] = int16_t(a.sums_low[2 * j] + a.sums_low[2 * j + 1]);
    }
  }
};

// What loops over spread blocks of 256 know of their type.
struct SpreadType {
  bool has_minimum, has_small_groups;  // of 16 numbers

  template <class F>
  static constexpr SpreadType of() {
    return {kHasMinimum<F>, F::kGroup == 16};
  }
};

// product = fma(f, scale, product) of a block of 256 whose sum is `sum`, see integer_gemm.h.
// `sums`: of `a`.
[[gnu::always_inline]] inline void add_large(const SectionFactors& s, SpreadType type, Lanes sum,
                                             const QuantizedSection& a, const BlockSums& sums,
                                             float* product) {
  Lanes f = sum * s.units[0];
  if (type.has_minimum) {
    Sixteen high = splat_int(0), low = splat_int(0);
    if (type.has_small_groups) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        add_lane_words(s.minimums[j], a.sums_high + 2 * j, high);
        add_lane_words(s.minimums[j], a.sums_low + 2 * j, low);
      }
    } else {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        add_lane_words(s.minimums[j], sums.high + 2 * j, high);
        add_lane_words(s.minimums[j], sums.low + 2 * j, low);
      }
    }
    f = multiply_minus(floats_of(shifted_ints<7>(high) + low), s.least[0], f);
  }
  store(product, fma(f, splat(a.scale), load(product)));
}

// f with block b of 32, whose sum is `sum`, added.
[[gnu::always_inline]] inline Lanes plus_small(const SectionFactors& s, bool has_minimum, int b,
                                               Sixteen sum, const QuantizedSection& a, Lanes f) {
  f = fma(floats_of(sum), s.units[b], f);
  return has_minimum ? fma(splat(float(sum_of_block(a, b))), s.least[b], f) : f;
}

// A section of a panel as words: lane r of words[k] has numbers 2 k and 2 k + 1 of row r, less
// their centre and times their integer steps.
struct SpreadSection {
  Sixteen words[kSection / 2];
  SectionFactors factors;
  bool is_wide;  // a sum of its products with activations may need more than 32 bits
};

// The steps of quad q of group j, which are `steps` unless the quad is the first with others: after
// every store the compiler would read them again.
template <class F, int q>
[[gnu::always_inline]] inline Sixteen steps_of_quad(const PanelSection<F>& s, int j,
                                                    Sixteen steps) {
  if constexpr (F::kNumbers == 256 && 4 * q % F::kGroup == 0)
    return doubled_words(step_row(s, j * (32 / F::kGroup) + 4 * q / F::kGroup));
  else
    return steps;
}

// Words of quad q, which has these codes: numbers 0 and 1 of every lane, or 2 and 3.
template <class F>
[[gnu::always_inline]] inline Sixteen words_of_quad(Sixteen codes, int pair, Sixteen steps) {
  Sixteen words = words_of(codes, pair);
  if constexpr (kCodeCenter<F> != 0) words = subtract_words(words, splat_words(kCodeCenter<F>));
  if constexpr (F::kNumbers == 256) words = multiply_words(words, steps);
  return words;
}

// `size`: of types that may be wide, the sum of the words' magnitudes.
template <class F, int q = 0>
[[gnu::always_inline]] inline void spread_quads(const PanelSection<F>& s, int j, SpreadSection& to,
                                                Sixteen& size, Sixteen steps = splat_int(0)) {
  steps = steps_of_quad<F, q>(s, j, steps);
  const Sixteen codes = quad_of<F, q>(s.group(j));
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
    const Sixteen words = words_of_quad<F>(codes, pair, steps);
    if constexpr (kIsWide<F>) size = add_word_products(magnitudes(words), splat_words(1), size);
    to.words[16 * j + 2 * q + pair] = words;
  }
  if constexpr (q + 1 < kQuads) spread_quads<F, q + 1>(s, j, to, size, steps);
}

// Whether kLargestInteger times one of them exceeds 32 bits.
inline bool is_wide_sum(Sixteen sizes) {
  alignas(64) int32_t lanes[16];
  store_lanes(lanes, sizes);
  bool is_wide = false;
  for (int32_t lane : lanes) is_wide |= lane > 0x7fffffff / kLargestInteger;
  return is_wide;
}

// `next`: the section that is spread after this one.
template <class F>
void spread(const PanelSection<F>& s, const uint8_t* next, SpreadSection& to) {
  Sixteen size = splat_int(0);
  for (int j = 0; j < s.blocks; ++j) {
    prefetch_share<F>(next, j);
    spread_quads<F>(s, j, to, size);
  }
  load_factors(s, to.factors);
  to.is_wide = kIsWide<F> && is_wide_sum(size);
}

// Adds the products of one pair of words, of R activation rows and P panels, to the sums.
template <int R, int P>
[[gnu::always_inline]] inline void add_words(const Sixteen (&w)[P], const int16_t* const (&a)[R],
                                             int at, Sixteen (&sum)[R][P]) {
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    if constexpr (P == 1) {
      add_lane_words(w[0], a[r] + at, sum[r][0]);
    } else {
      const Sixteen lane = splat_lane(a[r] + at);
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) {
        sum[r][p] = add_word_products(w[p], lane, sum[r][p]);
        keep_in_register(sum[r][p]);
      }
    }
  }
}

// The integer sums of R activation rows with P spread sections over kCount words from `begin` on.
// On its own and of a constant length, as g++ 12 else keeps the sums in memory.
template <int R, int P, int kCount>
[[gnu::noinline]] void sum_words(const SpreadSection* s, int begin,
                                 const QuantizedSection* const* rows, Sixteen* to) {
  const int16_t* a[R];
  Sixteen sum[R][P];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    a[r] = rows[r]->words + 2 * begin;
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) sum[r][p] = splat_int(0);
  }
  const Sixteen* words = s->words + begin;
  constexpr int kNext = sizeof(SpreadSection) / sizeof(Sixteen);
  for (int k = 0; k < kCount; ++k) {
    Sixteen w[P];
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) w[p] = words[k + p * kNext];
    add_words<R, P>(w, a, 2 * k, sum);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) to[r * P + p] = sum[r][p];
}

// Of a block of 256, as floats. A quarter of it fits 32 bits for every type: 64 * 4096 * 8191.
template <int R, int P>
void sum_large_words(const SpreadSection* s, const QuantizedSection* const* rows, Lanes* to) {
  Sixteen sum[R * P];
  bool is_wide = false;
  for (int p = 0; p < P; ++p) is_wide |= s[p].is_wide;
  if (!is_wide) {
    sum_words<R, P, kSection / 2>(s, 0, rows, sum);
    for (int r = 0; r < R * P; ++r) to[r] = floats_of(sum[r]);
    return;
  }
  WideSum wide[R * P];
  for (int begin = 0; begin < kSection / 2; begin += kSection / 8) {
    sum_words<R, P, kSection / 8>(s, begin, rows, sum);
    for (int r = 0; r < R * P; ++r) wide[r].add(sum[r]);
  }
  for (int r = 0; r < R * P; ++r) to[r] = wide[r].rounded();
}

// Products with panel p of P are `panel_stride` floats from those with the one before.
struct TileOut {
  float* products;
  size_t panel_stride;

  float* at(int r, int p) const { return products + 16 * r + size_t(p) * panel_stride; }
};

// R activation rows: product[r] = fma(f, scale, product[r]).
template <int R, int P>
void word_tile_large(const SpreadSection* s, SpreadType type, const QuantizedSection* const* rows,
                     const BlockSums* sums, TileOut out) {
  Lanes sum[R * P];
  sum_large_words<R, P>(s, rows, sum);
  for (int p = 0; p < P; ++p)
    for (int r = 0; r < R; ++r)
      add_large(s[p].factors, type, sum[r * P + p], *rows[r], sums[r], out.at(r, p));
}

// Blocks of 32: `f` and the sums of a block stay in registers.
template <int R, int P>
[[gnu::noinline]] void word_tile_small(const SpreadSection* s, bool has_minimum, int blocks,
                                       const QuantizedSection* const* rows, TileOut out) {
  const int16_t* a[R];
  Lanes f[R][P];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    a[r] = rows[r]->words;
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) f[r][p] = splat(0);
  }
  for (int b = 0; b < blocks; ++b) {
    Sixteen sum[R][P];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) sum[r][p] = splat_int(0);
    for (int k = 16 * b; k < 16 * b + 16; ++k) {
      Sixteen w[P];
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p) w[p] = s[p].words[k];
      add_words<R, P>(w, a, 2 * k, sum);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int p = 0; p < P; ++p)
        f[r][p] = plus_small(s[p].factors, has_minimum, b, sum[r][p], *rows[r], f[r][p]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p)
      store(out.at(r, p), fma(f[r][p], splat(rows[r]->scale), load(out.at(r, p))));
}

// Any number of activation rows from 1 to R.
template <int R, int P>
void word_tile(const SpreadSection* s, SpreadType type, const QuantizedSection* const* rows,
               const BlockSums* sums, int count, TileOut out) {
  if constexpr (R > 1)
    if (count < R) return word_tile<R - 1, P>(s, type, rows, sums, count, out);
  word_tile_large<R, P>(s, type, rows, sums, out);
}
template <int R, int P>
void word_tile(const SpreadSection* s, bool has_minimum, int blocks,
               const QuantizedSection* const* rows, int count, TileOut out) {
  if constexpr (R > 1)
    if (count < R) return word_tile<R - 1, P>(s, has_minimum, blocks, rows, count, out);
  word_tile_small<R, P>(s, has_minimum, blocks, rows, out);
}

// How ManyRows (panel_gemm-inl.h) multiplies sections of panels side by side, here in words.
template <class F>
class WordProducts {
 public:
  static constexpr int kRows = 192;  // activation rows of a block
  static constexpr int kPanels = kWordPanels;
  struct Scratch {
    SpreadSection spread[kPanels];
    BlockSums sums[kRows];
  };

  WordProducts(const IntegerGemm&, Scratch& scratch) : scratch_(scratch) {}
  // Begins with a section of the activation rows.
  void begin(const QuantizedSection* const* a, int rows) {
    if (kIsLarge && kHasMinimum<F>)
      for (int r = 0; r < rows; ++r) scratch_.sums[r] = BlockSums(*a[r]);
  }
  // Section of panel p of those side by side. `next`: a section that comes soon.
  void unpack(int p, const PanelSection<F>& section, const uint8_t* next) {
    spread(section, next, scratch_.spread[p]);
    blocks_ = section.blocks;
  }
  // product[r] = fma(f, scale, product[r]) for all rows and the panels loaded.
  void multiply(int panels, const QuantizedSection* const* a, int rows, TileOut out) {
    const Split tiles(rows, kTileRows);
    for (int t = 0; t < tiles.parts; ++t) {
      const auto [begin, count] = tiles[t];
      const TileOut part{out.at(begin, 0), out.panel_stride};
      if (kPanels > 1 && panels == kPanels)
        tile<kPanels>(a + begin, scratch_.sums + begin, count, part);
      else
        tile<1>(a + begin, scratch_.sums + begin, count, part);
    }
  }

 private:
  static constexpr bool kIsLarge = F::kNumbers == 256;
  static constexpr int kTileRows = kIsLarge ? kWordRows : kSmallWordRows;

  template <int P>
  void tile(const QuantizedSection* const* a, const BlockSums* sums, int count, TileOut out) {
    if constexpr (kIsLarge)
      word_tile<kTileRows, P>(scratch_.spread, SpreadType::of<F>(), a, sums, count, out);
    else
      word_tile<kTileRows, P>(scratch_.spread, kHasMinimum<F>, blocks_, a, count, out);
  }

  Scratch& scratch_;
  int blocks_ = 0;
};

}  // namespace
}  // namespace weir
