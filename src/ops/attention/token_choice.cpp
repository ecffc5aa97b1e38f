// The lightning indexer of sparse attention: a score for every earlier token, and the best of them.
// A score is one chain over the heads in order, each of them a chain over the width, so the choice
// does not depend on the batch, on chunks or on threads. Forward only.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"
#include "ops/attention/best_scores.h"
#include "ops/attention/cache_rows.h"
#include "ops/attention/streamed_attention.h"

namespace weir {
namespace {

static_assert(kCachePage == kPanel);

int panels_for(int tokens) { return div_up(tokens, kPanel); }

// Tokens of its sequence that stand before a segment's rows and are seen by it.
int past_of(const Run& run, const Segment& segment) {
  return run.cache ? segment.position : segment.shared();
}

// Where the keys of a segment's sequence are: panels [width][kPanel], in pages or one after
// another.
struct IndexKeys {
  CacheView view;
  const PageProducts* narrow = nullptr;  // of a cache of another type than f32
  const float* packed = nullptr;
  size_t panel_size = 0;
  const float* panel(int p) const {
    return packed ? packed + size_t(p) * panel_size : view.index_keys(p);
  }
};

struct Scratch {
  float* gemm;
  float* products;          // [heads][kPanel]
  float* scores;            // [panels * kPanel]
  uint64_t* ranked;         // [tokens seen]
  PreparedQueries queries;  // [heads]; of a narrow cache
};

// scores[s] = sum over h of weights[h] * relu(q[h] . key[s]).
void score_tokens(const float* q, const float* weights, const IndexKeys& keys, int visible,
                  const IndexShape& shape, const Scratch& scratch) {
  std::memset(scratch.scores, 0, sizeof(float) * size_t(panels_for(visible)) * kPanel);
  for (int h = 0; h < shape.heads && keys.narrow; ++h) {
    std::memcpy(scratch.queries.from(h, keys.narrow->key()).rows,
                q + size_t(h) * size_t(shape.width), sizeof(float) * size_t(shape.width));
    keys.narrow->prepare(scratch.queries, h);
  }
  for (int p = 0; p < panels_for(visible); ++p) {
    Gemm g{};
    g.left = q;
    g.left_row = size_t(shape.width);
    g.left_inner = 1;
    if (!keys.narrow) g.panels = keys.panel(p);
    g.panel_stride = size_t(shape.width) * kPanel;
    g.inner_stride = kPanel;
    g.out = scratch.products;
    g.out_row = kPanel;
    g.rows = shape.heads;
    g.cols = kPanel;
    g.inner = shape.width;
    g.scratch = scratch.gemm;
    if (keys.narrow)
      keys.narrow->score(keys.view.index_keys(p), nullptr, scratch.queries, shape.heads,
                         scratch.products, kPanel, scratch.gemm);
    else
      kernels().gemm(g);
    for (int h = 0; h < shape.heads; ++h) {
      float* product = scratch.products + size_t(h) * kPanel;
      for (int i = 0; i < kPanel; ++i) product[i] = product[i] > 0 ? product[i] : 0;
      kernels().axpy(weights[h], product, scratch.scores + size_t(p) * kPanel, kPanel);
    }
  }
}

// Panels of the keys that a segment sees.
const float* pack_seen(Run& run, Tensor keys, const Segment& segment) {
  const int seen = segment.seen();
  const size_t width = size_t(keys.cols);
  float* packed = run.arena.floats(size_t(panels_for(seen)) * width * kPanel);
  if (segment.root < 0) {
    run.pool.run_here([&] {
      kernels().pack_transposed(keys.row(segment.begin), keys.stride, seen, int(width), packed);
    });
    return packed;
  }
  ArenaScope scope(run.arena);
  float* rows = run.arena.floats(size_t(seen) * width);
  run.pool.run_here([&] {
    for (int i = 0; i < seen; ++i)
      std::memcpy(rows + size_t(i) * width, keys.row(segment.row(i)), sizeof(float) * width);
    kernels().pack_transposed(rows, width, seen, int(width), packed);
  });
  return packed;
}

std::vector<IndexKeys> keys_of_segments(Run& run, Tensor keys, const IndexShape& shape,
                                        const PageProducts* narrow) {
  std::vector<IndexKeys> all;
  for (const Segment& segment : run.batch.segments()) {
    IndexKeys found;
    found.panel_size = size_t(shape.width) * kPanel;
    if (run.cache) {
      found.view = run.cache->view(shape.layer, segment.sequence);
      found.narrow = narrow;
    } else if (segment.seen() > shape.keep) {
      found.packed = pack_seen(run, keys, segment);
    }
    all.push_back(found);
  }
  return all;
}

}  // namespace

namespace {

CacheVector index_vector(const CacheView& view, const IndexShape& shape) {
  if (view.layout) return view.layout->index;
  CacheVector vector;
  vector.width = shape.width;
  return vector;
}

}  // namespace

bool sees_more_than(const Run& run, int keep) {
  for (const Segment& segment : run.batch.segments())
    if (past_of(run, segment) + segment.count > keep) return true;
  return false;
}

void cache_index_keys(Run& run, Tensor keys, const IndexShape& shape) {
  CHECK(run.cache);
  CHECK_EQ(keys.cols, shape.width);
  ArenaScope scope(run.arena);
  float* room = run.arena.floats(size_t(shape.width));
  for (const Segment& segment : run.batch.segments()) {
    const CacheView view = run.cache->view(shape.layer, segment.sequence);
    CHECK_LE(segment.position + segment.count, view.capacity);
    CacheVector vector = index_vector(view, shape);
    run.pool.run_here([&] {
      for (int i = 0; i < segment.count; ++i) {
        const int position = segment.position + i;
        std::memcpy(room, keys.row(segment.begin + i), sizeof(float) * size_t(shape.width));
        store_in_panel(vector, view.index_keys(position / kCachePage), position % kCachePage, room);
      }
    });
  }
}

TokenChoice choose_tokens(Run& run, Tensor q, Tensor keys, Tensor weights, const IndexShape& shape,
                          int* tokens) {
  const Zone zone("choose_tokens");
  CHECK_EQ(q.cols, shape.heads * shape.width);
  CHECK_EQ(weights.cols, shape.heads);
  CHECK_EQ(keys.cols, shape.width);
  struct Row {
    int row, segment, visible;
  };
  std::vector<Row> rows;
  int longest = 0;
  const auto& segments = run.batch.segments();
  for (int s = 0; s < int(segments.size()); ++s)
    for (int i = 0; i < segments[size_t(s)].count; ++i) {
      const int visible = past_of(run, segments[size_t(s)]) + i + 1;
      longest = std::max(longest, visible);
      if (visible > shape.keep) rows.push_back({segments[size_t(s)].begin + i, s, visible});
    }
  ArenaScope scope(run.arena);
  std::unique_ptr<const PageProducts> narrow;
  if (run.cache) {
    const CacheVector vector =
        index_vector(run.cache->view(shape.layer, segments[0].sequence), shape);
    if (vector.type != CacheType::f32) narrow = expanded_products(vector, vector);
  }
  const std::vector<IndexKeys> key_sets = keys_of_segments(run, keys, shape, narrow.get());
  std::vector<Scratch> scratch;
  for (int t = 0; t < run.pool.threads(); ++t)
    scratch.push_back(
        {run.arena.floats(kGemmScratch), run.arena.floats(size_t(shape.heads) * kPanel),
         run.arena.floats(size_t(panels_for(longest)) * kPanel),
         run.arena.array<uint64_t>(size_t(longest)),
         narrow ? make_prepared(run.arena, narrow->key(), shape.heads) : PreparedQueries{}});
  run.pool.parallel_for(int(rows.size()), [&](int task, int thread) {
    const Row& row = rows[size_t(task)];
    const Scratch& own = scratch[size_t(thread)];
    score_tokens(q.row(row.row), weights.row(row.row), key_sets[size_t(row.segment)], row.visible,
                 shape, own);
    choose_best(own.scores, row.visible, shape.keep, own.ranked,
                tokens + size_t(row.row) * size_t(shape.keep));
  });
  return {tokens, shape.keep};
}

}  // namespace weir
