// Streamed attention over a cache in expanded form: which queries are taken together.
#include <algorithm>
#include <functional>

#include "base/div_up.h"
#include "ops/attention/attention_core.h"
#include "ops/attention/cache_rows.h"
#include "ops/attention/streamed_attention.h"

namespace weir {
namespace {

constexpr int kPreparedTogether = 16;

// A row of the batch and the cache that it continues.
struct Member {
  const Segment* segment;
  const CacheView* view;
  int row, keys;
};

// Members whose queries are taken together.
struct Chunk {
  int begin, count;
};

struct Members {
  std::vector<Member> all;
  std::vector<Chunk> chunks;
};

std::span<float* const> whole_pages(const Member& m) {
  return {m.view->pages, size_t(m.segment->position / kCachePage)};
}

// Rows of a long segment, a tile at a time; then segments of one row, those that begin alike side
// by side. `most`: members of a chunk.
Members find_members(const Run& run, const std::vector<CacheView>& views, int most) {
  const auto& segments = run.batch.segments();
  Members members;
  for (size_t s = 0; s < segments.size(); ++s) {
    const Segment& segment = segments[s];
    if (segment.count == 1) continue;
    for (int t = 0; t < segment.count; t += most) {
      members.chunks.push_back({int(members.all.size()), std::min(most, segment.count - t)});
      for (int i = t; i < std::min(t + most, segment.count); ++i)
        members.all.push_back({&segment, &views[s], segment.begin + i, segment.position + i + 1});
    }
  }
  const size_t singles = members.all.size();
  for (size_t s = 0; s < segments.size(); ++s)
    if (segments[s].count == 1)
      members.all.push_back({&segments[s], &views[s], segments[s].begin, segments[s].position + 1});
  std::sort(members.all.begin() + std::ptrdiff_t(singles), members.all.end(),
            [](const Member& a, const Member& b) {
              const auto x = whole_pages(a), y = whole_pages(b);
              return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(),
                                                  std::less<>());
            });
  const auto share = [&](size_t i, size_t j) {
    const auto x = whole_pages(members.all[i]), y = whole_pages(members.all[j]);
    return !x.empty() && !y.empty() && x[0] == y[0];
  };
  for (size_t i = singles; i < members.all.size();) {
    size_t end = i + 1;
    while (end < members.all.size() && end - i < size_t(most) && share(i, end)) ++end;
    members.chunks.push_back({int(i), int(end - i)});
    i = end;
  }
  return members;
}

// The queries of every member and head, in the order in which they are taken.
struct Queries {
  struct Source {
    int row, head;
  };
  std::vector<StreamQuery> all;
  std::vector<Source> sources;
  std::vector<StreamGroup> groups;
};

Queries find_queries(const AttentionTensors& a, const Members& members) {
  Queries queries;
  for (const Chunk& chunk : members.chunks)
    for (int kv_head = 0; kv_head < a.shape.kv_heads; ++kv_head) {
      int begin = int(queries.all.size());
      for (int i = chunk.begin; i < chunk.begin + chunk.count; ++i) {
        const Member& m = members.all[size_t(i)];
        for (int g = 0; g < a.group(); ++g) {
          const int head = kv_head * a.group() + g;
          const int* chosen = a.choice.of(m.row, m.keys);
          queries.all.push_back({m.view, m.keys, a.y.row(m.row) + head * a.shape.value, chosen,
                                 chosen ? a.choice.keep : 0});
          queries.sources.push_back({m.row, head});
        }
      }
      for (const int end = int(queries.all.size()); begin < end; begin += kQueryTile)
        queries.groups.push_back({begin, std::min(kQueryTile, end - begin), kv_head});
    }
  return queries;
}

// Appends the segment's keys and values of one head to its cache. `room`: [key width] and more than
// [value width] floats.
void extend_cache(const AttentionTensors& a, const Segment& segment, int kv_head,
                  const CacheView& view, float* room) {
  const CacheLayout& layout = *view.layout;
  for (int i = 0; i < segment.count; ++i) {
    const int page = (segment.position + i) / kCachePage, at = (segment.position + i) % kCachePage;
    a.copy_key(segment.begin + i, kv_head, room);
    store_in_panel(layout.key, view.keys(page, kv_head), at, room);
    std::memcpy(room, a.value(segment.begin + i, kv_head), sizeof(float) * size_t(a.shape.value));
    store_in_pairs(layout.value, view.values(page, kv_head), at, room);
  }
}

}  // namespace

void stream_over_cache(Run& run, const AttentionTensors& a) {
  const auto& segments = run.batch.segments();
  std::vector<CacheView> views;
  for (const Segment& s : segments) {
    views.push_back(run.cache->view(a.shape.layer, s.sequence));
    CHECK_LE(s.position + s.count, views.back().capacity);
  }
  const CacheLayout& layout = *views[0].layout;
  CHECK_EQ(layout.key.width, a.key_width());
  CHECK_EQ(layout.value.width, a.shape.value);
  const int heads = a.shape.kv_heads, threads = run.pool.threads();
  // Every thread should have something to do, and a chunk's queries should fit a tile.
  const int rows = std::max(1, run.batch.size() * heads / (2 * threads));
  const int most = std::max(1, std::min(kQueryTile / a.group(), rows));
  const Members members = find_members(run, views, most);
  const Queries queries = find_queries(a, members);
  ArenaScope scope(run.arena);
  const int count = int(queries.all.size());
  const PreparedQueries prepared = make_prepared(run.arena, layout.key, count);
  const size_t room_size = size_t(round_up(std::max(a.key_width(), a.shape.value), 16));
  float* room = run.arena.floats(room_size * size_t(threads));
  const auto products = expanded_products(layout.key, layout.value);
  const int writes = int(segments.size()) * heads;
  const int preparations = div_up(count, kPreparedTogether);
  run.pool.parallel_for(writes + preparations, [&](int task, int thread) {
    if (task < writes) {
      const size_t s = size_t(task / heads);
      extend_cache(a, segments[s], task % heads, views[s], room + room_size * size_t(thread));
      return;
    }
    const int begin = (task - writes) * kPreparedTogether;
    for (int q = begin; q < std::min(begin + kPreparedTogether, count); ++q) {
      const Queries::Source& source = queries.sources[size_t(q)];
      kernels().scale(a.shape.scale, a.query(source.row, source.head),
                      prepared.from(q, layout.key).rows, a.key_width());
      products->prepare(prepared, q);
    }
  });
  stream_attention(run, *products, prepared, queries.all, queries.groups);
}

}  // namespace weir
