// The coefficients of hyper-connections: nearly doubly stochastic matrices by Sinkhorn's
// iterations, and their backward, which goes through every iteration (hyper_ops.h).
#include <algorithm>
#include <cstring>

#include "ops/hyper_ops.h"
#include "ops/matmul.h"

namespace weir {
namespace {

constexpr int kRowsPerPartial = 64;
constexpr int kStreamsMost = 8;
constexpr int kSquareMost = kStreamsMost * kStreamsMost;

float sigmoid(float x) {
  float y;
  kernels().sigmoid(&x, &y, 1);
  return y;
}

// One matrix on its way to be doubly stochastic. Iterations alternate columns and rows, columns
// first and last.
class Sinkhorn {
 public:
  Sinkhorn(const StreamShape& shape) : n_(shape.streams), shape_(shape) {}
  int steps() const { return 2 * shape_.iterations - 1; }

  // c: [n][n] after the softmax and epsilon. Every step's sums, with epsilon, go to `sums` where it
  // is not null ([steps][n]), and every step's result to `kept` ([steps][n * n]).
  void run(float* c, float* sums, float* kept) const {
    for (int step = 0; step < steps(); ++step) {
      float total[kStreamsMost];
      for (int a = 0; a < n_; ++a) {
        total[a] = shape_.epsilon;
        float sum = 0;
        for (int b = 0; b < n_; ++b) sum += at(c, step, a, b);
        total[a] += sum;
      }
      for (int a = 0; a < n_; ++a)
        for (int b = 0; b < n_; ++b) at(c, step, a, b) /= total[a];
      if (sums) std::copy_n(total, n_, sums + step * n_);
      if (kept) std::copy_n(c, n_ * n_, kept + step * n_ * n_);
    }
  }
  // d: gradient of the result, becomes the one of the beginning. In the forward pass this was:
  // out = in / s, s = epsilon + sum of in over the line.
  void run_back(float* d, const float* sums, const float* kept) const {
    for (int step = steps() - 1; step >= 0; --step) {
      const float* out = kept + step * n_ * n_;
      for (int a = 0; a < n_; ++a) {
        float mixed = 0;
        for (int b = 0; b < n_; ++b) mixed += at(d, step, a, b) * at(out, step, a, b);
        for (int b = 0; b < n_; ++b)
          at(d, step, a, b) = (at(d, step, a, b) - mixed) / sums[step * n_ + a];
      }
    }
  }

