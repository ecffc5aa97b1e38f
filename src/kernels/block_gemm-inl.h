// Products with weights as they are stored. A single left row meets the numbers as they are
// decoded; several meet a group of decoded rows in the caches, tile by tile. Written over
// dequantize-inl.h and block_tile-inl.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/block_tile-inl.h"
#include "kernels/dequantize-inl.h"
#include "kernels/kernels.h"
#include "kernels/operands-inl.h"
#include "kernels/ranges-inl.h"
#include "kernels/rounded_gemm-inl.h"

namespace weir {
namespace {

// One left row times C stored rows from n on. What follows them in memory, the next C rows, is
// asked for at the pace of reading.
template <class F, int C>
void multiply_one(const BlockGemm& g, int n) {
  const float* x = left_row(g, 0);
  const uint8_t* b[C];
  const float* scales[C];
  Lanes sum_[C];
  for (int c = 0; c < C; ++c) {
    b[c] = stored_row(g, n + c);
    scales[c] = scales_row(g, n + c);
    sum_[c] = splat(0);
  }
  const size_t ahead = size_t(C) * g.weight_row;
  int k = 0;
  for (; k + F::kNumbers <= g.inner; k += F::kNumbers) {
    Decoder<F> blocks[C];
    for (int c = 0; c < C; ++c) {
      for (int line = 0; line < F::kBytes; line += 64) __builtin_prefetch(b[c] + ahead + line);
      blocks[c].start(b[c], scale_of(scales[c], k));
      b[c] += F::kBytes;
    }
    decode_groups<F>(blocks,
                     [&](int c, int i, Lanes w) { sum_[c] = fma(load(x + k + i), w, sum_[c]); });
  }
  for (int c = 0; c < C; ++c) {
    if (k < g.inner) {  // of plain types
      alignas(64) float last[F::kNumbers];
      decode_part<F>(b[c], scales[c] ? scales[c] + k / kScaleSquare : nullptr, 0, g.inner - k,
                     last);
      sum_[c] = fma(load_part(x + k, g.inner - k), load_part(last, g.inner - k), sum_[c]);
    }
    put(g, 0, n + c, lane_sum(sum_[c]));
  }
}

template <class F>
void multiply_one_row(const BlockGemm& g) {
  int n = 0;
  for (; n + 2 <= g.cols; n += 2) multiply_one<F, 2>(g, n);
  if (n < g.cols) multiply_one<F, 1>(g, n);
}

// Several left rows: the sums of a block of them with a group of stored rows lie in the scratch
// beside the decoded numbers of that group, a part of the inner dimension at a time, so that a tile
// reads from the first cache.
class BlockGemmRun {
 public:
  explicit BlockGemmRun(const BlockGemm& g)
      : g_(g), decode_(decoder_of(g.type)), decoded_(g.scratch), sums_(g.scratch + kDecoded) {}

  void run() const {
    const Split blocks(g_.rows, kRows), groups(g_.cols, kColumns);
    for (int i = 0; i < blocks.parts; ++i)
      for (int j = 0; j < groups.parts; ++j) {
        for (int begin = 0; begin < g_.inner; begin += kPart)
          part(blocks[i], groups[j], {begin, smaller(kPart, g_.inner - begin)});
        finish(blocks[i], groups[j]);
      }
  }

 private:
  static constexpr int kColumns = 24;          // stored rows of a group
  static constexpr int kPart = 512;            // of the inner dimension, a multiple of 256
  static constexpr int kPartRow = kPart + 16;  // rows begin in different sets of the cache
  static constexpr size_t kDecoded = kColumns * kPartRow;
  static constexpr int kRows = int((kGemmScratch - kDecoded) / (kColumns * 16));

  void part(Range rows, Range columns, Range inner) const {
    for (int c = 0; c < columns.count; ++c)
      decode_(stored_row(g_, columns.begin + c), scales_row(g_, columns.begin + c), inner.begin,
              inner.count, decoded_ + c * kPartRow);
    const Split tall(rows.count, kDotRows), wide(columns.count, kDotColumns);
    DotTile tile{};
    tile.right_row = kPartRow;
    tile.steps = inner.count / 16;
    tile.sums_row = kColumns;
    tile.accumulate = inner.begin > 0;
    const float* left[kDotRows];
    tile.left = left;
    for (int i = 0; i < tall.parts; ++i) {
      const Range r = tall[i];
      for (int k = 0; k < r.count; ++k)
        left[k] = left_row(g_, rows.begin + r.begin + k) + inner.begin;
      for (int j = 0; j < wide.parts; ++j) {
        const Range c = wide[j];
        tile.right = decoded_ + c.begin * kPartRow;
        tile.sums = sums_ + (r.begin * kColumns + c.begin) * 16;
        kDotTiles.tile[r.count - 1][c.count - 1](tile);
      }
    }
  }

  // The numbers beyond the last sixteen (the decoded ones are still there), and the sums of lanes.
  void finish(Range rows, Range columns) const {
    const int rest = g_.inner % 16, at = g_.inner - rest;
    for (int r = 0; r < rows.count; ++r)
      for (int c = 0; c < columns.count; ++c) {
        Lanes sum_ = g_.inner < 16 ? splat(0) : load(sums_ + (r * kColumns + c) * 16);
        if (rest > 0)
          sum_ = fma(load_part(left_row(g_, rows.begin + r) + at, rest),
                     load_part(decoded_ + c * kPartRow + at % kPart, rest), sum_);
        put(g_, rows.begin + r, columns.begin + c, lane_sum(sum_));
      }
  }

  const BlockGemm& g_;
  const DecodePart decode_;
  float *const decoded_, *const sums_;
};

void block_gemm(const BlockGemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  if (g.rounded) return rounded_gemm(g);
  if (g.rows > 1) return BlockGemmRun(g).run();
  visit_format(g.type, [&](auto format) { multiply_one_row<decltype(format)>(g); });
}

}  // namespace
}  // namespace weir
