// Softmax attention of queries over their cached keys in fixed blocks, so that any number of
// threads can take part in one query. Each block of kKeyBlock keys is computed by itself,
//   top_b = max of its scores, sum_b = sum of exp(score - top_b), mixed_b = sum of exp(...) *
//   value,
// and blocks are joined in order: exp(top - max) rescales what is smaller (Milakov and Gimelshein
// 2018, online softmax; Dao et al. 2022, FlashAttention). The bits of a query depend on its keys
// alone, not on threads or on the queries computed with it; they differ from those of the training
// forward, whose softmax is over whole rows.
#pragma once
#include <span>
#include <vector>

#include "ops/attention/page_products.h"
#include "tensor/run.h"

namespace weir {

constexpr int kKeyBlock = 256;

struct StreamQuery {
  const CacheView* view;
  int keys;    // the first that it sees; with `gathered`, how many there are
  float* out;  // [value width]
  // Null, or [keep]: the only keys of those seen that count, ascending.
  const int* chosen = nullptr;
  int keep = 0;
};

// Queries of one key/value head that are taken together, at most kQueryTile. Those that stand
// together and share a page are multiplied together.
struct StreamGroup {
  int begin, count;
  int kv_head = 0;
  // Null, or the positions of its keys: rows of a latent cache that are copied together.
  const int* gathered = nullptr;
};

// Whether attention over this cache is streamed: all narrow types, and f32 where a run need not
// have the bits of training (widths must be multiples of 16).
bool is_streamed(const Run& run, const CacheView& view);

// Memory for the prepared form of `count` queries.
PreparedQueries make_prepared(Arena& arena, const CacheVector& key, int count);

// out = softmax(prepared . keys) values of all groups, values still rotated. Prepared queries lie
// in the order of `queries`.
void stream_attention(Run& run, const PageProducts& products, const PreparedQueries& prepared,
                      std::span<const StreamQuery> queries, std::span<const StreamGroup> groups);

}  // namespace weir
