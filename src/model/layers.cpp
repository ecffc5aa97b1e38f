#include "model/layers.h"

#include <algorithm>
#include <optional>

namespace weir {

namespace {

// Every head of x on its own: heads are rows of a view, so nothing is copied.
Tensor norm_heads(Run& run, const Norm& norm, Tensor x) {
  if (!norm.gain) return x;
  return norm(run, x.folded(norm.gain->cols)).folded(x.cols);
}

}  // namespace

Tensor attention_residual(Run& run, const Norm& norm, const Gqa& a, const RopeTable& table,
                          Tensor x) {
  const Zone zone("attention");
  const Input n = quantize(run, norm(run, x), {&a.q, &a.k, &a.v});
  Tensor q = norm_heads(run, a.q_norm, linear(run, n, a.q));
  Tensor k = norm_heads(run, a.k_norm, linear(run, n, a.k));
  Tensor v = linear(run, n, a.v);
  rope(run, q, a.shape.own, table);
  rope(run, k, a.shape.own, table);
  return add_linear(run, x, attend(run, q, k, {}, v, a.shape), a.out);
}

namespace {

constexpr float kIndexEpsilon = 1e-6f;  // of the LayerNorm, whatever rms_norm_eps says

// `n` is the block's normalised input, `latent` the query latent that MLA's own queries come from.
// Rows that see no more tokens than may be kept need no scores, but later ones need their keys.
// Nothing is recorded. DeepSeek also turns queries and keys by a Hadamard matrix, for the sake of
// their FP8: it changes no product and is left out.
TokenChoice choose(Run& run, const Indexer& in, const RopeTable& main_table, const Input& n,
                   const Input& latent, int* room) {
  if (!in.k) return {};
  const bool is_needed = sees_more_than(run, in.shape.keep);
  if (!is_needed && !run.cache) return {};
  const Zone zone("attention.indexer");
  int* tokens = room;
  if (is_needed && !room) tokens = run.arena.array<int>(size_t(n.x.rows) * size_t(in.shape.keep));
  ArenaScope scope(run.arena);
  Run quiet = run.unrecorded();
  RopeTable table = main_table;  // the same angles, but on a head's first columns
  table.interleaved = in.interleaved, table.leading = true;
  Tensor k = layer_norm(quiet, linear(quiet, n, in.k), *in.k_gain, *in.k_bias, kIndexEpsilon);
  rope(quiet, k, in.shape.width, table);
  if (run.cache) cache_index_keys(quiet, k, in.shape);
  if (!is_needed) return {};
  Tensor q = linear(quiet, latent, in.q);
  rope(quiet, q, in.shape.width, table);
  return choose_tokens(quiet, q, k, linear(quiet, n, in.weights), in.shape, tokens);
}

}  // namespace

Tensor attention_residual(Run& run, const Norm& norm, const Mla& a, const RopeTable& table,
                          Tensor x, SharedEntries* shared) {
  const Zone zone("attention");
  const Input n =
      quantize(run, norm(run, x), {&a.q, &a.q_a, &a.kv_a, &a.indexer.k, &a.indexer.weights});
  const Input query_latent =
      a.q ? Tensor{} : quantize(run, a.q_norm(run, linear(run, n, a.q_a)), {&a.q_b, &a.indexer.q});
  Tensor q = a.q ? linear(run, n, a.q) : linear(run, query_latent, a.q_b);
  TokenChoice choice;
  if (!a.takes_choice)
    choice = choose(run, a.indexer, table, n, query_latent, shared ? shared->room : nullptr);
  else if (shared)
    choice = shared->choice;
  if (shared) shared->choice = choice;
  Tensor packed = linear(run, n, a.kv_a);  // [latent | rotary key shared by all heads]
  Tensor latent = a.kv_norm(run, packed.columns(0, a.rank));
  Tensor k_rope = packed.columns(a.rank, a.rope_width);
  rope(run, q, a.shape.own + a.shape.shared, table);
  scale_by_position(run, q, a.query_beta, a.query_positions);
  rope(run, k_rope, a.rope_width, table);
  if (run.cache && run.cache->form() == CacheForm::latent)
    return add_linear(
        run, x,
        scaled(run, attend_latent(run, q, latent, k_rope, *a.kv_b.base, a.shape, choice),
               a.out_scale),
        a.out);
  Tensor kv = linear(run, latent, a.kv_b);  // per head [k_nope | v]
  return add_linear(
      run, x, scaled(run, attend(run, q, kv, k_rope, kv, a.shape, choice), a.out_scale), a.out);
}

namespace {

Tensor add_mlp(Run& run, const Mlp& m, Tensor residual, const Input& n) {
  const Tensor y = swiglu(run, linear(run, n, m.gate), linear(run, n, m.up), m.limit);
  return add_linear(run, residual, scaled(run, y, m.out_scale), m.down);
}

}  // namespace

Tensor mlp_residual(Run& run, const Norm& norm, const Mlp& m, Tensor x) {
  const Zone zone("mlp");
  return add_mlp(run, m, x, quantize(run, norm(run, x), {&m.gate, &m.up}));
}

namespace {

// Rows for which the next layer's experts are guessed: of more rows most experts are chosen anyway.
constexpr int kRowsGuessed = 4;

// What the next router makes of this layer's residual stream, which the layers between change
// little.
void look_ahead(Run& run, const Moe& m, Tensor x) {
  if (!m.next || x.rows > kRowsGuessed) return;
  const Zone zone("moe.look_ahead");
  const Moe& next = *m.next;
  Temporaries temporaries(run);
  Run quiet = run.unrecorded();
  quiet.routing = {};
  const Tensor scores = linear(quiet, (*m.next_norm)(quiet, x), next.router);
  const Routing routing =
      route(quiet, scores, next.bias ? next.bias->f32() : nullptr, next.shape, next.table);
  run.pool.run_here([&] {
    std::vector<int> experts;
    for (int e = 0; e < routing.experts; ++e)
      if (routing.begin[e + 1] > routing.begin[e]) experts.push_back(e);
    next.source.cache->look_ahead(next.source.layer, experts);
  });
}

// As below, while experts are read. Their parts do not depend on the shared ones'.
Tensor streamed_residual(Run& run, const Moe& m, const Input& n, Routing routing, Tensor x) {
  ExpertCache::Visit visit(*m.source.cache);
  run.pool.run_here([&] {
    visit.begin(m.source.layer, routing.tokens, {routing.begin, size_t(routing.experts) + 1});
  });
  if (m.shared.gate) {
    const Zone shared_zone("moe.shared");
    x = add_mlp(run, m.shared, x, n);
  }
  look_ahead(run, m, x);
  return combine(run, x, streamed_experts(run, n, routing, {m.gate, m.up, m.down, m.limit}, visit),
                 routing);
}

// DeepSeekMoE (Dai et al. 2024, eq. 9): x + shared(n) + sum of the chosen experts of n, weighted.
Tensor add_experts(Run& run, const Moe& m, float balance_weight, Tensor x, Tensor normalised) {
  const Input n =
      quantize(run, normalised, {&m.router, &m.gate, &m.up, &m.shared.gate, &m.shared.up});
  GateShape shape = m.shape;
  shape.balance_weight = balance_weight;
  const Routing routing = [&] {
    const Zone gate_zone("moe.gate");
    return route(run, linear(run, n, m.router), m.bias ? m.bias->f32() : nullptr, shape, m.table);
  }();
  if (run.tape && m.load)
    for (int e = 0; e < routing.experts; ++e)
      (*m.load)[size_t(e)] += routing.begin[e + 1] - routing.begin[e];
  if (m.source && !run.tape && !run.observer) return streamed_residual(run, m, n, routing, x);
  const Tensor parts = [&] {
    const Zone experts_zone("moe.experts");
    Tensor gate = expert_linear_gather(run, n, routing, m.gate);
    Tensor up = expert_linear_gather(run, n, routing, m.up);
    return expert_linear(run, swiglu(run, gate, up, m.limit), routing, m.down);
  }();
  if (m.shared.gate) {
    const Zone shared_zone("moe.shared");
    x = add_mlp(run, m.shared, x, n);
  }
  return combine(run, x, parts, routing);
}

}  // namespace

Tensor mlp_residual(Run& run, const Norm& norm, const Moe& m, float balance_weight, Tensor x) {
  const Zone zone("moe");
  return add_experts(run, m, balance_weight, x, norm(run, x));
}

namespace {

// The mixture that the next part reads. Without a tape it is copied, because what a part computes
// is given back.
void hand_on(Run& run, Tensor coefficients, int streams, SharedEntries& shared) {
  if (run.tape) {
    shared.pre = coefficients;
    return;
  }
  run.pool.run_here([&] {
    for (int t = 0; t < coefficients.rows; ++t)
      std::copy_n(coefficients.row(t), streams, shared.pre.row(t));
  });
}

// DeepSeek-V4, section 2.2: a part reads the streams by its own mixture, in V4.1 (`shared`) by that
// of the part before it. Without a tape the streams change in place, and nothing else of a part is
// needed after it, but for what later layers read of V4.1's.
Tensor compressed_forward(Run& run, const Block& b, const RopeTable& table, float balance_weight,
                          Tensor x, SharedEntries* shared, const Entries* context) {
  const int streams = b.attention_site.shape.streams;
  const auto read = [&](const StreamSite& site, Tensor& c) {
    c = site_coefficients(run, site, x);
    Tensor y = collapse_streams(run, x, shared ? shared->pre : c, streams);
    if (shared) hand_on(run, c, streams, *shared);
    return y;
  };
  Tensor c;
  {
    std::optional<Temporaries> temporaries;
    if (!b.window.hands_on()) temporaries.emplace(run);
    const Tensor n = b.attention_norm(run, read(b.attention_site, c));
    x = expand_streams(run, x, window_attention(run, b.window, table, n, shared, context), c,
                       streams);
  }
  const Zone zone("moe");
  Temporaries temporaries(run);
  const Tensor n = b.mlp_norm(run, read(b.mlp_site, c));
  const Tensor sum = add_experts(run, b.moe, balance_weight, zeros(run, n.rows, n.cols), n);
  return expand_streams(run, x, sum, c, streams);
}

// Without a tape in place, and nothing else of it is needed after.
Tensor recall(Run& run, const Engram& e, const NgramRows& rows, Tensor x) {
  const Zone zone("engram");
  Temporaries temporaries(run);
  const Input read =
      quantize(run, gather_ngrams(run, e.table, rows.of(e), e.hash->columns()), {&e.kv});
  return add_recalled(run, x, linear(run, read, e.kv), *e.q, *e.k, e.streams, e.epsilon);
}

}  // namespace

Tensor block_forward(Run& run, const Block& b, const RopeTable& table, float balance_weight,
                     Tensor x, const NgramRows& rows, SharedEntries* shared,
                     const Entries* context) {
  if (b.engram.table) x = recall(run, b.engram, rows, x);
  if (b.is_compressed) return compressed_forward(run, b, table, balance_weight, x, shared, context);
  // Both parts add to x; without a tape that is in place, and nothing else of them is needed after.
  {
    Temporaries temporaries(run);
    x = b.is_mla ? attention_residual(run, b.attention_norm, b.mla, table, x, shared)
                 : attention_residual(run, b.attention_norm, b.gqa, table, x);
  }
  Temporaries temporaries(run);
  return b.is_moe ? mlp_residual(run, b.mlp_norm, b.moe, balance_weight, x)
                  : mlp_residual(run, b.mlp_norm, b.mlp, x);
}

}  // namespace weir
