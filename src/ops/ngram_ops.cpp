#include "ops/ngram_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/matmul.h"
#include "tensor/cached_classes.h"
#include "tensor/table_reader.h"

namespace weir {
namespace {

constexpr float kLeastProduct = 1e-6f;  // of |d|, whose root would have no slope at 0
constexpr int kScaleColumns = 32;       // that share a scale of E8M0
constexpr int kRowsPerSum = 64;         // whose gradients of gains are summed on their own

int class_of(const NgramClasses& classes, int token) {
  return classes.of_token ? int(classes.of_token[token]) : token;
}

}  // namespace

const int32_t* ngram_classes(Run& run, const NgramClasses& classes) {
  const size_t reach = size_t(classes.reach);
  int32_t* to = run.arena.array<int32_t>(size_t(run.batch.size()) * reach);
  const std::span<const int> tokens = run.batch.tokens();
  run.pool.run_here([&] {
    for (const Segment& s : run.batch.segments()) {
      CacheView view;
      if (run.cache) view = run.cache->view(0, s.sequence);
      const auto at = [&](int position) {
        if (position >= s.position)
          return class_of(classes, tokens[size_t(s.begin + position - s.position)]);
        if (position < 0) return classes.pad;
        if (s.root >= 0) return class_of(classes, tokens[size_t(s.root + position)]);
        return run.cache ? *cached_class(view, position) : classes.pad;
      };
      for (int i = 0; i < s.count; ++i) {
        int32_t* row = to + size_t(s.begin + i) * reach;
        for (int back = 0; back < classes.reach; ++back) row[back] = at(s.position + i - back);
      }
      for (int i = 0; run.cache && i < s.count; ++i)
        *cached_class(view, s.position + i) = to[size_t(s.begin + i) * reach];
    }
  });
  return to;
}

void ngram_rows(Run& run, const int32_t* classes, const NgramHash& hash, int32_t* to) {
  const size_t reach = size_t(hash.reach()), columns = size_t(hash.columns());
  for_chunks(run.pool, run.batch.size(), 64, [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      const int32_t* own = classes + size_t(t) * reach;
      int32_t* row = to + size_t(t) * columns;
      int64_t mixed = own[0] * hash.multipliers[0];
      size_t column = 0;
      for (size_t n = 1; n < reach; ++n) {
        mixed ^= own[n] * hash.multipliers[n];
        for (int h = 0; h < hash.heads; ++h, ++column)
          row[column] = int32_t(mixed % hash.primes[column] + hash.offsets[column]);
      }
    }
  });
}

namespace {

float power_of_two(std::byte e8m0) {
  return e8m0 == std::byte(255) ? NAN : std::ldexp(1.f, int(e8m0) - 127);
}

// A row as f32. `codes` and `scales` (null: none of its own) are in memory.
void decode_table_row(const Matrix& table, const std::byte* codes, const std::byte* scales,
                      float* to) {
  float powers[kTableColumnsMost / kScaleColumns];
  for (int i = 0; scales && i < table.cols / kScaleColumns; ++i)
    powers[i] = power_of_two(scales[i]);
  kernels().dequantize(table.type, codes, scales ? powers : nullptr, to, size_t(table.cols));
}

void read_row(const NgramTable& table, int row, float* to) {
  const Matrix& m = *table.matrix;
  CHECK(row >= 0 && row < m.rows);
  const size_t width = size_t(m.cols);
  if (table.row_scales) {
    const auto* codes = static_cast<const std::byte*>(m.parts[0]) + size_t(row) * width;
    decode_table_row(m, codes, table.row_scales + size_t(row) * (width / kScaleColumns), to);
    return;
  }
  const float* values = m.row(row, to);
  if (values != to) std::memcpy(to, values, sizeof(float) * width);
}

// In the forward pass this was: y[t][j] = table[rows[t][j]]. The rows of each column lie apart from
// those of the others (NgramHash::offsets), so threads share columns, and every element of the
// gradient is one chain in the order of tokens.
void gather_backward(ThreadPool& pool, Tensor y, float* gradient, const int32_t* rows,
                     int columns) {
  const int width = y.cols / columns;
  pool.parallel_for(columns, [&](int j, int) {
    for (int t = 0; t < y.rows; ++t) {
      float* to = gradient + size_t(rows[size_t(t) * size_t(columns) + size_t(j)]) * size_t(width);
      kernels().add(to, y.grad_row(t) + size_t(j) * size_t(width), to, width);
    }
  });
}

}  // namespace

