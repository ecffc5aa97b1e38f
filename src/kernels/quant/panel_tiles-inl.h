// Many activation rows times a section of a panel, in AMX tiles: sixteen activation rows by the
// sixteen rows of a panel. Tiles hold bytes with a sign, so both sides are cut into planes:
//   activation = 128 * high + low     (activations.h)
//   weight     = 128 * high + low     code - kCodeCenter, times its integer step: up to +-4096
// and the sum of a block is 2^14 * (high high) + 2^7 * (high low + low high) + (low low), each
// exact in 32 bits. Weights that fit a byte have one plane and half the products.
//
// By the published throughput (one product of tiles every 16 cycles, one load every 8; Intel's
// optimization manual, chapter on AMX) a core makes 256 products of numbers a cycle with two
// planes, 512 with one, 256 with one for blocks of 32, which fill half a tile; the words of AVX-512
// VNNI make 64. Calculated, not measured: no machine had it. Written over panel_gemm-inl.h.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/quant/panel_gemm-inl.h"

namespace weir {
namespace {

// From this many activation rows on, tiles are used: fewer leave most of a tile empty.
constexpr int kTilesFrom = 16;
constexpr int kTileSide = 16;

// The steps of q3_k times its codes are from -124 to 128: negated they fit a byte.
template <class F>
constexpr bool kIsNegated = F::kType == WeightType::q3_k;
template <class F>
constexpr int kPlanes = F::kNumbers == 32 || F::kType == WeightType::q2_k || kIsNegated<F> ? 1 : 2;

// A section of a panel as planes of bytes, quad after quad: what a tile wants as right operand.
struct alignas(64) PlaneSection {
  int8_t high[kSection * kPanelRows];
  int8_t low[kSection * kPanelRows];  // the only one of a single plane
  SectionFactors factors;
};

// The sums of products of tiles: four of a block of 256, two of each block of 32.
struct alignas(64) TileSums {
  int32_t tile[kSection / kTileSide][kTileSide][kPanelRows];

  Sixteen row(int t, int r) const { return load_lanes(tile[t][r]); }
};

// Numbers 0 and 2 of every lane, or 1 and 3, without their centre and times their steps, as words.
template <class F>
[[gnu::always_inline]] inline Sixteen weight_words(Sixteen codes, Sixteen steps, int odd) {
  Sixteen words = odd ? moved<8>(codes) : codes & splat_words(255);
  const Sixteen center = splat_words(kCodeCenter<F>);
  words = kIsNegated<F> ? subtract_words(center, words) : subtract_words(words, center);
  return F::kNumbers == 256 ? multiply_words(words, steps) : words;
}
inline Sixteen bytes_of(Sixteen even, Sixteen odd) {
  return (even & splat_words(255)) | moved<-8>(odd);
}
// The plane of 128s: (words + 64) / 128, rounded down.
inline Sixteen high_of(Sixteen words) {
  return signed_moved<7>(subtract_words(words, splat_words(-64)));
}

template <class F, int q = 0>
[[gnu::always_inline]] inline void cut_quads(const PanelSection<F>& s, int j, PlaneSection& to,
                                             Sixteen steps = splat_int(0)) {
  steps = steps_of_quad<F, q>(s, j, steps);
  const Sixteen codes = quad_of<F, q>(s.group(j));
  const Sixteen even = weight_words<F>(codes, steps, 0), odd = weight_words<F>(codes, steps, 1);
  const int at = (kQuads * j + q) * kQuadBytes;
  if constexpr (kPlanes<F> == 1) {
    store_lanes(to.low + at, bytes_of(even, odd));
  } else {
    const Sixteen high_even = high_of(even), high_odd = high_of(odd);
    store_lanes(to.high + at, bytes_of(high_even, high_odd));
    store_lanes(to.low + at, bytes_of(subtract_words(even, moved<-7>(high_even)),
                                      subtract_words(odd, moved<-7>(high_odd))));
  }
  if constexpr (q + 1 < kQuads) cut_quads<F, q + 1>(s, j, to, steps);
}

// What a tile is loaded from: sixteen activation rows, or copies of them, `stride` apart.
struct RowTile {
  const int8_t* high;
  size_t stride;

