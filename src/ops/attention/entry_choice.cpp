// The lightning indexer over entries: a score for each that a row sees, and the best of them. A
// score is one chain over the width for every head, and their sum runs in lanes over the heads, so
// the choice does not depend on the batch, on chunks or on threads. Forward only.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/div_up.h"
#include "ops/attention/best_scores.h"
#include "ops/attention/entry_rows.h"
#include "ops/matmul.h"

namespace weir {
namespace {

struct Scratch {
  float *gemm, *panels, *keys, *products, *scores;
  uint64_t* ranked;
};

// products[w][h] = key w . q[h] for `count` keys that stand one behind another.
void multiply_keys(const float* keys, int count, const EntryChoiceShape& shape,
                   const Scratch& own) {
  kernels().gemm({.left = keys,
                  .left_row = size_t(shape.width),
                  .left_inner = 1,
                  .panels = own.panels,
                  .panel_stride = size_t(shape.width) * kPanel,
                  .inner_stride = kPanel,
                  .out = own.products,
                  .out_row = size_t(round_up(shape.heads, kPanel)),
                  .rows = count,
                  .cols = shape.heads,
                  .inner = shape.width,
                  .scratch = own.gemm});
}

// Keys [first, first + count) of the cache, one behind another: a page has but a few of them.
void gather_keys(const PagedEntries& kept, int first, int count, int width, float* to) {
  for (int i = 0, together; i < count; i += together) {
    const StoredRows keys = kept.at(first + i);
    together = std::min(count - i, keys.count);
    keys.read(together, to + size_t(i) * size_t(width));
  }
}

// The blocks of a row's largest best scores; `scores` of `visible` entries.
void mark_blocks(const Candidates& made, int row, int visible, const Scratch& own, float* best) {
  uint8_t* kept = made.kept + size_t(row) * size_t(made.blocks);
  const int blocks = div_up(visible, made.size);
  std::memset(kept, blocks <= made.keep, size_t(made.blocks));
  if (blocks <= made.keep) return;
  for (int b = 0; b < blocks; ++b)
    best[b] =
        kernels().max(own.scores + b * made.size, std::min(made.size, visible - b * made.size));
  best[blocks - 1] = INFINITY;
  std::vector<int> chosen(static_cast<size_t>(made.keep));
  choose_best(best, blocks, made.keep, own.ranked, chosen.data());
  for (int b : chosen) kept[b] = 1;
}

void drop_others(const Candidates& within, int row, int visible, const Scratch& own) {
  const uint8_t* kept = within.kept + size_t(row) * size_t(within.blocks);
  for (int w = 0; w < visible; ++w)
    if (!kept[w / within.size]) own.scores[w] = -INFINITY;
}

}  // namespace

bool sees_more_entries(const Run& run, int ratio, int keep) {
  for (const Segment& s : run.batch.segments())
    if (positions_seen(run, s) / ratio > keep) return true;
  return false;
}

TokenChoice choose_entries(Run& run, Tensor q, const Entries& keys, Tensor weights,
                           const EntryChoiceShape& shape, int* chosen, Candidates* made,
                           const Candidates* within) {
  const Zone zone("choose_entries");
  CHECK_EQ(q.cols, shape.heads * shape.width);
  CHECK_EQ(weights.cols, shape.heads);
  constexpr int kTogether = 64;  // keys
  const auto& segments = run.batch.segments();
  int most = 0;
  for (const Segment& s : segments) most = std::max(most, positions_seen(run, s) / shape.ratio);
  const size_t wide = size_t(round_up(shape.heads, kPanel));
  if (made) {
    made->blocks = div_up(most, made->size);
    made->kept = run.arena.array<uint8_t>(size_t(q.rows) * size_t(made->blocks));
  }
  ArenaScope scope(run.arena);
  const size_t best_room = made ? size_t(made->blocks) : 0;
  float* best = run.arena.floats(best_room * size_t(run.pool.threads()));
  std::vector<Scratch> scratch;
  for (int t = 0; t < run.pool.threads(); ++t)
    scratch.push_back({run.arena.floats(kGemmScratch), run.arena.floats(wide * size_t(shape.width)),
                       run.arena.floats(size_t(kTogether) * size_t(shape.width)),
                       run.arena.floats(wide * kTogether), run.arena.floats(size_t(most)),
                       run.arena.array<uint64_t>(size_t(most))});
  run.pool.parallel_for(q.rows, [&](int row, int thread) {
    const int at = segment_of(run.batch, row);
    const Segment& s = segments[size_t(at)];
    const int visible = (first_position(run, s) + row - s.begin + 1) / shape.ratio;
    if (visible <= shape.keep) return;
    const Scratch& own = scratch[size_t(thread)];
    kernels().pack_transposed(q.row(row), size_t(shape.width), shape.heads, shape.width,
                              own.panels);
    PagedEntries kept;
    if (run.cache) kept = PagedEntries(run.cache->view(shape.layer, s.sequence), true);
    for (int w = 0; w < visible; w += kTogether) {
      const int count = std::min(visible - w, kTogether);
      const float* from = own.keys;
      if (run.cache)
        gather_keys(kept, w, count, shape.width, own.keys);
      else
        from = keys.rows.row(keys.begin[at] + w);
      multiply_keys(from, count, shape, own);
      for (int i = 0; i < count; ++i) {
        float* product = own.products + size_t(i) * wide;
        for (int h = 0; h < shape.heads; ++h) product[h] = product[h] > 0 ? product[h] : 0;
        own.scores[w + i] = kernels().dot(product, weights.row(row), shape.heads);
      }
    }
    if (made) mark_blocks(*made, row, visible, own, best + best_room * size_t(thread));
    if (within && within->kept) drop_others(*within, row, visible, own);
    choose_best(own.scores, visible, shape.keep, own.ranked,
                chosen + size_t(row) * size_t(shape.keep));
  });
  return {chosen, shape.keep};
}

}  // namespace weir
