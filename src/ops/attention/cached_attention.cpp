// Causal attention over the cached past, forward only. Sequences that begin alike share pages of
// the cache; their rows are multiplied together there, so what they share is read once.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"

namespace weir {
namespace {

static_assert(kCachePage == kPanel);

int pages_for(int positions) { return div_up(positions, kCachePage); }

// Rows handled together: one segment of any length, or segments of one row each that have the first
// `shared` pages in common.
struct Task {
  int begin, count;  // in `Plan::order`
  int shared;
};

struct Plan {
  std::vector<CacheView> views;  // of the segments
  std::vector<int> order;        // of the segments
  std::vector<Task> tasks;
};

// Whole pages before the rows being written that two segments have in common.
int common_pages(const Segment& a, const CacheView& in_a, const Segment& b, const CacheView& in_b) {
  const int most = std::min(a.position, b.position) / kCachePage;
  return int(std::mismatch(in_a.pages, in_a.pages + most, in_b.pages).first - in_a.pages);
}

// Segments of one row with the same beginning come to stand together; each task takes as many as
// share what its first two share.
void plan_single_rows(const std::vector<Segment>& segments, int most, Plan& plan) {
  std::vector<int>& order = plan.order;
  const int first = int(order.size());
  for (int s = 0; s < int(segments.size()); ++s)
    if (segments[size_t(s)].count == 1) order.push_back(s);
  auto pages_of = [&](int s) {
    const CacheView& view = plan.views[size_t(s)];
    return std::span(view.pages, size_t(segments[size_t(s)].position / kCachePage));
  };
  std::sort(order.begin() + first, order.end(), [&](int a, int b) {
    auto x = pages_of(a), y = pages_of(b);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), std::less<>());
  });
  auto common = [&](int i, int j) {
    const size_t a = size_t(order[size_t(i)]), b = size_t(order[size_t(j)]);
    return common_pages(segments[a], plan.views[a], segments[b], plan.views[b]);
  };
  for (int i = first, end = int(order.size()); i < end;) {
    Task task{i, 1, 0};
    if (most > 1 && i + 1 < end) task.shared = common(i, i + 1);
    while (task.shared > 0 && task.count < most && i + task.count < end &&
           common(i, i + task.count) >= task.shared)
      ++task.count;
    plan.tasks.push_back(task);
    i += task.count;
  }
}

Plan make_plan(Run& run, const AttentionShape& shape) {
  const auto& segments = run.batch.segments();
  Plan plan;
  for (const Segment& s : segments) {
    plan.views.push_back(run.cache->view(shape.layer, s.sequence));
    CHECK_LE(s.position + s.count, plan.views.back().capacity);
  }
  for (int s = 0; s < int(segments.size()); ++s) {
    if (segments[size_t(s)].count == 1) continue;
    plan.tasks.push_back({int(plan.order.size()), 1, 0});
    plan.order.push_back(s);
  }
  // Every thread should have something to do, and a task's queries should fit a tile.
  const int per_thread = int(segments.size()) * shape.kv_heads / (2 * run.pool.threads());
  const int per_tile = kQueryTile / (shape.heads / shape.kv_heads);
  plan_single_rows(segments, std::max(1, std::min(per_thread, per_tile)), plan);
  return plan;
}

// Scratch of one thread, in floats.
struct Scratch {
  float* gemm;
  float* scaled;  // [tile][key_width] queries times scale
  float* scores;  // [tile][keys]
  float* mixed;   // [tile][value]
};

struct Query {
  int row, head, visible;  // it sees positions [0, visible)
  const CacheView* view;
};

// Asks for the first lines of what is read next; the processor finds the rest of a stream by
// itself. The cache of many sequences is larger than the processor's.
void announce(const float* next) {
  for (int line = 0; line < 4; ++line) __builtin_prefetch(next + line * 16);
}

// Pages from `first` on that follow each other in memory at one distance, as those of a sequence
// that grew alone do: one product takes them all.
struct PageRun {
  int count = 1;
  size_t stride = kPanel;  // floats; any if there is one page
};

PageRun run_of_pages(const CacheView& view, int first, int end) {
  auto address = [&](int page) { return reinterpret_cast<uintptr_t>(view.pages[page]); };
  PageRun run;
  if (first + 1 >= end || address(first + 1) <= address(first)) return run;
  const uintptr_t distance = address(first + 1) - address(first);
  run.stride = distance / sizeof(float);
  while (first + run.count < end &&
         address(first + run.count) - address(first + run.count - 1) == distance)
    ++run.count;
  return run;
}

