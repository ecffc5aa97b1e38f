#include "ops/add_low_rank.h"

#include <cstring>

#include "ops/matmul.h"

namespace weir {
namespace {

Rows rows_of(const Tensor& t, int begin, int count) {
  return {t.data + size_t(begin) * t.stride, t.stride, count, t.cols};
}
Rows grad_rows_of(const Tensor& t, int begin, int count) {
  return {t.grad + size_t(begin) * t.stride, t.stride, count, t.cols};
}
Rows narrow(Arena& arena, int rows, int rank) {
  return {arena.floats(size_t(rows) * size_t(rank)), size_t(rank), rows, rank};
}

void scale_rows(ThreadPool& pool, Rows h, float scale) {
  pool.run_here(
      [&] { kernels().scale(scale, h.data, h.data, int(size_t(h.rows) * size_t(h.cols))); });
}

// h = scale x A^T and y += h B^T.
void apply(Workers workers, const Activations& x, const LowRank& adapter, const Groups& groups,
           Rows h, Rows y) {
  multiply(workers, x, adapter.a, groups, h, false);
  scale_rows(*workers.pool, h, adapter.scale);
  multiply(workers, {h}, adapter.b, groups, y, true);
}

// In the forward pass this was: h = scale x A^T, y += h B^T. With dy: dB += dy^T h,
// dh = scale dy B, dA += dh^T x. Returns dh, in the arena.
Rows narrow_backward(Workers workers, Rows dy, const Activations& x, const LowRank& adapter,
                     const Groups& groups, Rows h) {
  Rows dh = narrow(*workers.arena, h.rows, h.cols);
  multiply_transposed(workers, dy, adapter.b, groups, dh, false);
  scale_rows(*workers.pool, dh, adapter.scale);
  if (adapter.b.grad()) accumulate_outer(workers, dy, {h}, groups, adapter.b.grad());
  if (adapter.a.grad()) accumulate_outer(workers, dh, x, groups, adapter.a.grad());
  return dh;
}

// Neighbouring rows with the same adapter: body(adapter, begin, count).
template <class Body>
void for_each_part(const AdapterUse& use, const LowRankSet& set, int rows, const Body& body) {
  for (int begin = 0, end; begin < rows; begin = end) {
    const int number = use.of(begin);
    end = use.rows.empty() ? rows : begin + 1;
    while (end < rows && use.of(end) == number) ++end;
    if (const LowRank* adapter = set.find(number)) body(*adapter, begin, end - begin);
  }
}

// DoRA (Liu et al. 2024, eq. 5): rows of W + s B A with the lengths m, y = g (W x + s B A x), g = m
// / |W + s B A|. y has W x already, so this adds (g - 1) W x + g s B A x. The norm is no variable
// of the backward pass (section 4.3). W x is computed once more: y may have a bias or a residual in
// it.
void add_part_with_magnitude(Run& run, const LowRank& adapter, const Matrix& base, Tensor x,
                             Tensor y, int begin, int count) {
  const Workers workers{&run.arena, &run.pool, true},
      base_workers{&run.arena, &run.pool, run.exact};
  const Temporaries temporaries(run);
  const Rows h = narrow(run.arena, count, adapter.rank()), u = narrow(run.arena, count, y.cols);
  float* gain = run.arena.floats(size_t(y.cols));
  run.pool.run_here([&] {
    for (int o = 0; o < y.cols; ++o)
      gain[o] = adapter.magnitude.f32()[o] / adapter.norms[size_t(o)];
  });
  {
    const ArenaScope scope(run.arena);
    const Rows v = narrow(run.arena, count, y.cols);
    multiply(base_workers, {rows_of(x, begin, count)}, base, {}, u, false);
    multiply(workers, {rows_of(x, begin, count)}, adapter.a, {}, h, false);
    scale_rows(run.pool, h, adapter.scale);
    multiply(workers, {h}, adapter.b, {}, v, false);
    for_chunks(run.pool, count, row_grain(y.cols), [&](int from, int to, int) {
      for (int t = from; t < to; ++t) {
        float *out = y.row(begin + t), *base_row = u.data + size_t(t) * u.stride;
        const float* low = v.data + size_t(t) * v.stride;
        for (int o = 0; o < y.cols; ++o) {
          out[o] += (gain[o] - 1) * base_row[o] + gain[o] * low[o];
          base_row[o] += low[o];
        }
      }
    });
  }
  // In the forward pass this was: u = W x + h B^T, y = g u. With dy: dm += sum dy u / |W + s B A|,
  // dv = g dy is the gradient of h B^T, and (g - 1) dy is what W x has beside the base's own.
  run.record([x, y, &adapter, &base, workers, base_workers, h, u, gain, begin, count] {
    if (!y.reached()) return;
    ArenaScope scope(*workers.arena);
    if (float* gradient = adapter.magnitude.grad())
      for_chunks(*workers.pool, y.cols, 64, [&](int from, int to, int) {
        for (int t = 0; t < count; ++t) {
          const float *dy = y.grad_row(begin + t), *row = u.data + size_t(t) * u.stride;
          for (int o = from; o < to; ++o) gradient[o] += dy[o] * row[o] / adapter.norms[size_t(o)];
        }
      });
    const Rows dv = narrow(*workers.arena, count, y.cols);
    const auto scale_gradient = [&](float less) {
      for_chunks(*workers.pool, count, row_grain(y.cols), [&](int from, int to, int) {
        for (int t = from; t < to; ++t) {
          const float* dy = y.grad_row(begin + t);
          float* out = dv.data + size_t(t) * dv.stride;
          for (int o = 0; o < y.cols; ++o) out[o] = (gain[o] - less) * dy[o];
        }
      });
    };
    scale_gradient(0);
    const Rows dh = narrow_backward(workers, dv, {rows_of(x, begin, count)}, adapter, {}, h);
    if (!x.grad) return;
    multiply_transposed(workers, dh, adapter.a, {}, grad_rows_of(x, begin, count), true);
    scale_gradient(1);
    multiply_transposed(base_workers, dv, base, {}, grad_rows_of(x, begin, count), true);
  });
}

void add_part(Run& run, const LowRank& adapter, const Matrix& base, Tensor x, Tensor y, int begin,
              int count) {
  if (adapter.has_magnitude())
    return add_part_with_magnitude(run, adapter, base, x, y, begin, count);
  const Workers workers{&run.arena, &run.pool, true};
  const Temporaries temporaries(run);
  const Rows h = narrow(run.arena, count, adapter.rank());
  apply(workers, {rows_of(x, begin, count)}, adapter, {}, h, rows_of(y, begin, count));
  run.record([x, y, &adapter, workers, h, begin, count] {
    if (!y.reached()) return;
    ArenaScope scope(*workers.arena);
    const Rows dh = narrow_backward(workers, grad_rows_of(y, begin, count),
                                    {rows_of(x, begin, count)}, adapter, {}, h);
    if (x.grad)
      multiply_transposed(workers, dh, adapter.a, {}, grad_rows_of(x, begin, count), true);
  });
}

// The grouped rows of one adapter, again grouped by expert.
struct PickedRows {
  int* row;    // [count] of the grouped rows
  int* begin;  // [experts + 1]
  int count = 0;
};

PickedRows pick(Run& run, const Routing& routing, int adapter) {
  const size_t pairs = size_t(routing.tokens) * size_t(routing.per_token);
  PickedRows picked{run.arena.array<int>(pairs), run.arena.array<int>(size_t(routing.experts) + 1)};
  for (int e = 0; e < routing.experts; ++e) {
    picked.begin[e] = picked.count;
    for (int r = routing.begin[e]; r < routing.begin[e + 1]; ++r)
      if (run.adapters.of(routing.token[r]) == adapter) picked.row[picked.count++] = r;
  }
  picked.begin[routing.experts] = picked.count;
  return picked;
}

// Products work on rows that stand one behind the other, so y's are copied and brought back.
void add_picked(Run& run, const LowRank& adapter, Tensor x, const int* gather, Tensor y,
                const Routing& routing, const PickedRows& picked) {
  const Workers workers{&run.arena, &run.pool, true};
  const Rows h = narrow(run.arena, picked.count, adapter.rank());
  const Rows copy = narrow(run.arena, picked.count, y.cols);
  int* from = run.arena.array<int>(size_t(picked.count));
  for (int i = 0; i < picked.count; ++i) {
    from[i] = gather ? gather[picked.row[i]] : picked.row[i];
    std::memcpy(copy.data + size_t(i) * copy.stride, y.row(picked.row[i]),
                sizeof(float) * size_t(y.cols));
  }
  apply(workers, {data_of(x), from}, adapter, {0, routing.experts, picked.begin}, h, copy);
  for (int i = 0; i < picked.count; ++i)
    std::memcpy(y.row(picked.row[i]), copy.data + size_t(i) * copy.stride,
                sizeof(float) * size_t(y.cols));
}

// The most that any choice of adapters takes.
void measure_experts(Run& run, const LowRank& adapter, Tensor x, Tensor y, const Routing& routing) {
  const Workers workers{&run.arena, &run.pool, true};
  const ArenaScope scope(run.arena);
  const size_t pairs = size_t(y.rows);
  run.arena.array<int>(2 * pairs + size_t(routing.experts) + 1);
  const Rows h = narrow(run.arena, y.rows, adapter.rank());
  const Rows copy = narrow(run.arena, y.rows, y.cols);
  apply(workers, {data_of(x), routing.token}, adapter, {0, routing.experts, routing.begin}, h,
        copy);
}

// dx of the grouped rows, added where they came from: a token's slots in order.
void add_gathered(ThreadPool& pool, Rows from, Tensor x, const Routing& routing) {
  for_chunks(pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t)
      for (int j = 0; j < routing.per_token; ++j)
        kernels().add(x.grad_row(t),
                      from.data + size_t(routing.row[t * routing.per_token + j]) * from.stride,
                      x.grad_row(t), x.cols);
  });
}

}  // namespace