Tensor gather_ngrams(Run& run, const NgramTable& table, const int32_t* rows, int columns) {
  const Zone zone("gather_ngrams");
  const int width = table.matrix->cols;
  CHECK(!table.row_scales || width <= kTableColumnsMost);
  Tensor y = run.make(run.batch.size(), columns * width);
  TableReader* reader = table.reader;
  if (reader) run.pool.run_here([&] { reader->wait(table.number); });
  for_chunks(run.pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int i = begin * columns; i < end * columns; ++i) {
      float* to = y.row(i / columns) + size_t(i % columns) * size_t(width);
      if (!reader) {
        read_row(table, rows[i], to);
        continue;
      }
      const TableReader::Row found = reader->row(table.number, size_t(i));
      if (found.codes)
        decode_table_row(*table.matrix, found.codes, found.scales, to);
      else
        std::fill_n(to, width, NAN);  // it could not be read
    }
  });
  if (float* gradient = table.matrix->grad())
    run.record([y, gradient, rows, columns, pool = &run.pool] {
      if (y.reached()) gather_backward(*pool, y, gradient, rows, columns);
    });
  return y;
}

namespace {

struct Recall {
  Tensor x, kv, out;
  const Matrix *q, *k;
  int streams, width;
  float epsilon;
};

// Of one stream of one row: the product, its norms, and the gate.
struct RecallGate {
  float d, gate, x_inverse, key_inverse;
};

float inverse_rms(const float* z, int n, float epsilon) {
  return 1 / std::sqrt(kernels().dot(z, z, n) / float(n) + epsilon);
}

// `room`: [width], where q g x stays.
RecallGate gate_of(const Recall& r, int t, int stream, float* room) {
  const int n = r.width;
  const size_t at = size_t(stream) * size_t(n);
  const float *x = r.x.row(t) + at, *key = r.kv.row(t) + at;
  const float *q = r.q->f32() + at, *k = r.k->f32() + at;
  for (int i = 0; i < n; ++i) room[i] = x[i] * (q[i] * k[i]);
  RecallGate out;
  out.x_inverse = inverse_rms(x, n, r.epsilon);
  out.key_inverse = inverse_rms(key, n, r.epsilon);
  out.d = kernels().dot(room, key, n) * out.x_inverse * out.key_inverse / std::sqrt(float(n));
  const float root = std::copysign(std::sqrt(std::max(std::fabs(out.d), kLeastProduct)), out.d);
  kernels().sigmoid(&root, &out.gate, 1);
  return out;
}

// In the forward pass this was: y_i = x_i + gate(d) v. The gradient of x holds that of y already.
// `room`: [2 width]; dq and dk: [streams * width], added to.
void recall_backward_row(const Recall& r, int t, bool add_kv, float* room, float* dq, float* dk) {
  const int n = r.width;
  float *weighted = room, *pulled = room + n;
  float* dvalue = r.kv.grad_row(t) + size_t(r.streams) * size_t(n);
  const float* value = r.kv.row(t) + size_t(r.streams) * size_t(n);
  if (!add_kv) std::memset(r.kv.grad_row(t), 0, sizeof(float) * size_t(r.kv.cols));
  for (int s = 0; s < r.streams; ++s) {
    const size_t at = size_t(s) * size_t(n);
    const RecallGate g = gate_of(r, t, s, weighted);
    float* dx = r.x.grad_row(t) + at;  // of y, too
    const float dgate = kernels().dot(dx, value, n);
    kernels().axpy(g.gate, dx, dvalue, n);
    const float size = std::fabs(g.d);
    if (size <= kLeastProduct) continue;
    const float dd = dgate * g.gate * (1 - g.gate) / (2 * std::sqrt(size));
    const float factor = dd * g.x_inverse * g.key_inverse / std::sqrt(float(n));
    const float *x = r.x.row(t) + at, *key = r.kv.row(t) + at;
    const float *q = r.q->f32() + at, *k = r.k->f32() + at;
    float* dkey = r.kv.grad_row(t) + at;
    kernels().axpy(factor, weighted, dkey, n);
    kernels().axpy(-dd * g.d * g.key_inverse * g.key_inverse / float(n), key, dkey, n);
    for (int i = 0; i < n; ++i) pulled[i] = key[i] * (q[i] * k[i]);
    kernels().axpy(factor, pulled, dx, n);
    kernels().axpy(-dd * g.d * g.x_inverse * g.x_inverse / float(n), x, dx, n);
    for (int i = 0; i < n; ++i) pulled[i] = x[i] * key[i];
    for (int i = 0; dq && i < n; ++i) dq[at + size_t(i)] += factor * (pulled[i] * k[i]);
    for (int i = 0; dk && i < n; ++i) dk[at + size_t(i)] += factor * (pulled[i] * q[i]);
  }
}

void recall_backward(Workers workers, const Recall& r) {
  ArenaScope scope(*workers.arena);
  const bool add_kv = r.kv.accumulate();
  const size_t wide = size_t(r.streams) * size_t(r.width);
  const int sums = div_up(r.x.rows, kRowsPerSum);
  const bool has_gains = r.q->grad() && r.k->grad();
  float* gains = has_gains ? workers.arena->floats(size_t(sums) * 2 * wide) : nullptr;
  float* rooms = workers.arena->floats(2 * size_t(r.width) * size_t(workers.pool->threads()));
  for_chunks(*workers.pool, r.x.rows, kRowsPerSum, [&](int begin, int end, int thread) {
    float* dq = gains ? gains + size_t(begin / kRowsPerSum) * 2 * wide : nullptr;
    if (dq) std::memset(dq, 0, sizeof(float) * 2 * wide);
    for (int t = begin; t < end; ++t)
      recall_backward_row(r, t, add_kv, rooms + 2 * size_t(r.width) * size_t(thread), dq,
                          dq ? dq + wide : nullptr);
  });
  for (int i = 0; gains && i < sums; ++i) {
    kernels().add(r.q->grad(), gains + size_t(i) * 2 * wide, r.q->grad(), int(wide));
    kernels().add(r.k->grad(), gains + (size_t(i) * 2 + 1) * wide, r.k->grad(), int(wide));
  }
}

}  // namespace

