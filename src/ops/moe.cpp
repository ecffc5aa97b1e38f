// Mixture of experts: the experts' projections of the tokens that chose them (gate.cpp), and the
// sum of their outputs.
#include <cstring>

#include "ops/add_low_rank.h"
#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

Groups groups_of(const Routing& routing) { return {0, routing.experts, routing.begin}; }

}  // namespace

Tensor expert_linear(Run& run, Tensor x, const Routing& routing, const Linear& projection) {
  const Zone zone("expert_linear");
  const Matrix& w = *projection.base;
  CHECK(!projection.bias);
  CHECK_EQ(w.groups, routing.experts);
  if (run.observer) run.observer->observe(w, x);
  Workers workers{&run.arena, &run.pool, run.exact};
  Tensor y = run.make(routing.tokens * routing.per_token, w.group_rows());
  multiply(workers, {data_of(x)}, w, groups_of(routing), data_of(y), false);
  add_expert_low_rank(run, x, nullptr, y, routing, projection);
  run.record([x, y, routing, &w, workers] {
    if (!y.reached()) return;
    const Groups groups = groups_of(routing);
    multiply_transposed(workers, grad_of(y), w, groups, grad_of(x), x.accumulate());
    if (w.grad()) accumulate_outer(workers, grad_of(y), {data_of(x)}, groups, w.grad());
  });
  return y;
}

Tensor expert_linear_gather(Run& run, const Input& input, const Routing& routing,
                            const Linear& projection) {
  const Zone zone("expert_linear_gather");
  const Tensor x = input.x;
  const Matrix& w = *projection.base;
  CHECK(!projection.bias);
  CHECK_EQ(w.groups, routing.experts);
  if (run.observer) run.observer->observe(w, x);
  Workers workers{&run.arena, &run.pool, run.exact};
  Tensor y = run.make(routing.tokens * routing.per_token, w.group_rows());
  multiply(workers, {data_of(x), routing.token, input.quantized}, w, groups_of(routing), data_of(y),
           false);
  add_expert_low_rank(run, x, routing.token, y, routing, projection);
  run.record([x, y, routing, &w, workers] {
    if (!y.reached()) return;
    const Groups groups = groups_of(routing);
    if (w.grad())
      accumulate_outer(workers, grad_of(y), {data_of(x), routing.token}, groups, w.grad());
    ArenaScope scope(*workers.arena);
    Rows dx{workers.arena->floats(size_t(y.rows) * size_t(x.cols)), size_t(x.cols), y.rows, x.cols};
    multiply_transposed(workers, grad_of(y), w, groups, dx, false);
    bool add = x.accumulate();  // a token's slots are added in order
    for_chunks(*workers.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t)
        for (int j = 0; j < routing.per_token; ++j) {
          const float* from = dx.data + size_t(routing.row[t * routing.per_token + j]) * dx.stride;
          if (add || j > 0)
            kernels().add(x.grad_row(t), from, x.grad_row(t), x.cols);
          else
            std::memcpy(x.grad_row(t), from, sizeof(float) * size_t(x.cols));
        }
    });
  });
  return y;
}

Tensor combine(Run& run, Tensor residual, Tensor parts, const Routing& routing) {
  const Zone zone("combine");
  const int k = routing.per_token;
  Tensor y = run.make_sum(residual);
  for_chunks(run.pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      if (y.data != residual.data)
        std::memcpy(y.row(t), residual.row(t), sizeof(float) * size_t(y.cols));
      for (int j = 0; j < k; ++j)
        kernels().axpy(routing.weight.row(t)[j], parts.row(routing.row[t * k + j]), y.row(t),
                       y.cols);
    }
  });
  run.record([y, parts, routing, k, pool = &run.pool] {
    if (!y.reached()) return;
    bool add = parts.accumulate(), add_weight = routing.weight.accumulate();
    for_chunks(*pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t)
        for (int j = 0; j < k; ++j) {
          int row = routing.row[t * k + j];
          float w = routing.weight.row(t)[j];
          if (add)
            kernels().axpy(w, y.grad_row(t), parts.grad_row(row), y.cols);
          else
            kernels().scale(w, y.grad_row(t), parts.grad_row(row), y.cols);
          float d = kernels().dot(y.grad_row(t), parts.row(row), y.cols);
          float& dw = routing.weight.grad_row(t)[j];
          dw = add_weight ? dw + d : d;
        }
    });
  });
  return y;
}

}  // namespace weir
