#include "ops/hyper_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/matmul.h"

namespace weir {
Tensor zeros(Run& run, int rows, int cols) {
  Tensor y = run.make(rows, cols);
  for_chunks(run.pool, rows, row_grain(cols), [&](int begin, int end, int) {
    std::memset(y.row(begin), 0, sizeof(float) * size_t(end - begin) * size_t(cols));
  });
  return y;
}

Tensor unit_norm(Run& run, Tensor x, float epsilon) {
  const Zone zone("unit_norm");
  Tensor y = run.make(x.rows, x.cols);
  float* inverse = run.arena.floats(size_t(x.rows));
  float* ones = run.arena.floats(size_t(x.cols));
  run.pool.run_here([&] { std::fill_n(ones, x.cols, 1.f); });
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t)
      inverse[t] = kernels().rms_norm(x.row(t), ones, epsilon, y.row(t), x.cols);
  });
  run.record([x, y, inverse, ones, workers = Workers{&run.arena, &run.pool}] {
    if (!y.reached()) return;
    const bool add = x.accumulate();
    ArenaScope scope(*workers.arena);
    const size_t width = size_t(x.cols);
    float* unused = workers.arena->floats(width * size_t(workers.pool->threads()));
    for_chunks(*workers.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int thread) {
      float* sum = unused + size_t(thread) * width;
      std::memset(sum, 0, sizeof(float) * width);
      for (int t = begin; t < end; ++t)
        kernels().rms_norm_backward(x.row(t), ones, y.grad_row(t), inverse[t], x.grad_row(t), add,
                                    sum, x.cols);
    });
  });
  return y;
}

Tensor repeat_streams(Run& run, Tensor x, int streams) {
  const Zone zone("repeat_streams");
  Tensor y = run.make(x.rows, streams * x.cols);
  const size_t bytes = sizeof(float) * size_t(x.cols);
  for_chunks(run.pool, x.rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t)
      for (int i = 0; i < streams; ++i) std::memcpy(y.row(t) + i * x.cols, x.row(t), bytes);
  });
  run.record([x, y, streams, bytes, pool = &run.pool] {
    if (!y.reached()) return;
    const bool add = x.accumulate();
    for_chunks(*pool, x.rows, row_grain(y.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t) {
        if (!add) std::memset(x.grad_row(t), 0, bytes);
        for (int i = 0; i < streams; ++i)
          kernels().add(x.grad_row(t), y.grad_row(t) + i * x.cols, x.grad_row(t), x.cols);
      }
    });
  });
  return y;
}

Tensor collapse_streams(Run& run, Tensor x, Tensor coefficients, int streams) {
  const Zone zone("collapse_streams");
  CHECK_EQ(x.cols % streams, 0);
  const int width = x.cols / streams;
  Tensor y = run.make(x.rows, width);
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      const float* pre = coefficients.row(t);
      kernels().scale(pre[0], x.row(t), y.row(t), width);
      for (int i = 1; i < streams; ++i)
        kernels().axpy(pre[i], x.row(t) + i * width, y.row(t), width);
    }
  });
  if (coefficients.grad) coefficients = coefficients.columns(0, coefficients.cols);
  run.record([x, y, coefficients, streams, width, pool = &run.pool] {
    if (!y.reached()) return;
    const bool add = x.accumulate();
    for_chunks(*pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t)
        for (int i = 0; i < streams; ++i) {
          const float pre = coefficients.row(t)[i];
          float* dx = x.grad_row(t) + i * width;
          if (add)
            kernels().axpy(pre, y.grad_row(t), dx, width);
          else
            kernels().scale(pre, y.grad_row(t), dx, width);
          if (coefficients.grad)
            coefficients.grad_row(t)[i] +=
                kernels().dot(y.grad_row(t), x.row(t) + i * width, width);
        }
    });
  });
  return y;
}