  const int8_t* low() const { return high + kSection; }
};

// The compilers' tile instructions do not say that they read memory.
inline void finish_stores() { asm volatile("" ::: "memory"); }

// A block of 256 with weights in two planes: one accumulator for each pair of planes, since a
// product adds to its tile only every 52 cycles.
inline void sum_two_planes(const RowTile& a, const PlaneSection& w, TileSums& to) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int k = 0; k < kSection; k += 64) {
    _tile_loadd(4, a.high + k, a.stride);
    _tile_loadd(6, w.high + k * kPanelRows, kQuadBytes);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(7, w.low + k * kPanelRows, kQuadBytes);
    _tile_dpbssd(1, 4, 7);
    _tile_loadd(5, a.low() + k, a.stride);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_stored(0, to.tile[0], kQuadBytes);
  _tile_stored(1, to.tile[1], kQuadBytes);
  _tile_stored(2, to.tile[2], kQuadBytes);
  _tile_stored(3, to.tile[3], kQuadBytes);
}
// As floats; high * 128 + low may need more than 32 bits.
inline Lanes sum_of_two_planes(const TileSums& s, int r, bool is_wide) {
  const Sixteen high = shifted_ints<7>(s.row(0, r)) + s.row(1, r) + s.row(2, r), low = s.row(3, r);
  return is_wide ? WideSum::of_bytes(high, low).rounded() : floats_of(shifted_ints<7>(high) + low);
}

// A block of 256 with weights in one plane: two accumulators for each plane of the activations.
inline void sum_one_plane(const RowTile& a, const PlaneSection& w, TileSums& to) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int k = 0; k < kSection; k += 128) {
    _tile_loadd(6, w.low + k * kPanelRows, kQuadBytes);
    _tile_loadd(4, a.high + k, a.stride);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(5, a.low() + k, a.stride);
    _tile_dpbssd(1, 5, 6);
    _tile_loadd(7, w.low + (k + 64) * kPanelRows, kQuadBytes);
    _tile_loadd(4, a.high + k + 64, a.stride);
    _tile_dpbssd(2, 4, 7);
    _tile_loadd(5, a.low() + k + 64, a.stride);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_stored(0, to.tile[0], kQuadBytes);
  _tile_stored(1, to.tile[1], kQuadBytes);
  _tile_stored(2, to.tile[2], kQuadBytes);
  _tile_stored(3, to.tile[3], kQuadBytes);
}
inline Sixteen sum_of_one_plane(const TileSums& s, int r) {
  return shifted_ints<7>(s.row(0, r) + s.row(2, r)) + s.row(1, r) + s.row(3, r);
}

// Blocks of 32: each has its own sums, in tiles of 32 bytes for the activations and of eight quads
// for the weights. Two blocks at a time take turns with the accumulators.
inline void sum_small_blocks(const RowTile& a, const PlaneSection& w, int blocks, TileSums& to) {
  for (int b = 0; b < blocks; b += 2) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_loadd(6, w.low + 32 * b * kPanelRows, kQuadBytes);
    _tile_loadd(4, a.high + 32 * b, a.stride);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(5, a.low() + 32 * b, a.stride);
    _tile_dpbssd(1, 5, 6);
    _tile_stored(0, to.tile[2 * b], kQuadBytes);
    _tile_stored(1, to.tile[2 * b + 1], kQuadBytes);
    if (b + 1 == blocks) break;
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(7, w.low + 32 * (b + 1) * kPanelRows, kQuadBytes);
    _tile_loadd(4, a.high + 32 * (b + 1), a.stride);
    _tile_dpbssd(2, 4, 7);
    _tile_loadd(5, a.low() + 32 * (b + 1), a.stride);
    _tile_dpbssd(3, 5, 7);
    _tile_stored(2, to.tile[2 * b + 2], kQuadBytes);
    _tile_stored(3, to.tile[2 * b + 3], kQuadBytes);
  }
}

// How ManyRows multiplies a section, here in tiles. They must be configured.
template <class F>
class TileProducts {
 public:
  static constexpr int kRows = 384;  // a multiple of sixteen
  static constexpr int kPanels = 1;
  struct alignas(64) Scratch {
    PlaneSection planes;
    TileSums sums;
    int8_t copies[kRows][2 * kSection];
  };

  TileProducts(const IntegerGemm& g, Scratch& scratch) : g_(g), scratch_(scratch) {}

