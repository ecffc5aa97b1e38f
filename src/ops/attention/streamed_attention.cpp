#include "ops/attention/streamed_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"
#include "ops/attention/rotation.h"

namespace weir {
namespace {

static_assert(kKeyBlock % kCachePage == 0);
constexpr int kBlockPages = kKeyBlock / kCachePage;
// Keys of a few queries are split over threads; more queries keep all threads busy by themselves.
constexpr int kSplitQueries = 512;
constexpr int kTasksPerThread = 4;

// Softmax over some keys, before the division: the sum and what it multiplies are relative to
// `top`.
struct Partial {
  float top = -INFINITY, sum = 0;
  bool is_empty() const { return sum == 0 && top == -INFINITY; }
};

// Joins the next block with those before it.
void join(Partial& all, float* mixed, const Partial& next, const float* next_mixed, int width) {
  if (next.is_empty()) return;
  if (all.is_empty()) {
    all = next;
    std::memcpy(mixed, next_mixed, sizeof(float) * size_t(width));
    return;
  }
  float factors[] = {all.top, next.top};
  const float top = std::max(all.top, next.top);
  kernels().exp_sum(factors, top, 2);
  kernels().scale(factors[0], mixed, mixed, width);
  kernels().axpy(factors[1], next_mixed, mixed, width);
  all.sum = all.sum * factors[0] + next.sum * factors[1];
  all.top = top;
}

// Blocks [first, end) of a group; its first partial result if the group is split.
struct Task {
  int group, first, end;
  float* partials;
};

class Streamed {
 public:
  Streamed(Run& run, const PageProducts& products, const PreparedQueries& prepared,
           std::span<const StreamQuery> queries, std::span<const StreamGroup> groups)
      : run_(run),
        products_(products),
        prepared_(prepared),
        queries_(queries),
        groups_(groups),
        width_(products.value().width),
        partial_row_(size_t(width_ + 16)) {
    int keys = 0;
    for (const StreamQuery& query : queries) keys = std::max(keys, query.keys);
    const size_t tile = kQueryTile;
    scores_ = round_up(products.scratch(), size_t(16));
    mixed_ = scores_ + tile * kKeyBlock;
    joined_ = mixed_ + tile * size_t(width_);
    gathered_ = joined_ + tile * size_t(width_);
    room_ = gathered_ + round_up(products.key().page_bytes() / sizeof(float), size_t(16));
    scratch_ = run.arena.floats(room_ * size_t(run.pool.threads()));
    if (run.pool.threads() > 1) {
      const size_t most = std::min<size_t>(queries.size(), kSplitQueries);
      partials_ = run.arena.floats(most * size_t(div_up(keys, kKeyBlock)) * partial_row_);
    }
  }

  void attend() {
    plan();
    ThreadPool& pool = run_.pool;
    pool.parallel_for(int(tasks_.size()),
                      [&](int task, int thread) { run_task(tasks_[size_t(task)], thread); });
    pool.parallel_for(int(split_.size()), [&](int i, int) { finish_split(split_[size_t(i)]); });
  }

 private:
  struct SplitQuery {
    int query, blocks;
    const float* partials;  // of block 0
    size_t block_stride;
  };

  int keys_of(const StreamGroup& group) const {
    int keys = 0;
    for (int q = 0; q < group.count; ++q)
      keys = std::max(keys, queries_[size_t(group.begin + q)].keys);
    return keys;
  }

  void plan() {
    const int threads = run_.pool.threads();
    int64_t blocks = 0;
    for (const StreamGroup& group : groups_) blocks += div_up(keys_of(group), kKeyBlock);
    int per_task = INT32_MAX;
    if (partials_ && queries_.size() <= kSplitQueries && int(groups_.size()) < 2 * threads)
      per_task = int(std::max<int64_t>(1, blocks / (kTasksPerThread * threads)));
    float* next = partials_;
    for (int g = 0; g < int(groups_.size()); ++g) {
      const StreamGroup& group = groups_[size_t(g)];
      const int of_group = div_up(keys_of(group), kKeyBlock);
      if (of_group <= per_task) {
        tasks_.push_back({g, 0, of_group, nullptr});
        continue;
      }
      for (int b = 0; b < of_group; b += per_task)
        tasks_.push_back({g, b, std::min(b + per_task, of_group), next});
      const size_t stride = size_t(group.count) * partial_row_;
      for (int q = 0; q < group.count; ++q)
        split_.push_back({group.begin + q, of_group, next + size_t(q) * partial_row_, stride});
      next += size_t(of_group) * stride;
    }
  }