Tensor add_recalled(Run& run, Tensor x, Tensor kv, const Matrix& q, const Matrix& k, int streams,
                    float epsilon) {
  const Zone zone("add_recalled");
  CHECK_EQ(x.cols % streams, 0);
  const int width = x.cols / streams;
  CHECK_EQ(kv.cols, x.cols + width);
  CHECK(q.type == WeightType::f32 && k.type == WeightType::f32);
  CHECK(int(q.count()) == x.cols && int(k.count()) == x.cols);
  const Recall r{x, kv, run.make_sum(x), &q, &k, streams, width, epsilon};
  {
    ArenaScope scope(run.arena);
    float* rooms = run.arena.floats(size_t(width) * size_t(run.pool.threads()));
    for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int thread) {
      for (int t = begin; t < end; ++t)
        for (int s = 0; s < streams; ++s) {
          const RecallGate g = gate_of(r, t, s, rooms + size_t(width) * size_t(thread));
          float* y = r.out.row(t) + size_t(s) * size_t(width);
          const float* from = r.x.row(t) + size_t(s) * size_t(width);
          if (y != from) std::memcpy(y, from, sizeof(float) * size_t(width));
          kernels().axpy(g.gate, kv.row(t) + x.cols, y, width);
        }
    });
  }
  run.record([r, workers = Workers{&run.arena, &run.pool}] {
    if (r.out.reached()) recall_backward(workers, r);
  });
  return r.out;
}

}  // namespace weir
