#include "model/compressed_layers.h"

namespace weir {

Tensor site_coefficients(Run& run, const StreamSite& site, Tensor streams) {
  Tensor scores = linear(run, unit_norm(run, streams, site.epsilon), site.fn);
  return stream_coefficients(run, scores, *site.base, *site.scale, site.shape);
}

namespace {

// Entries of normalised rows n, turned, and kept in the cache.
Entries make_entries(Run& run, const Compressor& c, const RopeTable& table, const Input& n) {
  Entries entries = compress(run, linear(run, n, c.kv), linear(run, n, c.gate), *c.bias, c.shape);
  entries.rows = rms_norm(run, entries.rows, *c.gain, c.epsilon);
  rope_at(run, entries.rows, c.shape.width, table, entries.position, 1);
  cache_entries(run, entries, c.shape);
  return entries;
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

Tensor window_attention(Run& run, const WindowAttention& a, const RopeTable& table,
                        const Tensor& x) {
  const Zone zone("attention");
  const Compressor& c = a.compressor;
  const Input n = quantize(run, x,
                           {&a.q_a, &a.kv, &c.kv, &c.gate, &a.indexer.keys.kv, &a.indexer.keys.gate,
                            &a.indexer.weights});
  const Input latent = quantize(run, rms_norm(run, linear(run, n, a.q_a), *a.q_gain, a.epsilon),
                                {&a.q_b, &a.indexer.q});
  const int width = a.shape.width;
  Tensor heads = linear(run, latent, a.q_b);
  Tensor q = unit_norm(run, heads.folded(width), a.epsilon).folded(heads.cols);
  rope(run, q, width, table);
  Tensor rows = rms_norm(run, linear(run, n, a.kv), *a.kv_gain, a.epsilon);
  rope(run, rows, width, table);
  Entries entries;
  if (c.kv) entries = make_entries(run, c, table, n);
  const TokenChoice choice = choose(run, a.indexer, table, n, latent);
  Tensor y = attend_window(run, q, rows, entries, choice, *a.sinks, a.shape);
  // Values carry the rotation of their position; this leaves the one relative to the query.
  rope_at(run, y, width, table, run.batch.positions().data(), -1);
  return linear(run, grouped_linear(run, y, a.out_groups), a.out);
}

}  // namespace weir
