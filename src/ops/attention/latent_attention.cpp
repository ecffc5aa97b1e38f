// Multi-head latent attention in absorbed form, for decoding: the cache holds one latent row per
// token for all heads, and the up-projections of keys and values move to the query and the output.
#include <cstring>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"

namespace weir {
Tensor attend_latent(Run& run, Tensor q, Tensor latent, Tensor k_rope, const Matrix& kv_b,
                     const AttentionShape& shape, const TokenChoice& choice) {
  const Zone zone("attend_latent");
  CHECK(run.cache && !run.tape && !run.batch.has_branches());
  const int nope = shape.own, rope_width = shape.shared, rank = latent.cols,
            width = rank + rope_width;
  CHECK_EQ(k_rope.cols, rope_width);
  CHECK_EQ(kv_b.rows, shape.heads * (nope + shape.value));
  Tensor y = run.make(q.rows, shape.heads * shape.value);
  const auto& segments = run.batch.segments();
  struct Query {
    CacheView view;
    int row, position;
  };
  std::vector<Query> queries;
  int seen = 0;
  for (const Segment& s : segments) {
    CacheView view = run.cache->view(shape.layer, s.sequence);
    CHECK_LE(s.position + s.count, view.capacity);
    for (int i = 0; i < s.count; ++i) queries.push_back({view, s.begin + i, s.position + i});
    seen = std::max(seen, s.position + s.count);
  }
  run.pool.run_here([&] {
    for (const Query& query : queries) {
      float* to = query.view.latent(query.position);
      std::memcpy(to, latent.row(query.row), sizeof(float) * size_t(rank));
      std::memcpy(to + rank, k_rope.row(query.row), sizeof(float) * size_t(rope_width));
    }
  });
  ArenaScope scope(run.arena);
  const size_t per_thread = size_t(round_up(seen + 2 * width + 2 * rank, 16));
  float* base = run.arena.floats(per_thread * size_t(run.pool.threads()));
  run.pool.parallel_for(int(queries.size()) * shape.heads, [&](int task, int thread) {
    const Query& query = queries[size_t(task / shape.heads)];
    const int h = task % shape.heads, visible = query.position + 1;
    const int* chosen = choice.of(query.row, visible);
    const int keys = chosen ? choice.keep : visible;
    auto latent_at = [&](int u) { return query.view.latent(chosen ? chosen[u] : u); };
    const float* qh = q.row(query.row) + h * (nope + rope_width);
    float* p = base + size_t(thread) * per_thread;
    float* absorbed = p + seen;       // [rank | rope]
    float* mixed = absorbed + width;  // [rank]
    float* scratch = mixed + rank;
    // DeepSeek-V2, section 2.1.2: q_absorbed = W^UK^T q_nope.
    std::memset(absorbed, 0, sizeof(float) * size_t(rank));
    for (int i = 0; i < nope; ++i)
      kernels().axpy(qh[i], kv_b.row(h * (nope + shape.value) + i, scratch), absorbed, rank);
    std::memcpy(absorbed + rank, qh + nope, sizeof(float) * size_t(rope_width));
    kernels().scale(shape.scale, absorbed, absorbed, width);
    for (int u = 0; u < keys; ++u) p[u] = kernels().dot(absorbed, latent_at(u), width);
    float top = kernels().max(p, keys), inverse = 1 / kernels().exp_sum(p, top, keys);
    std::memset(mixed, 0, sizeof(float) * size_t(rank));
    for (int u = 0; u < keys; ++u) kernels().axpy(p[u] * inverse, latent_at(u), mixed, rank);
    float* out = y.row(query.row) + h * shape.value;
    for (int i = 0; i < shape.value; ++i)
      out[i] = kernels().dot(kv_b.row(h * (nope + shape.value) + nope + i, scratch), mixed, rank);
  });
  return y;
}

}  // namespace weir
