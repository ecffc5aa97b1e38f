// The rows that one query of compressed attention sees, one behind another. Private to
// window_attention.cpp and its backward.
#pragma once
#include <algorithm>
#include <cstring>

#include "base/div_up.h"
#include "ops/attention/entry_rows.h"
#include "ops/matmul.h"

namespace weir {

struct WindowTensors {
  Tensor q, rows, y;
  Entries entries;
  TokenChoice choice;
  const Matrix* sinks;
  WindowShape shape;
  const Batch* batch;
  Cache* cache;  // null in training
};

// Which rows: positions [first, position] of the window, and `entries` entries, those of `chosen`
// or the first ones.
struct Seen {
  int segment, position, first, entries;
  const int* chosen;
  int window() const { return position - first + 1; }
  int count() const { return window() + entries; }
  int entry(int i) const { return chosen ? chosen[i] : i; }
};

// Entries of a segment whose rows all see them.
inline int context_rows(const WindowTensors& a, int segment) {
  return a.entries.end[segment] - a.entries.begin[segment];
}

inline Seen seen_by(const WindowTensors& a, int row) {
  Seen seen{};
  seen.segment = segment_of(*a.batch, row);
  const Segment& s = a.batch->segments()[size_t(seen.segment)];
  if (a.shape.sees_block) {
    seen.position = s.count - 1;
    seen.entries = context_rows(a, seen.segment);
    return seen;
  }
  seen.position = (a.cache ? s.position : s.shared()) + row - s.begin;
  seen.first = std::max(0, seen.position - a.shape.window + 1);
  if (a.shape.ratio == 0) return seen;
  seen.entries = (seen.position + 1) / a.shape.ratio;
  seen.chosen = a.choice.of(row, seen.entries);
  if (seen.chosen) seen.entries = a.choice.keep;
  return seen;
}

// The most rows that a query of the batch sees.
inline int most_seen(const WindowTensors& a) {
  int most = 0, segment = 0;
  for (const Segment& s : a.batch->segments()) {
    if (a.shape.sees_block) {
      most = std::max(most, s.count + context_rows(a, segment++));
      continue;
    }
    const int end = (a.cache ? s.position : s.shared()) + s.count;
    int count = std::min(end, a.shape.window);
    if (a.shape.ratio > 0) {
      const int entries = end / a.shape.ratio;
      count += a.choice.tokens ? std::min(entries, a.choice.keep) : entries;
    }
    most = std::max(most, count);
  }
  return most;
}

// Copies them to `to` [count][width], decoded.
inline void gather_rows(const WindowTensors& a, const Seen& seen, float* to) {
  const Segment& s = a.batch->segments()[size_t(seen.segment)];
  const size_t width = size_t(a.shape.width);
  const auto copy = [&](const float* from, int rows) {
    std::memcpy(to, from, sizeof(float) * width * size_t(rows));
    to += width * size_t(rows);
  };
  if (!a.cache) {
    for (int p = seen.first; p <= seen.position; ++p) copy(a.rows.row(s.row(p)), 1);
    const int begin = seen.entries > 0 ? a.entries.begin[seen.segment] : 0;
    for (int i = 0; i < seen.entries; ++i) copy(a.entries.rows.row(begin + seen.entry(i)), 1);
    return;
  }
  const auto read = [&](const KeptRows& from, int rows) {
    from.read(rows, to);
    to += width * size_t(rows);
  };
  const CacheView view = a.cache->view(a.shape.layer, s.sequence);
  for (int p = seen.first, count; p <= seen.position; p += count) {
    const KeptRows rows = window_rows(view, p);
    count = std::min(seen.position + 1 - p, rows.count);
    read(rows, count);
  }
  if (seen.entries == 0) return;
  const PagedEntries entries(a.cache->view(a.shape.entry_layer, s.sequence), false);
  for (int i = 0, count; i < seen.entries; i += count) {
    const KeptRows rows = entries.at(seen.entry(i));
    count = seen.chosen ? 1 : std::min(seen.entries - i, rows.count);
    read(rows, count);
  }
}

// Scratch of one thread for queries that see at most `most` rows.
struct WindowScratch {
  float *gemm, *rows, *panels, *scaled, *scores;
  static size_t floats(const WindowShape& shape, int most) {
    const size_t wide = size_t(round_up(most, kPanel)), width = size_t(shape.width);
    return kGemmScratch + 2 * wide * width + size_t(shape.heads) * (width + wide);
  }
  WindowScratch(float* base, const WindowShape& shape, int most) {
    const size_t wide = size_t(round_up(most, kPanel)), width = size_t(shape.width);
    gemm = base;
    rows = gemm + kGemmScratch;
    panels = rows + wide * width;
    scaled = panels + wide * width;
    scores = scaled + size_t(shape.heads) * width;
  }
};

// `left` [heads][width] times the rows that own.panels holds: `out` [heads][stride].
inline void multiply_panels(const WindowScratch& own, const float* left, int width, size_t stride,
                            int heads, float* out) {
  kernels().gemm({.left = left,
                  .left_row = size_t(width),
                  .left_inner = 1,
                  .panels = own.panels,
                  .panel_stride = size_t(width) * kPanel,
                  .inner_stride = kPanel,
                  .out = out,
                  .out_row = stride,
                  .rows = heads,
                  .cols = int(stride),
                  .inner = width,
                  .scratch = own.gemm});
}

// Probabilities of heads [h0, h1) of a query over its rows, which own.rows holds, unnormalised, and
// 1 / their sum, the sink's share included: [heads][stride], stride round_up(count, kPanel).
void window_probabilities(const WindowTensors& a, int row, int count, int h0, int h1,
                          const WindowScratch& own, float* inverse, float* sink_share);

void window_backward(Workers workers, const WindowTensors& a);

}  // namespace weir
