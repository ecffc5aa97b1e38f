// Manifold-constrained hyper-connections (mHC; Xie et al. 2026; DeepSeek-V4, section 2.2): the
// residual is n streams, [tokens, n * hidden], stream after stream. Every part of a block reads one
// mixture of them, and what it returns is added to another mixture.
#pragma once
#include "ops/ops.h"

namespace weir {

struct StreamShape {
  int streams = 0;
  int iterations = 0;  // of Sinkhorn and Knopp
  float epsilon = 0;
  bool reads_only = false;  // `pre` alone: where the streams end
  int mixes() const { return reads_only ? streams : (2 + streams) * streams; }
};

// y = x / sqrt(mean(x^2) + epsilon): an RMS norm without a gain.
Tensor unit_norm(Run& run, Tensor x, float epsilon);

// n copies of every row: how the streams begin.
Tensor repeat_streams(Run& run, Tensor x, int streams);

// The coefficients of a part, [tokens, (2 + n) n] = pre [n] | post [n] | comb [n][n], from scores m
// of the same shape; base like a row of m, scale [3], or [1] where `pre` is all.
//   pre = sigmoid(m scale0 + base) + epsilon,   post = 2 sigmoid(m scale1 + base),
//   comb = softmax over its rows of (m scale2 + base), + epsilon, then columns, and `iterations` -
//   1 times rows and columns, are divided by their sums + epsilon: nearly doubly stochastic.
Tensor stream_coefficients(Run& run, Tensor m, const Matrix& base, const Matrix& scale,
                           const StreamShape& shape);

// y[t] = sum over streams i of pre[t][i] * x[t][i], [tokens, hidden]; pre: the first n columns.
Tensor collapse_streams(Run& run, Tensor x, Tensor coefficients, int streams);

// x'[t][k] = post[t][k] * y[t] + sum over j of comb[t][j][k] * x[t][j]. Without a tape in place:
// after the call use the result, never x.
Tensor expand_streams(Run& run, Tensor x, Tensor y, Tensor coefficients, int streams);

// y = W_g x_g for groups g of columns: w has one group of rows for each (DeepSeek-V4,
// section 2.3.1, grouped output projection). [tokens, groups * group rows]
Tensor grouped_linear(Run& run, Tensor x, const Linear& w);

// Zeros with a gradient.
Tensor zeros(Run& run, int rows, int cols);

}  // namespace weir