// Queries of one key/value head that have the first `shared` pages in common. Page by page, which
// changes no bit: scores are complete before exp, and a sum that is stored and loaded goes on as it
// was.
void attend_queries(const AttentionTensors& a, int kv_head, const Query* queries, int count,
                    int shared, const Scratch& s) {
  const int width = a.key_width(), value = a.shape.value;
  int longest = 0;
  for (int r = 0; r < count; ++r) {
    longest = std::max(longest, queries[r].visible);
    kernels().scale(a.shape.scale, a.query(queries[r].row, queries[r].head),
                    s.scaled + size_t(r) * size_t(width), width);
  }
  const size_t stride = size_t(round_up(longest, kPanel));
  auto score = [&](int begin, int end, int first, int rows) {
    const CacheView& view = *queries[first].view;
    while (begin < end) {
      const PageRun run = run_of_pages(view, begin, end);
      kernels().gemm({.left = s.scaled + size_t(first) * size_t(width),
                      .left_row = size_t(width),
                      .left_inner = 1,
                      .panels = view.keys(begin, kv_head),
                      .panel_stride = run.stride,
                      .inner_stride = kPanel,
                      .out = s.scores + size_t(first) * stride + size_t(begin) * kPanel,
                      .out_row = stride,
                      .rows = rows,
                      .cols = run.count * kPanel,
                      .inner = width,
                      .scratch = s.gemm});
      begin += run.count;
    }
  };
  auto mix = [&](int page, int first, int rows, int keys) {
    kernels().gemm({.left = s.scores + size_t(first) * stride + size_t(page) * kPanel,
                    .left_row = stride,
                    .left_inner = 1,
                    .panels = queries[first].view->values(page, kv_head),
                    .panel_stride = kPanel,
                    .inner_stride = size_t(value),
                    .out = s.mixed + size_t(first) * size_t(value),
                    .out_row = size_t(value),
                    .rows = rows,
                    .cols = value,
                    .inner = std::min(kCachePage, keys - page * kCachePage),
                    .accumulate = page > 0,
                    .scratch = s.gemm});
  };
  score(0, shared, 0, count);
  float inverse[kQueryTile];
  for (int r = 0; r < count; ++r) {
    const int visible = queries[r].visible;
    if (shared < pages_for(visible)) announce(queries[r].view->values(shared, kv_head));
    score(shared, pages_for(visible), r, 1);
    if (r + 1 < count && shared < pages_for(queries[r + 1].visible))
      announce(queries[r + 1].view->keys(shared, kv_head));
    float* row = s.scores + size_t(r) * stride;
    drop_unchosen(a.choice, queries[r].row, visible, row);
    inverse[r] = 1 / kernels().exp_sum(row, kernels().max(row, visible), visible);
    std::memset(row + visible, 0, sizeof(float) * (stride - size_t(visible)));
  }
  for (int page = 0; page < shared; ++page) mix(page, 0, count, longest);
  for (int r = 0; r < count; ++r) {
    const Query& query = queries[r];
    for (int page = shared; page < pages_for(query.visible); ++page) mix(page, r, 1, query.visible);
    kernels().scale(inverse[r], s.mixed + size_t(r) * size_t(value),
                    a.y.row(query.row) + query.head * value, value);
  }
}

// Appends the segment's keys and values of one head to its cache.
void extend_cache(const AttentionTensors& a, const Segment& segment, int kv_head,
                  const CacheView& view) {
  const int own = a.shape.own;
  for (int i = 0; i < segment.count; ++i) {
    const int page = (segment.position + i) / kCachePage, at = (segment.position + i) % kCachePage;
    const int row = segment.begin + i;
    float* lane = view.keys(page, kv_head) + at;
    const float* key = a.own_key(row, kv_head);
    for (int d = 0; d < own; ++d) lane[d * kPanel] = key[d];
    for (int d = 0; d < a.shape.shared; ++d) lane[(own + d) * kPanel] = a.shared_keys.row(row)[d];
    std::memcpy(view.values(page, kv_head) + size_t(at) * size_t(a.shape.value),
                a.value(row, kv_head), sizeof(float) * size_t(a.shape.value));
  }
}

void attend_task(const AttentionTensors& a, const std::vector<Segment>& segments, const Plan& plan,
                 const Task& task, int kv_head, const Scratch& scratch) {
  Query queries[kQueryTile];
  int count = 0;
  auto flush = [&] {
    int longest = 0;
    for (int r = 0; r < count; ++r) longest = std::max(longest, queries[r].visible);
    const int shared = task.count == 1 ? pages_for(longest) : task.shared;
    if (count > 0) attend_queries(a, kv_head, queries, count, shared, scratch);
    count = 0;
  };
  auto segment_of = [&](int i) { return size_t(plan.order[size_t(task.begin + i)]); };
  for (int i = 0; i < task.count; ++i)
    extend_cache(a, segments[segment_of(i)], kv_head, plan.views[segment_of(i)]);
  for (int g = 0; g < a.group(); ++g)
    for (int i = 0; i < task.count; ++i) {
      const Segment& segment = segments[segment_of(i)];
      for (int t = 0; t < segment.count; ++t) {
        queries[count++] = {segment.begin + t, kv_head * a.group() + g, segment.position + t + 1,
                            &plan.views[segment_of(i)]};
        if (count == kQueryTile) flush();
      }
    }
  flush();
}

}  // namespace

void attention_over_cache(Run& run, const AttentionTensors& a) {
  const auto& segments = run.batch.segments();
  const Plan plan = make_plan(run, a.shape);
  int seen = 0;
  for (const Segment& s : segments) seen = std::max(seen, s.position + s.count);
  const size_t tile = size_t(std::min(run.batch.size() * a.group(), kQueryTile));
  const size_t scaled = size_t(round_up(int(tile) * a.key_width(), 16));
  const size_t scores = tile * size_t(round_up(seen, kPanel));
  const size_t mixed = size_t(round_up(int(tile) * a.shape.value, 16));
  const size_t per_thread = kGemmScratch + scaled + scores + mixed;
  ArenaScope scope(run.arena);
  float* base = run.arena.floats(per_thread * size_t(run.pool.threads()));
  const int heads = a.shape.kv_heads;
  run.pool.parallel_for(int(plan.tasks.size()) * heads, [&](int task, int thread) {
    float* p = base + size_t(thread) * per_thread;
    const Scratch scratch{p, p + kGemmScratch, p + kGemmScratch + scaled,
                          p + kGemmScratch + scaled + scores};
    attend_task(a, segments, plan, plan.tasks[size_t(task / heads)], task % heads, scratch);
  });
}

}  // namespace weir
