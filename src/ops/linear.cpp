// Embedding look-up and projections.
#include <algorithm>
#include <cstring>

#include "ops/add_low_rank.h"
#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

// db += column sums of dy. Split by columns: every thread adds all rows of its own columns, in
// order.
void accumulate_bias(ThreadPool& pool, Tensor y, float* gradient) {
  for_chunks(pool, y.cols, 64, [&](int begin, int end, int) {
    for (int r = 0; r < y.rows; ++r)
      kernels().add(gradient + begin, y.grad_row(r) + begin, gradient + begin, end - begin);
  });
}

// In the forward pass this was: y (+)= x W^T. With dy: dx (+)= dy W, dW += dy^T x.
void linear_backward(Workers workers, Tensor x, Tensor y, const Matrix& w) {
  if (x.grad) multiply_transposed(workers, grad_of(y), w, {}, grad_of(x), x.accumulate());
  if (w.grad()) accumulate_outer(workers, grad_of(y), {data_of(x)}, {}, w.grad());
}

}  // namespace

Tensor embed(Run& run, const Matrix& table) { return embed(run, table, run.batch.tokens()); }

Tensor embed(Run& run, const Matrix& table, std::span<const int> tokens) {
  const Zone zone("embed");
  const int rows = int(tokens.size());
  Tensor y = run.make(rows, table.cols);
  for_chunks(run.pool, rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      CHECK(tokens[size_t(t)] >= 0 && tokens[size_t(t)] < table.rows);
      const float* row = table.row(tokens[size_t(t)], y.row(t));
      if (row != y.row(t)) std::memcpy(y.row(t), row, sizeof(float) * size_t(y.cols));
    }
  });
  if (table.grad())
    run.record([y, grad = table.grad(), tokens = tokens.data(), pool = &run.pool] {
      if (!y.reached()) return;
      // Tokens repeat, so threads share columns, not rows: each element is one chain in row order.
      for_chunks(*pool, y.cols, 64, [&](int begin, int end, int) {
        for (int t = 0; t < y.rows; ++t) {
          float* g = grad + size_t(tokens[t]) * size_t(y.cols) + begin;
          kernels().add(g, y.grad_row(t) + begin, g, end - begin);
        }
      });
    });
  return y;
}

Input quantize(Run& run, Tensor x, std::initializer_list<const Linear*> readers) {
  Workers workers{&run.arena, &run.pool, run.exact};
  Input input = x;
  for (const Linear* reader : readers) {
    if (!reader->base || !reads_quantized(workers, *reader->base)) continue;
    input.quantized = quantize_rows(workers, data_of(x));
    break;
  }
  return input;
}

Tensor linear(Run& run, const Input& input, const Linear& projection) {
  const Zone zone("linear");
  const Tensor x = input.x;
  const Matrix& w = *projection.base;
  const Matrix* bias = projection.bias;
  CHECK_EQ(x.cols, w.cols);
  if (run.observer) run.observer->observe(w, x);
  Workers workers{&run.arena, &run.pool, run.exact};
  Tensor y = run.make(x.rows, w.rows);
  if (bias) {  // the chain of every output starts from its bias
    CHECK_EQ(bias->cols, w.rows);
    CHECK(bias->type == WeightType::f32);
    run.pool.run_here([&] {
      for (int t = 0; t < y.rows; ++t)
        std::memcpy(y.row(t), bias->f32(), sizeof(float) * size_t(y.cols));
    });
  }
  multiply(workers, {data_of(x), nullptr, input.quantized}, w, {}, data_of(y), bias != nullptr);
  add_low_rank(run, x, y, projection);
  run.record([x, y, &w, bias, workers] {
    if (!y.reached()) return;
    linear_backward(workers, x, y, w);
    if (bias && bias->grad()) accumulate_bias(*workers.pool, y, bias->grad());
  });
  return y;
}

Tensor add_linear(Run& run, Tensor residual, Tensor x, const Linear& projection) {
  const Zone zone("add_linear");
  const Matrix& w = *projection.base;
  CHECK(!projection.bias);
  CHECK_EQ(x.cols, w.cols);
  CHECK_EQ(residual.cols, w.rows);
  if (run.observer) run.observer->observe(w, x);
  Workers workers{&run.arena, &run.pool, run.exact};
  Tensor y = run.make_sum(residual);
  if (y.data != residual.data)
    for_chunks(run.pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t)
        std::memcpy(y.row(t), residual.row(t), sizeof(float) * size_t(y.cols));
    });
  multiply(workers, {data_of(x)}, w, {}, data_of(y), true);
  add_low_rank(run, x, y, projection);
  run.record([x, y, &w, workers] {
    if (y.reached()) linear_backward(workers, x, y, w);
  });
  return y;
}

}  // namespace weir
