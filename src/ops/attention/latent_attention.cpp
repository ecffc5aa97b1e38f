// Multi-head latent attention in absorbed form, for decoding: the cache holds
// one latent row per token for all heads, and the up-projections of keys and
// values move to the query and the output. The heads of a query are rows of one
// product, so that each page of the cache is read once for all of them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"
#include "ops/attention/cache_rows.h"
#include "ops/attention/latent_projections.h"
#include "ops/attention/streamed_attention.h"

namespace weir {
namespace {

constexpr int kChunk = 32;  // rows of the batch whose absorbed queries are in memory together

struct Query {
  CacheView view;
  int row, visible;  // it sees positions [0, visible)
};

class LatentAttention {
 public:
  LatentAttention(Run& run, const LatentProjections& projections, const AttentionShape& shape,
                  const TokenChoice& choice, int rank, int seen)
      : run_(run),
        projections_(projections),
        shape_(shape),
        choice_(choice),
        rank_(rank),
        width_(rank + shape.shared),
        padded_(round_up(seen, kCachePage)) {
    const size_t rows = size_t(std::min(run.batch.size(), kChunk)) * size_t(shape.heads);
    absorbed_ = run.arena.floats(rows * size_t(width_));
    mixed_ = run.arena.floats(rows * size_t(rank_));
    room_ = std::max(projections.scratch(), kGemmScratch + size_t(shape.heads) * size_t(padded_) +
                                                size_t(kCachePage) * size_t(width_));
    scratch_ = run.arena.floats(room_ * size_t(run.pool.threads()));
  }

  // Rows [row, row + count) of the batch, which are those of `queries`.
  void attend(const Query* queries, int row, int count) const {
    ThreadPool& pool = run_.pool;
    pool.parallel_for(shape_.heads, [&](int head, int thread) {
      projections_.absorb(head, row, count, absorbed(0, head),
                          size_t(shape_.heads) * size_t(width_), gemm_scratch(thread));
    });
    // Every thread should have something to do.
    const int heads = std::clamp(count * shape_.heads / (2 * pool.threads()), 1, shape_.heads);
    const int parts = div_up(shape_.heads, heads);
    pool.parallel_for(count * parts, [&](int task, int thread) {
      const int first = task % parts * heads;
      mix(queries[task / parts], task / parts, first, std::min(heads, shape_.heads - first),
          thread);
    });
    pool.parallel_for(shape_.heads, [&](int head, int thread) {
      projections_.project(head, row, count, mixed(0, head), size_t(shape_.heads) * size_t(rank_),
                           gemm_scratch(thread));
    });
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

  Run& run_;
  const LatentProjections& projections_;
  const AttentionShape& shape_;
  const TokenChoice& choice_;
  const int rank_, width_, padded_;
  size_t room_;  // floats of scratch of a thread
  float *absorbed_, *mixed_, *scratch_;
};

// One query per row of the batch, in order.
std::vector<Query> find_queries(Run& run, int layer) {
  std::vector<Query> queries;
  for (const Segment& s : run.batch.segments()) {
    const CacheView view = run.cache->view(layer, s.sequence);
    CHECK_LE(s.position + s.count, view.capacity);
    for (int i = 0; i < s.count; ++i) queries.push_back({view, s.begin + i, s.position + i + 1});
  }
  return queries;
}

// Puts the batch's rows into the cache.
void extend_cache(Run& run, const std::vector<Query>& queries, Tensor latent, Tensor k_rope) {
  run.pool.run_here([&] {
    for (const Query& query : queries) {
      float* to = query.view.latent(query.visible - 1);
      std::memcpy(to, latent.row(query.row), sizeof(float) * size_t(latent.cols));
      std::memcpy(to + latent.cols, k_rope.row(query.row), sizeof(float) * size_t(k_rope.cols));
    }
  });
}

void attend_exactly(Run& run, const LatentProjections& projections, const AttentionShape& shape,
                    const TokenChoice& choice, const std::vector<Query>& queries, int rank) {
  int seen = 0;
  for (const Query& query : queries) seen = std::max(seen, query.visible);
  ArenaScope scope(run.arena);
  const LatentAttention attention(run, projections, shape, choice, rank, seen);
  const int rows = int(queries.size());
  for (int row = 0; row < rows; row += kChunk)
    attention.attend(queries.data() + row, row, std::min(kChunk, rows - row));
}

// The same by streamed attention: the heads of a few rows are queries of one group.
class StreamedLatents {
 public:
  StreamedLatents(Run& run, const LatentProjections& projections, const AttentionShape& shape,
                  const TokenChoice& choice, const CacheLayout& layout)
      : run_(run),
        projections_(projections),
        shape_(shape),
        choice_(choice),
        layout_(layout),
        products_(latent_products(layout.key, layout.value)) {
    const int most = std::min(run.batch.size(), kChunk) * shape.heads;
    prepared_ = make_prepared(run.arena, layout.key, most);
    mixed_ = run.arena.floats(size_t(most) * size_t(layout.value.width));
    scratch_ = run.arena.floats(projections.scratch() * size_t(run.pool.threads()));
  }

