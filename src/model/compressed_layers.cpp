#include "model/compressed_layers.h"

namespace weir {

Tensor first_stream(Run& run, int rows, int streams) {
  Tensor pre = zeros(run, rows, streams);
  run.pool.run_here([&] {
    for (int t = 0; t < rows; ++t) *pre.row(t) = 1;
  });
  return pre;
}

Tensor site_coefficients(Run& run, const StreamSite& site, Tensor streams) {
  Tensor scores = linear(run, unit_norm(run, streams, site.epsilon), site.fn);
  return stream_coefficients(run, scores, *site.base, *site.scale, site.shape);
}

namespace {

// Entries of normalised rows n, turned, and kept in the cache.
Entries make_entries(Run& run, const Compressor& c, const RopeTable& table, const Input& n) {
  Entries entries = compress(run, linear(run, n, c.kv), linear(run, n, c.gate), c.bias, c.shape);
  entries.rows = rms_norm(run, entries.rows, *c.gain, c.epsilon);
  rope_at(run, entries.rows, c.shape.width, table, entries.position, 1);
  cache_entries(run, entries, c.shape);
  return entries;
}

// Of V4.1: entries of a layer that makes them, and their index keys, of which nothing is recorded.
void make_shared(Run& run, const WindowAttention& a, const RopeTable& table, const Input& n,
                 SharedEntries& shared) {
  const Compressor& c = a.compressor;
  const Tensor gates = c.gate ? linear(run, n, c.gate) : Tensor{};
  Entries entries = compress(run, linear(run, n, c.kv), gates, nullptr, c.shape);
  entries.rows = rms_norm(run, entries.rows, *c.gain, c.epsilon);
  {
    Run quiet = run.unrecorded();
    CompressShape of_keys = c.shape;
    of_keys.width = a.indexer.shape.width, of_keys.is_index = true;
    shared.keys = entries;
    shared.keys.rows =
        rms_norm(quiet, linear(quiet, entries.rows, a.indexer.k), *a.indexer.k_gain, c.epsilon);
    rope_at(quiet, shared.keys.rows, of_keys.width, table, entries.position, 1);
    cache_entries(quiet, shared.keys, of_keys);
  }
  rope_at(run, entries.rows, c.shape.width, table, entries.position, 1);
  cache_entries(run, entries, c.shape);
  shared.entries = entries;
}

// Of V4.1: the choice for this layer and those after it.
void choose_shared(Run& run, const EntryIndexer& in, const RopeTable& table, const Input& n,
                   const Input& latent, SharedEntries& shared) {
  shared.choice = {};
  if (!sees_more_entries(run, in.shape.ratio, in.shape.keep)) return;
  const Zone zone("attention.indexer");
  int* chosen = run.arena.array<int>(size_t(n.x.rows) * size_t(in.shape.keep));
  Run quiet = run.unrecorded();
  Tensor q = linear(quiet, latent, in.q);
  rope(quiet, q, in.shape.width, table);
  const Tensor weights = linear(quiet, n, in.weights);
  if (in.candidate_blocks > 0) {
    shared.candidates = {nullptr, 0, in.candidate_size, in.candidate_blocks};
    shared.choice =
        choose_entries(quiet, q, shared.keys, weights, in.shape, chosen, &shared.candidates);
    return;
  }
  shared.choice =
      choose_entries(quiet, q, shared.keys, weights, in.shape, chosen, nullptr, &shared.candidates);
}

// Nothing is recorded. DeepSeek also turns queries and keys by a Hadamard matrix, for the sake of
// their FP4: it changes no product and is left out.
TokenChoice choose(Run& run, const EntryIndexer& in, const RopeTable& table, const Input& n,
                   const Input& latent) {
  if (!in.q) return {};
  const bool is_needed = sees_more_entries(run, in.shape.ratio, in.shape.keep);
  if (!is_needed && !run.cache) return {};
  const Zone zone("attention.indexer");
  int* chosen = nullptr;
  if (is_needed) chosen = run.arena.array<int>(size_t(n.x.rows) * size_t(in.shape.keep));
  ArenaScope scope(run.arena);
  Run quiet = run.unrecorded();
  const Entries keys = make_entries(quiet, in.keys, table, n);
  if (!is_needed) return {};
  Tensor q = linear(quiet, latent, in.q);
  rope(quiet, q, in.shape.width, table);
  return choose_entries(quiet, q, keys, linear(quiet, n, in.weights), in.shape, chosen);
}

}  // namespace

Tensor window_attention(Run& run, const WindowAttention& a, const RopeTable& table, const Tensor& x,
                        SharedEntries* shared, const Entries* context) {
  const Zone zone("attention");
  const Compressor& c = a.compressor;
  const Input n = quantize(run, x,
                           {&a.q_a, &a.kv, &c.kv, &c.gate, &a.indexer.keys.kv, &a.indexer.keys.gate,
                            &a.indexer.weights});
  const Input latent = quantize(run, rms_norm(run, linear(run, n, a.q_a), *a.q_gain, a.epsilon),
                                {&a.q_b, &a.indexer.q});
  const int width = a.shape.width;
  Tensor q = linear(run, latent, a.q_b);
  if (a.norms_heads) q = unit_norm(run, q.folded(width), a.epsilon).folded(q.cols);
  rope(run, q, width, table);
  Tensor rows = rms_norm(run, linear(run, n, a.kv), *a.kv_gain, a.epsilon);
  rope(run, rows, width, table);
  Entries entries;
  TokenChoice choice;
  WindowShape shape = a.shape;
  shape.sees_block = context != nullptr;
  if (context) {
    entries = *context;
  } else if (a.shares_entries) {
    if (c.kv) make_shared(run, a, table, n, *shared);
    if (a.indexer.q) choose_shared(run, a.indexer, table, n, latent, *shared);
    if (a.shape.ratio > 0) entries = shared->entries, choice = shared->choice;
  } else {
    if (c.kv) entries = make_entries(run, c, table, n);
    choice = choose(run, a.indexer, table, n, latent);
  }
  Tensor y = attend_window(run, q, rows, entries, choice, *a.sinks, shape);
  // Values carry the rotation of their position; this leaves the one relative to the query.
  rope_at(run, y, width, table, run.batch.positions().data(), -1);
  return linear(run, grouped_linear(run, y, a.out_groups), a.out);
}

}  // namespace weir
