// Entries of compressed attention: weighted sums over groups of positions. An element of an entry
// is one chain over its positions in order, so chunks of a prompt make the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/attention/entry_rows.h"
#include "ops/matmul.h"

namespace weir {
namespace {

constexpr int kColumnsTogether = 64;

struct Compression {
  Tensor kv, gates;
  Entries entries;
  const int* segment;  // [entries]
  const Matrix* bias;
  const Batch* batch;
  CompressShape shape;
};

// Where one position of an entry is: its numbers and gates at the columns that speak for the entry.
struct Slot {
  const float *kv, *gate, *bias;  // null: none
  int row;                        // of the batch; -1: in the cache
  int column;                     // the first
};

// Calls see(slot) for the positions of an entry in order. `kept` and `kept_gates`: of the cache.
template <class See>
void for_slots(const Compression& c, const Segment& s, int first_position, int entry,
               const PagedRows* kept, const PagedRows* kept_gates, const See& see) {
  const int ratio = c.shape.ratio, width = c.shape.width;
  const int begin = c.shape.overlaps ? (entry - 1) * ratio : entry * ratio;
  for (int p = std::max(begin, 0); p < (entry + 1) * ratio; ++p) {
    const int column = c.shape.overlaps && p >= entry * ratio ? width : 0;
    const bool is_kept = kept && p < first_position;
    const int row = is_kept ? -1 : kept ? s.begin + p - first_position : s.row(p);
    const float* gate = is_kept ? kept_gates->row(p) : c.gates.data ? c.gates.row(row) : nullptr;
    const float* bias =
        c.bias ? c.bias->f32() + size_t(p % ratio) * size_t(c.gates.cols) + column : nullptr;
    see(Slot{(is_kept ? kept->row(p) : c.kv.row(row)) + column, gate ? gate + column : nullptr,
             bias, row, column});
  }
}

// What the softmax is over: gate + bias.
void scores_of(const Slot& slot, int begin, int n, float* to) {
  if (!slot.gate) return std::fill_n(to, n, 0.f), void();
  if (!slot.bias) return std::copy_n(slot.gate + begin, n, to), void();
  for (int i = 0; i < n; ++i) to[i] = slot.gate[begin + i] + slot.bias[begin + i];
}

// Columns [begin, begin + n) of an entry: out = sum of weight * kv. `room`: [4][n]; leaves the
// largest gates in its first part and the sums of exp in its second.
template <class Slots>
void mix(const Slots& slots, int begin, int n, float* out, float* room) {
  float *top = room, *sum = room + n, *e = room + 2 * n;
  std::fill_n(top, n, -INFINITY);
  slots([&](const Slot& slot) {
    scores_of(slot, begin, n, e);
    for (int i = 0; i < n; ++i) top[i] = std::max(top[i], e[i]);
  });
  std::fill_n(sum, n, 0.f);
  std::fill_n(out, n, 0.f);
  slots([&](const Slot& slot) {
    scores_of(slot, begin, n, e);
    for (int i = 0; i < n; ++i) e[i] -= top[i];
    kernels().exp_sum(e, 0, n);
    for (int i = 0; i < n; ++i) {
      sum[i] += e[i];
      out[i] += e[i] * slot.kv[begin + i];
    }
  });
  for (int i = 0; i < n; ++i) out[i] /= sum[i];
}

// Threads share columns: a row of the batch belongs to several entries, and every element is one
// chain over them in order.
void compress_backward(Workers workers, const Compression& c) {
  if (!c.entries.rows.reached()) return;
  const bool has_gates = c.gates.data != nullptr;
  const Tensor& entries = c.entries.rows;
  const int width = c.shape.width;
  ArenaScope scope(*workers.arena);
  float* rooms = workers.arena->floats(6 * kColumnsTogether * size_t(workers.pool->threads()));
  for (const Tensor& tensor : {c.kv, c.gates})
    if (tensor.data && !tensor.accumulate())
      for (int t = 0; t < tensor.rows; ++t)
        std::memset(tensor.grad_row(t), 0, sizeof(float) * size_t(tensor.cols));
  for_chunks(*workers.pool, width, kColumnsTogether, [&](int begin, int end, int thread) {
    const int n = end - begin;
    float* room = rooms + 6 * kColumnsTogether * size_t(thread);
    float *top = room, *sum = room + n, *e = room + 2 * n, *y = room + 3 * n;
    for (int w = 0; w < entries.rows; ++w) {
      const Segment& s = c.batch->segments()[size_t(c.segment[w])];
      const int entry = w - c.entries.begin[c.segment[w]];
      const auto slots = [&](const auto& see) {
        for_slots(c, s, s.shared(), entry, nullptr, nullptr, see);
      };
      mix(slots, begin, n, y, room);
      const float* dy = entries.grad_row(w) + begin;
      slots([&](const Slot& slot) {
        scores_of(slot, begin, n, e);
        for (int i = 0; i < n; ++i) e[i] -= top[i];
        kernels().exp_sum(e, 0, n);
        float* dkv = c.kv.grad_row(slot.row) + slot.column + begin;
        float* dgate = has_gates ? c.gates.grad_row(slot.row) + slot.column + begin : nullptr;
        float* dbias = c.bias ? c.bias->grad() : nullptr;
        if (dbias) dbias += slot.bias + begin - c.bias->f32();
        for (int i = 0; i < n; ++i) {
          const float p = e[i] / sum[i], slope = p * (slot.kv[begin + i] - y[i]) * dy[i];
          dkv[i] += p * dy[i];
          if (dgate) dgate[i] += slope;
          if (dbias) dbias[i] += slope;
        }
      });
    }
  });
}

// What the next pass needs of this one, after the entries are made.
void keep_rows(Run& run, const Tensor& x, bool is_gate, const CompressShape& shape) {
  for (const Segment& s : run.batch.segments()) {
    const CacheView view = run.cache->view(shape.layer, s.sequence);
    CHECK_LE(s.position + s.count, view.capacity);
    const CompressedLayer& layer = compressed_layer(view);
    const size_t offset = shape.is_index ? (is_gate ? layer.index_gates : layer.index_kv)
                                         : (is_gate ? layer.gates : layer.kv);
    const PagedRows rows(view, offset, x.cols);
    run.pool.run_here([&] {
      for (int i = 0; i < s.count; ++i)
        std::memcpy(rows.row(s.position + i), x.row(s.begin + i), sizeof(float) * size_t(x.cols));
    });
  }
}

}  // namespace

Entries compress(Run& run, Tensor kv, Tensor gates, const Matrix* bias,
                 const CompressShape& shape) {
  const Zone zone("compress");
  CHECK_EQ(kv.cols, (shape.overlaps ? 2 : 1) * shape.width);
  CHECK(gates.data ? gates.cols == kv.cols : shape.ratio == 1);
  CHECK(!bias || (bias->cols == kv.cols && bias->rows == shape.ratio));
  CHECK(!bias || bias->type == WeightType::f32);
  const auto& segments = run.batch.segments();
  int count = 0;
  for (const Segment& s : segments)
    count += std::max(0, end_entry(run, s, shape.ratio) - first_entry(run, s, shape.ratio));
  int* begin = run.arena.array<int>(segments.size() + 1);
  int* position = run.arena.array<int>(size_t(count));
  int* segment = run.arena.array<int>(size_t(count));
  Compression c{kv,      gates, {run.make(count, shape.width), begin, position, shape.ratio},
                segment, bias,  &run.batch,
                shape};
  run.pool.run_here([&] {
    int at = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      begin[i] = at;
      const Segment& s = segments[i];
      // A segment of a batch without a cache need not begin at position 0.
      const int from = run.cache || s.root >= 0 ? 0 : s.position;
      for (int w = first_entry(run, s, shape.ratio); w < end_entry(run, s, shape.ratio); ++w) {
        position[at] = from + w * shape.ratio;
        segment[at++] = int(i);
      }
    }
    begin[segments.size()] = at;
  });
  {
    ArenaScope scope(run.arena);
    const size_t room = 4 * size_t(shape.width);
    float* rooms = run.arena.floats(room * size_t(run.pool.threads()));
    run.pool.parallel_for(count, [&](int w, int thread) {
      const Segment& s = segments[size_t(segment[w])];
      const int entry = first_entry(run, s, shape.ratio) + w - begin[segment[w]];
      PagedRows kept, kept_gates;
      if (run.cache) {
        const CacheView view = run.cache->view(shape.layer, s.sequence);
        const CompressedLayer& layer = compressed_layer(view);
        kept = PagedRows(view, shape.is_index ? layer.index_kv : layer.kv, kv.cols);
        kept_gates = PagedRows(view, shape.is_index ? layer.index_gates : layer.gates, kv.cols);
      }
      const auto slots = [&](const auto& see) {
        for_slots(c, s, first_position(run, s), entry, run.cache ? &kept : nullptr, &kept_gates,
                  see);
      };
      mix(slots, 0, shape.width, c.entries.rows.row(w), rooms + room * size_t(thread));
    });
  }
  if (run.cache && shape.ratio > 1) {
    keep_rows(run, kv, false, shape);
    keep_rows(run, gates, true, shape);
  }
  run.record([c, workers = Workers{&run.arena, &run.pool}] { compress_backward(workers, c); });
  return c.entries;
}

void cache_entries(Run& run, const Entries& entries, const CompressShape& shape) {
  if (!run.cache) return;
  const auto& segments = run.batch.segments();
  run.pool.run_here([&] {
    for (size_t i = 0; i < segments.size(); ++i) {
      const PagedEntries kept(run.cache->view(shape.layer, segments[i].sequence), shape.is_index);
      const int first = first_entry(run, segments[i], shape.ratio);
      for (int w = entries.begin[i]; w < entries.begin[i + 1]; ++w) {
        const StoredRows entry = kept.at(first + w - entries.begin[i]);
        encode_row(*entry.format, entries.rows.row(w), entry.data);
      }
    }
  });
}

}  // namespace weir
