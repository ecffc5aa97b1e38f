// Products with weights as they are stored: activation rows times a group of decoded rows in the
// caches, tile by tile. Written over block_row-inl.h, or dequantize_scalar-inl.h in its place.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/dense/operands-inl.h"
#include "kernels/dense/ranges-inl.h"
#include "kernels/kernels.h"
#include "kernels/quant/block_tile-inl.h"

namespace weir {
namespace {

// Several activation rows: the sums of a block of them with a group of stored rows lie in the
// scratch beside the decoded numbers of that group, a part of the inner dimension at a time, so
// that a tile reads from the first cache.
class BlockGemmRun {
 public:
  explicit BlockGemmRun(const BlockGemm& g)
      : g_(g), decoded_(g.scratch), sums_(g.scratch + kDecoded) {}

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
    for (int c = 0; c < columns.count; ++c) {
      const float* scales = scales_row(g_, columns.begin + c);
      dequantize(g_.type,
                 stored_row(g_, columns.begin + c) + type_bytes(g_.type, size_t(inner.begin)),
                 scales ? scales + inner.begin / scale_square(g_.type) : nullptr,
                 decoded_ + c * kPartRow, size_t(inner.count));
    }
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
  float *const decoded_, *const sums_;
};

void block_gemm(const BlockGemm& g) {
  if (g.rows <= 0 || g.cols <= 0) return;
  if (g.rows > 1 || !multiply_row(g)) BlockGemmRun(g).run();
}

}  // namespace
}  // namespace weir