  float* scratch(int thread) const { return scratch_ + room_ * size_t(thread); }

  void run_task(const Task& task, int thread) const {
    const StreamGroup& group = groups_[size_t(task.group)];
    const size_t row = partial_row_, width = size_t(width_);
    Partial next[kQueryTile], all[kQueryTile];
    if (task.partials) {
      for (int b = task.first; b < task.end; ++b) {
        float* to = task.partials + size_t(b) * size_t(group.count) * row;
        attend_block(group, b, to, row, next, thread);
        for (int q = 0; q < group.count; ++q)
          to[size_t(q) * row + width] = next[q].top, to[size_t(q) * row + width + 1] = next[q].sum;
      }
      return;
    }
    float *mixed = scratch(thread) + mixed_, *joined = scratch(thread) + joined_;
    for (int b = task.first; b < task.end; ++b) {
      attend_block(group, b, mixed, width, next, thread);
      for (int q = 0; q < group.count; ++q)
        join(all[q], joined + size_t(q) * width, next[q], mixed + size_t(q) * width, width_);
    }
    for (int q = 0; q < group.count; ++q)
      finish(all[q], joined + size_t(q) * width, queries_[size_t(group.begin + q)].out);
  }

  void finish(const Partial& all, const float* mixed, float* out) const {
    kernels().scale(1 / all.sum, mixed, out, width_);
    if (has_codes(products_.value().type)) rotate_back(products_.value(), out);
  }

  void finish_split(const SplitQuery& split) const {
    Partial all;
    float* out = queries_[size_t(split.query)].out;
    for (int b = 0; b < split.blocks; ++b) {
      const float* from = split.partials + size_t(b) * split.block_stride;
      join(all, out, {from[width_], from[width_ + 1]}, from, width_);
    }
    finish(all, out, out);
  }

  // The page of a query's keys [32 * page, ...).
  const float* page_of(const StreamGroup& group, int query, int page) const {
    return queries_[size_t(query)].view->keys(page, group.kv_head);
  }
  // Whether a query has keys in the page.
  bool reaches(int query, int page) const {
    return queries_[size_t(query)].keys > page * kCachePage;
  }
  // Copies the chosen rows that are the keys of a page.
  const float* gather(const StreamGroup& group, int page, float* room) const {
    const StreamQuery& query = queries_[size_t(group.begin)];
    const int count = std::min(kCachePage, query.keys - page * kCachePage);
    for (int u = 0; u < count; ++u) {
      const int position = group.gathered[page * kCachePage + u];
      products_.copy_row(query.view->latents(position / kCachePage), position % kCachePage, room,
                         u);
    }
    return room;
  }

  // Calls body(page, next page or null, first, count) for queries that stand together, have the
  // same page and reach it.
  template <class Body>
  void for_runs(const StreamGroup& group, int page, float* room, const Body& body) const {
    if (group.gathered) {
      body(gather(group, page, room), static_cast<const float*>(nullptr), group.begin, group.count);
      return;
    }
    const int end = group.begin + group.count;
    for (int q = group.begin; q < end;) {
      if (!reaches(q, page)) {
        ++q;
        continue;
      }
      const float* at = page_of(group, q, page);
      int last = q + 1;
      while (last < end && reaches(last, page) && page_of(group, last, page) == at) ++last;
      const bool goes_on = reaches(q, page + 1);
      body(at, goes_on ? page_of(group, q, page + 1) : nullptr, q, last - q);
      q = last;
    }
  }