 private:
  // Element b of line a: a column in even steps, else a row.
  template <class T>
  T& at(T* c, int step, int a, int b) const {
    return step % 2 == 0 ? c[b * n_ + a] : c[a * n_ + b];
  }
  int n_;
  const StreamShape& shape_;
};

struct CoefficientState {
  Tensor m, out;
  const Matrix *base, *scale;
  StreamShape shape;
};

// Softmax of each row of comb, plus epsilon; `soft` (may be null) without.
void soften(const StreamShape& shape, const float* m, const float* base, float scale, float* comb,
            float* soft) {
  const int n = shape.streams;
  for (int j = 0; j < n; ++j) {
    float* row = comb + j * n;
    for (int k = 0; k < n; ++k) row[k] = m[j * n + k] * scale + base[j * n + k];
    const float sum = kernels().exp_sum(row, kernels().max(row, n), n);
    for (int k = 0; k < n; ++k) {
      row[k] /= sum;
      if (soft) soft[j * n + k] = row[k];
      row[k] += shape.epsilon;
    }
  }
}

void coefficients_of_row(const CoefficientState& s, int t) {
  const int n = s.shape.streams;
  const float *m = s.m.row(t), *base = s.base->f32(), *scale = s.scale->f32();
  float* out = s.out.row(t);
  for (int i = 0; i < n; ++i) out[i] = sigmoid(m[i] * scale[0] + base[i]) + s.shape.epsilon;
  if (s.shape.reads_only) return;
  for (int i = n; i < 2 * n; ++i) out[i] = 2 * sigmoid(m[i] * scale[1] + base[i]);
  soften(s.shape, m + 2 * n, base + 2 * n, scale[2], out + 2 * n, nullptr);
  Sinkhorn(s.shape).run(out + 2 * n, nullptr, nullptr);
}

// d: gradient of scaled scores m scale + base of one row. `room`: for the steps of Sinkhorn.
void scores_backward(const CoefficientState& s, int t, float* d, float* room) {
  const int n = s.shape.streams, square = n * n;
  const float *m = s.m.row(t), *out = s.out.row(t), *dout = s.out.grad_row(t);
  for (int i = 0; i < n; ++i) {
    const float p = out[i] - s.shape.epsilon;
    d[i] = dout[i] * p * (1 - p);
  }
  if (s.shape.reads_only) return;
  for (int i = n; i < 2 * n; ++i) {
    const float p = out[i] / 2;
    d[i] = dout[i] * 2 * p * (1 - p);
  }
  const Sinkhorn sinkhorn(s.shape);
  float c[kSquareMost], soft[kSquareMost];
  float *sums = room, *kept = room + sinkhorn.steps() * n;
  soften(s.shape, m + 2 * n, s.base->f32() + 2 * n, s.scale->f32()[2], c, soft);
  sinkhorn.run(c, sums, kept);
  float* dc = d + 2 * n;
  std::copy_n(dout + 2 * n, square, dc);
  sinkhorn.run_back(dc, sums, kept);
  for (int j = 0; j < n; ++j) {
    float total = 0;
    for (int k = 0; k < n; ++k) total += dc[j * n + k] * soft[j * n + k];
    for (int k = 0; k < n; ++k) dc[j * n + k] = soft[j * n + k] * (dc[j * n + k] - total);
  }
}

// Which of the three scales a column has.
int scale_of(const StreamShape& shape, int column) {
  return column < shape.streams ? 0 : column < 2 * shape.streams ? 1 : 2;
}

void coefficients_backward(Workers workers, const CoefficientState& s) {
  const int width = s.shape.mixes(), rows = s.m.rows;
  const bool add = s.m.accumulate();
  ArenaScope scope(*workers.arena);
  float* d = workers.arena->floats(size_t(rows) * size_t(width));
  const size_t room = size_t(2 * s.shape.iterations) * size_t(kSquareMost + kStreamsMost);
  float* rooms = workers.arena->floats(room * size_t(workers.pool->threads()));
  for_chunks(*workers.pool, rows, kRowsPerPartial, [&](int begin, int end, int thread) {
    for (int t = begin; t < end; ++t) {
      float* row = d + size_t(t) * size_t(width);
      scores_backward(s, t, row, rooms + room * size_t(thread));
      for (int i = 0; i < width; ++i) {
        const float slope = row[i] * s.scale->f32()[scale_of(s.shape, i)];
        s.m.grad_row(t)[i] = add ? s.m.grad_row(t)[i] + slope : slope;
      }
    }
  });
  for (int t = 0; t < rows; ++t) {  // in order of rows, whatever the threads
    const float* row = d + size_t(t) * size_t(width);
    for (int i = 0; i < width; ++i) {
      if (s.base->grad()) s.base->grad()[i] += row[i];
      if (s.scale->grad()) s.scale->grad()[scale_of(s.shape, i)] += row[i] * s.m.row(t)[i];
    }
  }
}

}  // namespace

Tensor stream_coefficients(Run& run, Tensor m, const Matrix& base, const Matrix& scale,
                           const StreamShape& shape) {
  const Zone zone("stream_coefficients");
  CHECK_EQ(m.cols, shape.mixes());
  CHECK_EQ(base.cols, m.cols);
  CHECK_EQ(scale.cols, shape.reads_only ? 1 : 3);
  CHECK_LE(shape.streams, kStreamsMost);
  const CoefficientState state{m, run.make(m.rows, m.cols), &base, &scale, shape};
  for_chunks(run.pool, m.rows, kRowsPerPartial, [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) coefficients_of_row(state, t);
  });
  run.record([state, workers = Workers{&run.arena, &run.pool}] {
    if (state.out.reached()) coefficients_backward(workers, state);
  });
  return state.out;
}

}  // namespace weir
