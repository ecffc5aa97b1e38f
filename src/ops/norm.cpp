// RMS normalisation, and layer normalisation for the one place that has it.
#include <cmath>
#include <cstring>

#include "base/div_up.h"
#include "ops/encoder_ops.h"
#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

// Rows whose gain gradients are summed on their own; the partial sums are added in order of rows.
constexpr int kRowsPerPartial = 64;

// In the forward pass this was: y = x * r * gain (kernels.h, rms_norm_backward).
void rms_norm_backward(Workers workers, Tensor x, Tensor y, const Matrix& gain,
                       const float* inverse) {
  ArenaScope scope(*workers.arena);
  bool add = x.accumulate();
  int partials = div_up(x.rows, kRowsPerPartial);
  size_t width = size_t(x.cols);
  float* sums = workers.arena->floats(size_t(partials) * width);
  for_chunks(*workers.pool, x.rows, kRowsPerPartial, [&](int begin, int end, int) {
    float* sum = sums + size_t(begin / kRowsPerPartial) * width;
    std::memset(sum, 0, sizeof(float) * width);
    for (int t = begin; t < end; ++t)
      kernels().rms_norm_backward(x.row(t), gain.f32(), y.grad_row(t), inverse[t], x.grad_row(t),
                                  add, sum, x.cols);
  });
  if (!gain.grad()) return;
  for (int p = 0; p < partials; ++p)
    kernels().add(gain.grad(), sums + size_t(p) * width, gain.grad(), x.cols);
}

}  // namespace

void rms_norm_into(Run& run, Tensor x, const Matrix& gain, float epsilon, Tensor out) {
  const Zone zone("rms_norm");
  CHECK_EQ(x.cols, gain.cols);
  CHECK_EQ(x.cols, out.cols);
  CHECK(gain.type == WeightType::f32);
  float* inverse = run.arena.floats(size_t(x.rows));
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t)
      inverse[t] = kernels().rms_norm(x.row(t), gain.f32(), epsilon, out.row(t), x.cols);
  });
  run.record([x, out, inverse, &gain, workers = Workers{&run.arena, &run.pool}] {
    if (out.reached()) rms_norm_backward(workers, x, out, gain, inverse);
  });
}

Tensor rms_norm(Run& run, Tensor x, const Matrix& gain, float epsilon) {
  Tensor y = run.make(x.rows, x.cols);
  rms_norm_into(run, x, gain, epsilon, y);
  return y;
}

namespace {

// (x - mean(x)) / sqrt(variance(x) + epsilon) * gain + bias of one row, which may be `out`.
void layer_norm_row(const float* x, const Matrix& gain, const Matrix& bias, float epsilon,
                    float* out, int n) {
  const float mean = kernels().sum(x, n) / float(n);
  for (int c = 0; c < n; ++c) out[c] = x[c] - mean;
  const float variance = kernels().dot(out, out, n) / float(n);
  const float inverse = 1 / std::sqrt(variance + epsilon);
  for (int c = 0; c < n; ++c) out[c] = out[c] * inverse * gain.f32()[c] + bias.f32()[c];
}

void check_layer_norm(const Run& run, const Tensor& x, const Matrix& gain, const Matrix& bias) {
  CHECK(!run.tape);
  CHECK_EQ(x.cols, gain.cols);
  CHECK_EQ(x.cols, bias.cols);
  CHECK(gain.type == WeightType::f32 && bias.type == WeightType::f32);
}

}  // namespace

Tensor layer_norm(Run& run, Tensor x, const Matrix& gain, const Matrix& bias, float epsilon) {
  const Zone zone("layer_norm");
  check_layer_norm(run, x, gain, bias);
  Tensor y = run.make(x.rows, x.cols);
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t)
      layer_norm_row(x.row(t), gain, bias, epsilon, y.row(t), x.cols);
  });
  return y;
}

Tensor add_layer_norm(Run& run, Tensor residual, Tensor x, const Matrix& gain, const Matrix& bias,
                      float epsilon) {
  const Zone zone("add_layer_norm");
  check_layer_norm(run, x, gain, bias);
  CHECK_EQ(x.cols, residual.cols);
  CHECK_EQ(x.rows, residual.rows);
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      float* row = residual.row(t);
      kernels().add(row, x.row(t), row, x.cols);
      layer_norm_row(row, gain, bias, epsilon, row, x.cols);
    }
  });
  return residual;
}

}  // namespace weir