  // mixed and the partial sums of every query of the group over the keys of one block.
  void attend_block(const StreamGroup& group, int block, float* mixed, size_t mixed_row,
                    Partial* sums, int thread) const {
    float* room = scratch(thread);
    float *scores = room + scores_, *gathered = room + gathered_;
    const int first = block * kBlockPages;
    const int last = std::min(first + kBlockPages, div_up(keys_of(group), kCachePage));
    for (int page = first; page < last; ++page)
      for_runs(group, page, gathered, [&](const float* at, const float* next, int q, int count) {
        products_.score(at, next, prepared_.from(q, products_.key()), count,
                        scores + size_t(q - group.begin) * kKeyBlock + (page - first) * kCachePage,
                        kKeyBlock, room);
      });
    for (int q = 0; q < group.count; ++q)
      sums[q] = weigh(queries_[size_t(group.begin + q)], block, scores + size_t(q) * kKeyBlock);
    for (int page = first; page < last; ++page)
      for_runs(group, page, gathered, [&](const float* at, const float* next, int q, int count) {
        int keys = 0;
        for (int i = q; i < q + count; ++i)
          keys = std::max(keys, queries_[size_t(i)].keys - page * kCachePage);
        products_.mix(at, next,
                      scores + size_t(q - group.begin) * kKeyBlock + (page - first) * kCachePage,
                      kKeyBlock, count, std::min(keys, kCachePage),
                      mixed + size_t(q - group.begin) * mixed_row, mixed_row, page > first, room);
      });
  }

  // Turns the scores of a query in a block into exp(score - top); those beyond its keys become 0.
  static Partial weigh(const StreamQuery& query, int block, float* scores) {
    const int begin = block * kKeyBlock, keys = std::clamp(query.keys - begin, 0, kKeyBlock);
    std::fill(scores + keys, scores + kKeyBlock, 0.f);
    if (keys == 0) return {};
    if (query.chosen && keep_chosen(query, begin, keys, scores) == 0) {
      std::fill(scores, scores + keys, 0.f);
      return {};
    }
    Partial partial;
    partial.top = kernels().max(scores, keys);
    partial.sum = kernels().exp_sum(scores, partial.top, keys);
    return partial;
  }

  // Scores of tokens that were not chosen become -infinity. Returns how many were.
  static int keep_chosen(const StreamQuery& query, int begin, int keys, float* scores) {
    const int* end = query.chosen + query.keep;
    const int* at = std::lower_bound(query.chosen, end, begin);
    int next = 0, count = 0;
    for (; at < end && *at < begin + keys; ++at, ++count) {
      std::fill(scores + next, scores + (*at - begin), -INFINITY);
      next = *at - begin + 1;
    }
    std::fill(scores + next, scores + keys, -INFINITY);
    return count;
  }

  Run& run_;
  const PageProducts& products_;
  const PreparedQueries& prepared_;
  const std::span<const StreamQuery> queries_;
  const std::span<const StreamGroup> groups_;
  const int width_;
  const size_t partial_row_;
  size_t scores_, mixed_, joined_, gathered_, room_;  // floats of a thread's scratch
  float* scratch_;
  float* partials_ = nullptr;
  std::vector<Task> tasks_;
  std::vector<SplitQuery> split_;
};

}  // namespace

bool is_streamed(const Run& run, const CacheView& view) {
  if (view.type() != CacheType::f32) return true;
  return view.layout && !run.exact && view.layout->key.width % 16 == 0 &&
         view.layout->value.width % 16 == 0;
}

PreparedQueries make_prepared(Arena& arena, const CacheVector& key, int count) {
  PreparedQueries prepared;
  prepared.rows = arena.floats(size_t(count) * size_t(key.width));
  if (!has_codes(key.type)) return prepared;
  prepared.words = arena.array<int16_t>(size_t(count) * size_t(key.width));
  prepared.scales = arena.floats(size_t(count) * size_t(key.parts));
  return prepared;
}

void stream_attention(Run& run, const PageProducts& products, const PreparedQueries& prepared,
                      std::span<const StreamQuery> queries, std::span<const StreamGroup> groups) {
  ArenaScope scope(run.arena);
  Streamed(run, products, prepared, queries, groups).attend();
}

}  // namespace weir