  // Rows [row, row + count) of the batch, which are those of `queries`.
  void attend(const Query* queries, int row, int count) const {
    const size_t width = size_t(layout_.key.width), rank = size_t(layout_.value.width);
    const size_t heads = size_t(shape_.heads);
    run_.pool.parallel_for(shape_.heads, [&](int head, int thread) {
      projections_.absorb(head, row, count, prepared_.from(head, layout_.key).rows, heads * width,
                          scratch(thread));
      for (int i = 0; i < count; ++i) products_->prepare(prepared_, i * shape_.heads + head);
    });
    stream(queries, count);
    run_.pool.parallel_for(shape_.heads, [&](int head, int thread) {
      projections_.project(head, row, count, mixed_ + size_t(head) * rank, heads * rank,
                           scratch(thread));
    });
  }

 private:
  float* scratch(int thread) const { return scratch_ + projections_.scratch() * size_t(thread); }

  void stream(const Query* queries, int count) const {
    std::vector<StreamQuery> all;
    std::vector<StreamGroup> groups;
    // Every thread should have something to do, and a group's queries should fit a tile.
    const int most =
        std::clamp(count / (2 * run_.pool.threads()), 1, std::max(1, kQueryTile / shape_.heads));
    int begin = 0;
    const auto close = [&](const int* gathered) {
      for (const int end = int(all.size()); begin < end; begin = std::min(begin + kQueryTile, end))
        groups.push_back({begin, std::min(kQueryTile, end - begin), 0, gathered});
    };
    for (int i = 0; i < count; ++i) {
      const Query& query = queries[i];
      const int* chosen = choice_.of(query.row, query.visible);
      if (chosen || int(all.size()) - begin >= most * shape_.heads) close(nullptr);
      for (int h = 0; h < shape_.heads; ++h)
        all.push_back({&query.view, chosen ? choice_.keep : query.visible,
                       mixed_ + all.size() * size_t(layout_.value.width)});
      if (chosen) close(chosen);
    }
    close(nullptr);
    stream_attention(run_, *products_, prepared_, all, groups);
  }

  Run& run_;
  const LatentProjections& projections_;
  const AttentionShape& shape_;
  const TokenChoice& choice_;
  const CacheLayout& layout_;
  const std::unique_ptr<const PageProducts> products_;
  PreparedQueries prepared_;
  float *mixed_, *scratch_;
};

void extend_narrow_cache(Run& run, const std::vector<Query>& queries, Tensor latent,
                         Tensor k_rope) {
  ArenaScope scope(run.arena);
  float* room = run.arena.floats(size_t(latent.cols + k_rope.cols));
  run.pool.run_here([&] {
    for (const Query& query : queries) {
      std::memcpy(room, latent.row(query.row), sizeof(float) * size_t(latent.cols));
      std::memcpy(room + latent.cols, k_rope.row(query.row), sizeof(float) * size_t(k_rope.cols));
      const int position = query.visible - 1;
      store_in_rows(query.view.layout->key, query.view.latents(position / kCachePage),
                    position % kCachePage, room);
    }
  });
}

void attend_streamed(Run& run, const LatentProjections& projections, const AttentionShape& shape,
                     const TokenChoice& choice, const std::vector<Query>& queries) {
  ArenaScope scope(run.arena);
  const StreamedLatents attention(run, projections, shape, choice, *queries[0].view.layout);
  const int rows = int(queries.size());
  for (int row = 0; row < rows; row += kChunk)
    attention.attend(queries.data() + row, row, std::min(kChunk, rows - row));
}

}  // namespace

Tensor attend_latent(Run& run, Tensor q, Tensor latent, Tensor k_rope, const Matrix& kv_b,
                     const AttentionShape& shape, const TokenChoice& choice) {
  const Zone zone("attend_latent");
  CHECK(run.cache && !run.tape && !run.batch.has_branches());
  CHECK_EQ(k_rope.cols, shape.shared);
  CHECK_EQ(kv_b.rows, shape.heads * (shape.own + shape.value));
  Tensor y = run.make(q.rows, shape.heads * shape.value);
  const std::vector<Query> queries = find_queries(run, shape.layer);
  const Matrix* compact = run.exact ? nullptr : run.cache->absorbed(shape.layer);
  const LatentProjections projections(q, y, compact ? *compact : kv_b, shape);
  if (is_streamed(run, queries[0].view)) {
    extend_narrow_cache(run, queries, latent, k_rope);
    attend_streamed(run, projections, shape, choice, queries);
  } else {
    extend_cache(run, queries, latent, k_rope);
    attend_exactly(run, projections, shape, choice, queries, latent.cols);
  }
  return y;
}

}  // namespace weir
