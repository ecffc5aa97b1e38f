// Multiplication by one number, or by one of each position.
#include <cmath>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {

Tensor scaled(Run& run, Tensor x, float factor) {
  if (factor == 1) return x;
  const Zone zone("scaled");
  Tensor y = run.make(x.rows, x.cols);
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) kernels().scale(factor, x.row(t), y.row(t), x.cols);
  });
  run.record([x, y, factor, pool = &run.pool] {
    if (!y.reached()) return;
    const bool add = x.accumulate();
    for_chunks(*pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t) {
        if (add)
          kernels().axpy(factor, y.grad_row(t), x.grad_row(t), x.cols);
        else
          kernels().scale(factor, y.grad_row(t), x.grad_row(t), x.cols);
      }
    });
  });
  return y;
}

namespace {

void scale_rows(ThreadPool& pool, float* base, const Tensor& x, float beta, int positions,
                const int* position) {
  for_chunks(pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      if (position[t] < positions) continue;
      const double factor = 1 + double(beta) * std::log(1.0 + position[t] / positions);
      float* row = base + size_t(t) * x.stride;
      kernels().scale(float(factor), row, row, x.cols);
    }
  });
}

}  // namespace

void scale_by_position(Run& run, Tensor x, float beta, int positions) {
  if (beta == 0) return;
  const Zone zone("scale_by_position");
  const int* position = run.batch.positions().data();
  scale_rows(run.pool, x.data, x, beta, positions, position);
  run.record([x, beta, positions, position, pool = &run.pool] {
    if (x.reached()) scale_rows(*pool, x.grad, x, beta, positions, position);
  });
}

}  // namespace weir
