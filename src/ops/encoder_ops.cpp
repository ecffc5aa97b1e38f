// Operations that only encoders (BERT) have. Inference only.
#include "ops/encoder_ops.h"

#include <algorithm>
#include <cmath>

#include "ops/matmul.h"

namespace weir {

Tensor embed_placed(Run& run, const Matrix& table, const Matrix& places, const Matrix& kind) {
  const Zone zone("embed_placed");
  CHECK(!run.tape);
  CHECK_EQ(places.cols, table.cols);
  CHECK_EQ(kind.cols, table.cols);
  CHECK(kind.type == WeightType::f32);
  Tensor y = embed(run, table);
  Tensor place = embed(run, places, run.batch.positions());
  for_chunks(run.pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      kernels().add(y.row(t), kind.f32(), y.row(t), y.cols);
      kernels().add(y.row(t), place.row(t), y.row(t), y.cols);
    }
  });
  return y;
}

namespace {

// Numbers of a row that are worked on together: what is between two loops stays in the cache.
constexpr int kStep = 256;

// Phi(-|x|) = erfc(z) / 2 with z = |x| / sqrt(2) and erfc(z) = t exp(-z^2 + P(t)), t = 1 / (1 + z /
// 2): Chebyshev fit of Press et al., Numerical Recipes, section 6.2, relative error below 1.2e-7.
void gelu_step(float* x, int n) {
  float t[kStep], tail[kStep];
  for (int i = 0; i < n; ++i) {
    const float z = std::fabs(x[i]) * 0.70710678f;
    t[i] = 1 / (1 + 0.5f * z);
    float p = 0.17087277f;
    for (const float c : {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f,
                          0.09678418f, 0.37409196f, 1.00002368f})
      p = p * t[i] + c;
    tail[i] = p * t[i] - 1.26551223f - z * z;
  }
  kernels().exp_sum(tail, 0, n);
  for (int i = 0; i < n; ++i) {
    const float less = 0.5f * t[i] * tail[i];
    x[i] *= x[i] < 0 ? less : 1 - less;
  }
}

}  // namespace

Tensor gelu(Run& run, Tensor x) {
  const Zone zone("gelu");
  CHECK(!run.tape);
  for_chunks(run.pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int r = begin; r < end; ++r)
      for (int c = 0; c < x.cols; c += kStep) gelu_step(x.row(r) + c, std::min(kStep, x.cols - c));
  });
  return x;
}

}  // namespace weir
