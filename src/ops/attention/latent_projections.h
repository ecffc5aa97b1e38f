// What absorbed attention multiplies by kv_b: queries before they meet the latent rows, sums of
// latent rows after it (DeepSeek-V2, section 2.1.2). Any number of rows of one head at a time.
#pragma once
#include "ops/ops.h"

namespace weir {

class LatentProjections {
 public:
  // All must outlive it. kv_b [heads * (nope + value), rank] of any type.
  LatentProjections(const Tensor& q, const Tensor& y, const Matrix& kv_b,
                    const AttentionShape& shape)
      : q_(q), y_(y), kv_b_(kv_b), shape_(shape), rank_(kv_b.cols) {}

  // Floats of a thread's scratch, 64-byte aligned.
  size_t scratch() const { return kGemmScratch + size_t(kDecodedRows) * size_t(rank_); }
  // out = scale * [W^UK^T q_nope | q_rope] for rows [row, row + count) of q.
  void absorb(int head, int row, int count, float* out, size_t out_row, float* scratch) const;
  // Rows [row, row + count) of y = W^UV mixed.
  void project(int head, int row, int count, const float* mixed, size_t mixed_row,
               float* scratch) const;

 private:
  static constexpr int kDecodedRows = 64;  // rows of kv_b that are decoded together

  const Tensor& q_;
  const Tensor& y_;
  const Matrix& kv_b_;
  const AttentionShape& shape_;
  const int rank_;
};

}  // namespace weir
