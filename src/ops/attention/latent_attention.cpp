// Multi-head latent attention in absorbed form, for decoding: the cache holds
// one latent row per token for all heads, and the up-projections of keys and
// values move to the query and the output. The heads of a query are rows of one
// product, so that each page of the cache is read once for all of them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"

namespace weir {
namespace {

constexpr int kChunk = 32;        // rows of the batch whose absorbed queries are in memory together
constexpr int kDecodedRows = 64;  // rows of kv_b that are decoded together

struct Query {
  CacheView view;
  int row, visible;  // it sees positions [0, visible)
};

class LatentAttention {
 public:
  LatentAttention(Run& run, Tensor q, const Matrix& kv_b, const AttentionShape& shape,
                  const TokenChoice& choice, int rank, int seen, Tensor y)
      : run_(run),
        q_(q),
        y_(y),
        kv_b_(kv_b),
        shape_(shape),
        choice_(choice),
        rank_(rank),
        width_(rank + shape.shared),
        padded_(round_up(seen, kCachePage)) {
    const size_t rows = size_t(std::min(q.rows, kChunk)) * size_t(shape.heads);
    absorbed_ = run.arena.floats(rows * size_t(width_));
    mixed_ = run.arena.floats(rows * size_t(rank_));
    room_ = kGemmScratch +
            std::max(size_t(kDecodedRows) * size_t(rank_),
                     size_t(shape.heads) * size_t(padded_) + size_t(kCachePage) * size_t(width_));
    scratch_ = run.arena.floats(room_ * size_t(run.pool.threads()));
  }

  // Rows [row, row + count) of the batch, which are those of `queries`.
  void attend(const Query* queries, int row, int count) const {
    ThreadPool& pool = run_.pool;
    pool.parallel_for(shape_.heads,
                      [&](int head, int thread) { absorb(head, row, count, thread); });
    // Every thread should have something to do.
    const int heads = std::clamp(count * shape_.heads / (2 * pool.threads()), 1, shape_.heads);
    const int parts = div_up(shape_.heads, heads);
    pool.parallel_for(count * parts, [&](int task, int thread) {
      const int first = task % parts * heads;
      mix(queries[task / parts], task / parts, first, std::min(heads, shape_.heads - first),
          thread);
    });
    pool.parallel_for(shape_.heads,
                      [&](int head, int thread) { project(head, row, count, thread); });
  }

 private:
  float* absorbed(int i, int head) const {  // [rank | rope]
    return absorbed_ + (size_t(i) * size_t(shape_.heads) + size_t(head)) * size_t(width_);
  }
  float* mixed(int i, int head) const {  // [rank]
    return mixed_ + (size_t(i) * size_t(shape_.heads) + size_t(head)) * size_t(rank_);
  }
  float* gemm_scratch(int thread) const { return scratch_ + room_ * size_t(thread); }
  float* own_scratch(int thread) const { return gemm_scratch(thread) + kGemmScratch; }

  // DeepSeek-V2, section 2.1.2: q_absorbed = W^UK^T q_nope.
  void absorb(int head, int row, int count, int thread) const {
    const int nope = shape_.own, rope = shape_.shared;
    const float* q = q_.row(row) + head * (nope + rope);
    Gemm g{};
    g.left_row = q_.stride;
    g.left_inner = 1;
    g.panels = own_scratch(thread);
    g.panel_stride = kPanel;
    g.inner_stride = size_t(rank_);
    g.out = absorbed(0, head);
    g.out_row = size_t(shape_.heads) * size_t(width_);
    g.rows = count;
    g.cols = rank_;
    g.scratch = gemm_scratch(thread);
    for (int n = 0; n < nope; n += kDecodedRows) {
      g.inner = std::min(kDecodedRows, nope - n);
      for (int k = 0; k < g.inner; ++k) {
        float* to = own_scratch(thread) + size_t(k) * size_t(rank_);
        const float* from = kv_b_.row(head * (nope + shape_.value) + n + k, to);
        if (from != to) std::memcpy(to, from, sizeof(float) * size_t(rank_));
      }
      g.left = q + n;
      g.accumulate = n > 0;
      kernels().gemm(g);
    }
    for (int i = 0; i < count; ++i) {
      float* to = absorbed(i, head);
      std::memcpy(to + rank_, q + size_t(i) * q_.stride + nope, sizeof(float) * size_t(rope));
      kernels().scale(shape_.scale, to, to, width_);
    }
  }

  // The latent rows of keys [first, first + count) of a query: those of a page,
  // or of chosen tokens, copied together.
  struct LatentRows {
    const float* data;
    size_t stride;
  };
  LatentRows rows_of(const Query& query, const int* chosen, int first, int count,
                     float* room) const {
    if (!chosen) return {query.view.latent(first), query.view.latent_stride};
    for (int k = 0; k < count; ++k)
      std::memcpy(room + size_t(k) * size_t(width_), query.view.latent(chosen[first + k]),
                  sizeof(float) * size_t(width_));
    return {room, size_t(width_)};
  }

