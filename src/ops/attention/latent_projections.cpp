#include "ops/attention/latent_projections.h"

#include <algorithm>
#include <cstring>

#include "base/div_up.h"

namespace weir {

void LatentProjections::absorb(int head, int row, int count, float* out, size_t out_row,
                               float* scratch) const {
  const int nope = shape_.own, rope = shape_.shared;
  const float* q = q_.row(row) + head * (nope + rope);
  const int first = head * (nope + shape_.value);  // row of kv_b
  const WeightType type = kv_b_.type;
  const bool is_direct = rank_ % 16 == 0 && (type == WeightType::f32 || type == WeightType::f16 ||
                                             type == WeightType::bf16);
  if (is_direct) {
    NarrowProduct g{};
    g.type = type;
    g.left = q;
    g.left_row = q_.stride;
    g.right =
        static_cast<const char*>(kv_b_.parts[0]) + size_t(first) * type_bytes(type, size_t(rank_));
    g.right_row = size_t(rank_);
    g.out = out;
    g.out_row = out_row;
    g.rows = count;
    g.cols = rank_;
    g.inner = nope;
    g.next = static_cast<const char*>(g.right) + 64;  // a tile reads a line of every row
    kernels().narrow_product(g);
  }
  float* decoded = scratch + kGemmScratch;
  for (int n = 0; n < nope && !is_direct; n += kDecodedRows) {
    Gemm g{};
    g.left = q + n;
    g.left_row = q_.stride;
    g.left_inner = 1;
    g.panels = decoded;
    g.panel_stride = kPanel;
    g.inner_stride = size_t(rank_);
    g.out = out;
    g.out_row = out_row;
    g.rows = count;
    g.cols = rank_;
    g.inner = std::min(kDecodedRows, nope - n);
    g.accumulate = n > 0;
    g.scratch = scratch;
    for (int k = 0; k < g.inner; ++k) {
      float* to = decoded + size_t(k) * size_t(rank_);
      const float* from = kv_b_.row(first + n + k, to);
      if (from != to) std::memcpy(to, from, sizeof(float) * size_t(rank_));
    }
    kernels().gemm(g);
  }
  for (int i = 0; i < count; ++i) {
    float* to = out + size_t(i) * out_row;
    std::memcpy(to + rank_, q + size_t(i) * q_.stride + nope, sizeof(float) * size_t(rope));
    kernels().scale(shape_.scale, to, to, rank_ + rope);
  }
}

void LatentProjections::project(int head, int row, int count, const float* mixed, size_t mixed_row,
                                float* scratch) const {
  const int first = head * (shape_.own + shape_.value) + shape_.own;
  BlockGemm g{};
  g.type = kv_b_.type;
  g.weight_row = type_bytes(kv_b_.type, size_t(rank_));
  g.weights = static_cast<const char*>(kv_b_.parts[0]) + size_t(first) * g.weight_row;
  if (has_scale_squares(kv_b_.type)) g.scales = kv_b_.scales[0];
  g.scales_row = size_t(div_up(rank_, scale_square(kv_b_.type)));
  g.first = first;
  g.left = mixed;
  g.left_row = mixed_row;
  g.out = y_.row(row) + head * shape_.value;
  g.out_row = y_.stride;
  g.rows = count;
  g.cols = shape_.value;
  g.inner = rank_;
  g.scratch = scratch;
  kernels().block_gemm(g);
}

}  // namespace weir
