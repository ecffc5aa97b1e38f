// The lightning indexer over entries: a score for each that a row sees, and the best of them. A
// score is one chain over the width for every head, and their sum runs in lanes over the heads, so
// the choice does not depend on the batch, on chunks or on threads. Forward only.
#include "base/div_up.h"
#include "ops/attention/best_scores.h"
#include "ops/attention/entry_rows.h"
#include "ops/matmul.h"

namespace weir {
namespace {

struct Scratch {
  float *gemm, *panels, *products, *scores;
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

}  // namespace

bool sees_more_entries(const Run& run, int ratio, int keep) {
  for (const Segment& s : run.batch.segments())
    if (positions_seen(run, s) / ratio > keep) return true;
  return false;
}

TokenChoice choose_entries(Run& run, Tensor q, const Entries& keys, Tensor weights,
                           const EntryChoiceShape& shape, int* chosen) {
  const Zone zone("choose_entries");
  CHECK_EQ(q.cols, shape.heads * shape.width);
  CHECK_EQ(weights.cols, shape.heads);
  constexpr int kTogether = 64;  // keys
  const auto& segments = run.batch.segments();
  int most = 0;
  for (const Segment& s : segments) most = std::max(most, positions_seen(run, s) / shape.ratio);
  const size_t wide = size_t(round_up(shape.heads, kPanel));
  ArenaScope scope(run.arena);
  std::vector<Scratch> scratch;
  for (int t = 0; t < run.pool.threads(); ++t)
    scratch.push_back({run.arena.floats(kGemmScratch), run.arena.floats(wide * size_t(shape.width)),
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
    for (int w = 0, count; w < visible; w += count) {
      count = std::min(visible - w, run.cache ? kept.together(w) : kTogether);
      multiply_keys(run.cache ? kept.row(w) : keys.rows.row(keys.begin[at] + w), count, shape, own);
      for (int i = 0; i < count; ++i) {
        float* product = own.products + size_t(i) * wide;
        for (int h = 0; h < shape.heads; ++h) product[h] = product[h] > 0 ? product[h] : 0;
        own.scores[w + i] = kernels().dot(product, weights.row(row), shape.heads);
      }
    }
    choose_best(own.scores, visible, shape.keep, own.ranked,
                chosen + size_t(row) * size_t(shape.keep));
  });
  return {chosen, shape.keep};
}

}  // namespace weir