  // Finds the activation rows of every tile; copies those that are not sixteen at one distance.
  void begin(const QuantizedSection* const* a, int rows) {
    for (int m = 0; m < rows; m += kTileSide) {
      RowTile& tile = tiles_[m / kTileSide];
      const int count = smaller(kTileSide, rows - m);
      if (count == kTileSide && !g_.left_rows) {
        tile = {a[m]->high, g_.left_row};
        continue;
      }
      for (int r = 0; r < count; ++r)
        __builtin_memcpy(scratch_.copies[m + r], a[m + r]->high, 2 * kSection);
      __builtin_memset(scratch_.copies[m + count], 0, size_t(kTileSide - count) * 2 * kSection);
      tile = {scratch_.copies[m], 2 * kSection};
    }
  }

  void unpack(int, const PanelSection<F>& section, const uint8_t* next) {
    PlaneSection& w = scratch_.planes;
    for (int j = 0; j < section.blocks; ++j) {
      prefetch_share<F>(next, j);
      cut_quads<F>(section, j, w);
    }
    load_factors(section, w.factors);
    blocks_ = section.blocks;
    finish_stores();
  }
  void multiply(int, const QuantizedSection* const* a, int rows, TileOut out) {
    for (int m = 0; m < rows; m += kTileSide)
      tile(blocks_, tiles_[m / kTileSide], a + m, smaller(kTileSide, rows - m), out.at(m, 0));
  }

 private:
  static Lanes sum_of(const TileSums& sums, int r) {
    if constexpr (kPlanes<F> == 2) return sum_of_two_planes(sums, r, kIsWide<F>);
    const Sixteen sum = sum_of_one_plane(sums, r);
    return floats_of(kIsNegated<F> ? splat_int(0) - sum : sum);
  }

  // Up to sixteen activation rows.
  void tile(int blocks, const RowTile& rows, const QuantizedSection* const* a, int count,
            float* products) {
    const PlaneSection& w = scratch_.planes;
    TileSums& sums = scratch_.sums;
    if constexpr (F::kNumbers == 256) {
      if constexpr (kPlanes<F> == 1)
        sum_one_plane(rows, w, sums);
      else
        sum_two_planes(rows, w, sums);
      for (int r = 0; r < count; ++r)
        add_large(w.factors, SpreadType::of<F>(), sum_of(sums, r), *a[r], BlockSums(*a[r]),
                  products + kPanelRows * r);
    } else {
      sum_small_blocks(rows, w, blocks, sums);
      for (int r = 0; r < count; ++r) {
        Lanes f = splat(0);
        for (int b = 0; b < blocks; ++b)
          f = plus_small(w.factors, kHasMinimum<F>, b,
                         shifted_ints<7>(sums.row(2 * b, r)) + sums.row(2 * b + 1, r), *a[r], f);
        float* product = products + kPanelRows * r;
        store(product, fma(f, splat(a[r]->scale), load(product)));
      }
    }
  }

  const IntegerGemm& g_;
  Scratch& scratch_;
  int blocks_ = 0;
  RowTile tiles_[kRows / kTileSide];
};

// Shapes of the eight tiles, as LDTILECFG reads them: 0 to 3 sums, 4 and 5 activations, 6 and 7
// weights.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  constexpr explicit TileConfig(int numbers) {  // of K in a product
    for (int t = 0; t < 8; ++t) {
      row_bytes[t] = uint16_t(t == 4 || t == 5 ? numbers : kQuadBytes);
      rows[t] = uint8_t(t >= 6 ? numbers / 4 : kTileSide);
    }
  }
};
static_assert(sizeof(TileConfig) == 64);
constexpr TileConfig kLargeTiles(64), kSmallTiles(32);

// As integer_gemm. The tiles are configured and released in every call, so a thread has no tiles to
// save while it does other work; the first use in a thread makes the kernel allocate room for them.
void integer_gemm_in_tiles(const IntegerGemm& g) {
  if (g.rows < kTilesFrom) return integer_gemm(g);
  if (g.cols <= 0) return;
  visit_quantized(g.type, [&](auto format) {
    using F = decltype(format);
    _tile_loadconfig(F::kNumbers == 256 ? &kLargeTiles : &kSmallTiles);
    ManyRows<F, TileProducts<F>>(g).run();
    _tile_release();
  });
}

}  // namespace
}  // namespace weir