  // mixed = softmax(absorbed latent^T) latent for `heads` heads of the i-th
  // query from `head` on.
  void mix(const Query& query, int i, int head, int heads, int thread) const {
    const int* chosen = choice_.of(query.row, query.visible);
    const int keys = chosen ? choice_.keep : query.visible;
    float* room = own_scratch(thread);                           // [32][width]
    float* scores = room + size_t(kCachePage) * size_t(width_);  // [heads][padded]
    for (int u = 0; u < keys; u += kCachePage) {
      BlockGemm g{};
      g.cols = std::min(kCachePage, keys - u);
      const LatentRows latent = rows_of(query, chosen, u, g.cols, room);
      g.type = WeightType::f32;
      g.weights = latent.data;
      g.weight_row = latent.stride * sizeof(float);
      g.left = absorbed(i, head);
      g.left_row = size_t(width_);
      g.out = scores + u;
      g.out_row = size_t(padded_);
      g.rows = heads;
      g.inner = width_;
      g.scratch = gemm_scratch(thread);
      kernels().block_gemm(g);
    }
    for (int h = 0; h < heads; ++h) {
      float* p = scores + size_t(h) * size_t(padded_);
      const float top = kernels().max(p, keys);
      kernels().scale(1 / kernels().exp_sum(p, top, keys), p, p, keys);
    }
    for (int u = 0; u < keys; u += kCachePage) {
      Gemm g{};
      g.inner = std::min(kCachePage, keys - u);
      const LatentRows latent = rows_of(query, chosen, u, g.inner, room);
      g.left = scores + u;
      g.left_row = size_t(padded_);
      g.left_inner = 1;
      g.panels = latent.data;
      g.panel_stride = kPanel;
      g.inner_stride = latent.stride;
      g.out = mixed(i, head);
      g.out_row = size_t(rank_);
      g.rows = heads;
      g.cols = rank_;
      g.accumulate = u > 0;
      g.scratch = gemm_scratch(thread);
      kernels().gemm(g);
    }
  }

  // y = W^UV mixed.
  void project(int head, int row, int count, int thread) const {
    const int first = head * (shape_.own + shape_.value) + shape_.own;
    BlockGemm g{};
    g.type = kv_b_.type;
    g.weight_row = type_bytes(kv_b_.type, size_t(rank_));
    g.weights = static_cast<const char*>(kv_b_.parts[0]) + size_t(first) * g.weight_row;
    if (kv_b_.type == WeightType::f8_e4m3) g.scales = kv_b_.scales[0];
    g.scales_row = size_t(div_up(rank_, kScaleSquare));
    g.first = first;
    g.left = mixed(0, head);
    g.left_row = size_t(shape_.heads) * size_t(rank_);
    g.out = y_.row(row) + head * shape_.value;
    g.out_row = y_.stride;
    g.rows = count;
    g.cols = shape_.value;
    g.inner = rank_;
    g.scratch = gemm_scratch(thread);
    kernels().block_gemm(g);
  }

  Run& run_;
  const Tensor q_, y_;
  const Matrix& kv_b_;
  const AttentionShape& shape_;
  const TokenChoice& choice_;
  const int rank_, width_, padded_;
  size_t room_;  // floats of scratch of a thread
  float *absorbed_, *mixed_, *scratch_;
};

// Puts the batch's rows into the cache; one query per row, in order.
std::vector<Query> extend_cache(Run& run, Tensor latent, Tensor k_rope, int layer) {
  std::vector<Query> queries;
  for (const Segment& s : run.batch.segments()) {
    const CacheView view = run.cache->view(layer, s.sequence);
    CHECK_LE(s.position + s.count, view.capacity);
    for (int i = 0; i < s.count; ++i) queries.push_back({view, s.begin + i, s.position + i + 1});
  }
  run.pool.run_here([&] {
    for (const Query& query : queries) {
      float* to = query.view.latent(query.visible - 1);
      std::memcpy(to, latent.row(query.row), sizeof(float) * size_t(latent.cols));
      std::memcpy(to + latent.cols, k_rope.row(query.row), sizeof(float) * size_t(k_rope.cols));
    }
  });
  return queries;
}

}  // namespace

Tensor attend_latent(Run& run, Tensor q, Tensor latent, Tensor k_rope, const Matrix& kv_b,
                     const AttentionShape& shape, const TokenChoice& choice) {
  const Zone zone("attend_latent");
  CHECK(run.cache && !run.tape && !run.batch.has_branches());
  CHECK_EQ(k_rope.cols, shape.shared);
  CHECK_EQ(kv_b.rows, shape.heads * (shape.own + shape.value));
  Tensor y = run.make(q.rows, shape.heads * shape.value);
  const std::vector<Query> queries = extend_cache(run, latent, k_rope, shape.layer);
  int seen = 0;
  for (const Query& query : queries) seen = std::max(seen, query.visible);
  ArenaScope scope(run.arena);
  const LatentAttention attention(run, q, kv_b, shape, choice, latent.cols, seen, y);
  for (int row = 0; row < q.rows; row += kChunk)
    attention.attend(queries.data() + row, row, std::min(kChunk, q.rows - row));
  return y;
}

}  // namespace weir