namespace {

struct ExpandState {
  Tensor x, y, coefficients, out;
  int streams, width;
};

// `room`: [streams * width], because the result may take the place of x.
void expand_row(const ExpandState& s, int t, float* room) {
  const int n = s.streams, width = s.width;
  const float *post = s.coefficients.row(t) + n, *comb = post + n;
  std::memcpy(room, s.x.row(t), sizeof(float) * size_t(n) * size_t(width));
  for (int k = 0; k < n; ++k) {
    float* out = s.out.row(t) + k * width;
    kernels().scale(post[k], s.y.row(t), out, width);
    for (int j = 0; j < n; ++j) kernels().axpy(comb[j * n + k], room + j * width, out, width);
  }
}

void expand_backward_row(const ExpandState& s, int t, bool add_x, bool add_y) {
  const int n = s.streams, width = s.width;
  const float *post = s.coefficients.row(t) + n, *comb = post + n;
  float* d = s.coefficients.grad ? s.coefficients.grad_row(t) : nullptr;
  if (!add_x) std::memset(s.x.grad_row(t), 0, sizeof(float) * size_t(n) * size_t(width));
  if (!add_y) std::memset(s.y.grad_row(t), 0, sizeof(float) * size_t(width));
  for (int k = 0; k < n; ++k) {
    const float* dout = s.out.grad_row(t) + k * width;
    kernels().axpy(post[k], dout, s.y.grad_row(t), width);
    if (d) d[n + k] += kernels().dot(dout, s.y.row(t), width);
    for (int j = 0; j < n; ++j) {
      kernels().axpy(comb[j * n + k], dout, s.x.grad_row(t) + j * width, width);
      if (d) d[2 * n + j * n + k] += kernels().dot(dout, s.x.row(t) + j * width, width);
    }
  }
}

}  // namespace

Tensor expand_streams(Run& run, Tensor x, Tensor y, Tensor coefficients, int streams) {
  const Zone zone("expand_streams");
  CHECK_EQ(x.cols, streams * y.cols);
  ExpandState s{x, y, coefficients, run.tape ? run.make(x.rows, x.cols) : x, streams, y.cols};
  {
    ArenaScope scope(run.arena);
    const size_t room = size_t(x.cols);
    float* rooms = run.arena.floats(room * size_t(run.pool.threads()));
    for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int thread) {
      for (int t = begin; t < end; ++t) expand_row(s, t, rooms + room * size_t(thread));
    });
  }
  // The coefficients' gradient is added to in parts; one without any yet begins with zeros.
  if (coefficients.grad) s.coefficients = coefficients.columns(0, coefficients.cols);
  run.record([s, pool = &run.pool] {
    if (!s.out.reached()) return;
    const bool add_x = s.x.accumulate(), add_y = s.y.accumulate();
    for_chunks(*pool, s.x.rows, row_grain(s.x.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t) expand_backward_row(s, t, add_x, add_y);
    });
  });
  return s.out;
}

Tensor grouped_linear(Run& run, Tensor x, const Linear& projection) {
  const Zone zone("grouped_linear");
  const Matrix& w = *projection.base;
  CHECK(!projection.bias && !projection.adapters);
  CHECK_EQ(x.cols, w.groups * w.cols);
  if (run.observer) run.observer->observe(w, x.folded(w.cols));
  const Workers workers{&run.arena, &run.pool, run.exact};
  Tensor y = run.make(x.rows, w.rows);
  const auto part = [](const Rows& rows, int group, int width) {
    return Rows{rows.data + size_t(group) * size_t(width), rows.stride, rows.rows, width};
  };
  for (int g = 0; g < w.groups; ++g)
    multiply(workers, {part(data_of(x), g, w.cols)}, w, {g, 1}, part(data_of(y), g, w.group_rows()),
             false);
  run.record([x, y, &w, workers, part] {
    if (!y.reached()) return;
    const bool add = x.accumulate();
    for (int g = 0; g < w.groups; ++g) {
      const Rows dy = part(grad_of(y), g, w.group_rows());
      multiply_transposed(workers, dy, w, {g, 1}, part(grad_of(x), g, w.cols), add);
      if (w.grad())
        accumulate_outer(workers, dy, {part(data_of(x), g, w.cols)}, {g, 1},
                         w.grad() + size_t(g) * size_t(w.group_rows()) * size_t(w.cols));
    }
  });
  return y;
}

}  // namespace weir