void add_low_rank(Run& run, Tensor x, Tensor y, const Linear& projection) {
  if (!projection.adapters) return;
  const Zone zone("low_rank");
  if (run.pool.is_dry()) {
    if (const LowRank* adapter = projection.adapters->largest())
      add_part(run, *adapter, *projection.base, x, y, 0, x.rows);
    return;
  }
  for_each_part(run.adapters, *projection.adapters, x.rows,
                [&](const LowRank& adapter, int begin, int count) {
                  add_part(run, adapter, *projection.base, x, y, begin, count);
                });
}

void add_expert_low_rank(Run& run, Tensor x, const int* gather, Tensor y, const Routing& routing,
                         const Linear& projection) {
  if (!projection.adapters) return;
  const Zone zone("expert_low_rank");
  const LowRankSet& set = *projection.adapters;
  if (run.pool.is_dry() && !run.tape) {
    if (const LowRank* adapter = set.largest()) measure_experts(run, *adapter, x, y, routing);
    return;
  }
  if (!run.adapters.rows.empty()) {
    CHECK(!run.tape);
    for (int number = 0; number < int(set.of.size()); ++number) {
      const LowRank* adapter = set.find(number);
      if (!adapter) continue;
      const ArenaScope scope(run.arena);
      const PickedRows picked = pick(run, routing, number);
      if (picked.count > 0) add_picked(run, *adapter, x, gather, y, routing, picked);
    }
    return;
  }
  const LowRank* adapter = set.find(run.adapters.all);
  if (!adapter) return;
  const Workers workers{&run.arena, &run.pool, true};
  const Temporaries temporaries(run);
  const Rows h = narrow(run.arena, y.rows, adapter->rank());
  apply(workers, {data_of(x), gather}, *adapter, {0, routing.experts, routing.begin}, h,
        data_of(y));
  run.record([x, gather, y, routing, adapter, workers, h] {
    if (!y.reached()) return;
    ArenaScope scope(*workers.arena);
    const Groups groups{0, routing.experts, routing.begin};
    const Rows dh = narrow_backward(workers, grad_of(y), {data_of(x), gather}, *adapter, groups, h);
    if (!x.grad) return;
    if (!gather) return multiply_transposed(workers, dh, adapter->a, groups, grad_of(x), true);
    const Rows dx = narrow(*workers.arena, y.rows, x.cols);
    multiply_transposed(workers, dh, adapter->a, groups, dx, false);
    add_gathered(*workers.pool, dx, x, routing);
  });
}

}  // namespace weir
