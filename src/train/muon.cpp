#include "train/muon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/div_up.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

constexpr int kSteps = 5;
constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
// Matrices below this many elements are handled whole by one thread, so that a layer's experts run
// side by side; larger ones one after the other, their rows shared among the threads.
constexpr size_t kWholeMatrix = size_t(1) << 18;

size_t padded(size_t floats) { return (floats + 15) / 16 * 16; }

// `small` rows by `large` columns, small <= large.
struct Space {
  float *x, *next, *square, *polynomial, *panels, *scratch;
  static size_t floats(size_t small, size_t large, size_t threads) {
    return 2 * padded(small * large) + 2 * padded(small * small) +
           padded(round_up(small, kPanel) * large) + threads * kGemmScratch;
  }
  Space(float* at, size_t small, size_t large) {
    x = at;
    next = x + padded(small * large);
    square = next + padded(small * large);
    polynomial = square + padded(small * small);
    panels = polynomial + padded(small * small);
    scratch = panels + padded(round_up(small, kPanel) * large);
  }
};

// out (+)= left right for row-major operands, rows shared among the threads.
struct Product {
  const float* left;
  const float* right;
  size_t panel_stride, inner_stride;
  float* out;
  int rows, cols, inner;
  bool accumulate;
};

void multiply(const Product& p, ThreadPool* pool, float* scratch) {
  const int threads = pool ? pool->threads() : 1;
  const int part = std::max(16, (p.rows + 2 * threads - 1) / (2 * threads));
  auto body = [&](int task, int thread) {
    const int begin = task * part, count = std::min(part, p.rows - begin);
    Gemm g{};
    g.left = p.left + size_t(begin) * size_t(p.inner);
    g.left_row = size_t(p.inner);
    g.left_inner = 1;
    g.panels = p.right;
    g.panel_stride = p.panel_stride;
    g.inner_stride = p.inner_stride;
    g.out = p.out + size_t(begin) * size_t(p.cols);
    g.out_row = size_t(p.cols);
    g.rows = count;
    g.cols = p.cols;
    g.inner = p.inner;
    g.accumulate = p.accumulate;
    g.scratch = scratch + size_t(thread) * kGemmScratch;
    kernels().gemm(g);
  };
  const int tasks = div_up(p.rows, part);
  if (pool)
    pool->parallel_for(tasks, body);
  else
    for (int task = 0; task < tasks; ++task) body(task, 0);
}

void newton_schulz(Space& s, int small, int large, ThreadPool* pool) {
  const size_t squared = size_t(small) * size_t(small), size = size_t(small) * size_t(large);
  for (int step = 0; step < kSteps; ++step) {
    // square = X X^T
    kernels().pack_transposed(s.x, size_t(large), small, large, s.panels);
    multiply({s.x, s.panels, size_t(large) * kPanel, kPanel, s.square, small, small, large, false},
             pool, s.scratch);
    // polynomial = b square + c square square
    for (size_t i = 0; i < squared; ++i) s.polynomial[i] = kB / kC * s.square[i];
    multiply({s.square, s.square, kPanel, size_t(small), s.polynomial, small, small, small, true},
             pool, s.scratch);
    kernels().scale(kC, s.polynomial, s.polynomial, int(squared));
    // X = a X + polynomial X
    for (size_t i = 0; i < size; ++i) s.next[i] = kA * s.x[i];
    multiply({s.polynomial, s.x, kPanel, size_t(large), s.next, small, large, small, true}, pool,
             s.scratch);
    std::swap(s.x, s.next);
  }
}

double frobenius(const float* x, size_t n) {
  double lanes[8] = {};
  for (size_t i = 0; i < n; ++i) lanes[i % 8] += double(x[i]) * double(x[i]);
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return std::sqrt(sum);
}

void reserve(Buffer& buffer, size_t floats) {
  if (buffer.size() < floats * sizeof(float)) buffer = Buffer(floats * sizeof(float));
}

void update_one(const MuonMatrix& m, const Muon::Step& step, ThreadPool* pool, Buffer& workspace) {
  const size_t n = size_t(m.rows) * size_t(m.cols);
  // The direction stands behind the workspace of orthogonalize().
  const size_t small = size_t(std::min(m.rows, m.cols)), large = size_t(std::max(m.rows, m.cols));
  const size_t space = Space::floats(small, large, pool ? size_t(pool->threads()) : 1);
  reserve(workspace, space + n);
  float* direction = workspace.floats() + space;
  for (size_t i = 0; i < n; ++i) {
    const float g = step.gradient_scale * m.gradient[i];
    m.momentum[i] = step.momentum * m.momentum[i] + g;
    direction[i] = g + step.momentum * m.momentum[i];
  }
  orthogonalize(direction, m.rows, m.cols, pool, workspace);
  const float scale = 0.2f * std::sqrt(float(large));
  for (size_t i = 0; i < n; ++i)
    m.weight[i] -= step.lr * (scale * direction[i] + step.weight_decay * m.weight[i]);
}

}  // namespace

void orthogonalize(float* x, int rows, int cols, ThreadPool* pool, Buffer& workspace) {
  const int small = std::min(rows, cols), large = std::max(rows, cols);
  const size_t n = size_t(rows) * size_t(cols);
  const size_t threads = pool ? size_t(pool->threads()) : 1;
  CHECK_LE(Space::floats(size_t(small), size_t(large), threads) * sizeof(float), workspace.size());
  Space s(workspace.floats(), size_t(small), size_t(large));
  // The first step needs singular values of at most 1; the Frobenius norm is no smaller than the
  // largest.
  const float inverse = float(1 / (frobenius(x, n) + 1e-7));
  const bool flipped = rows > cols;
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < cols; ++c)
      s.x[flipped ? size_t(c) * size_t(rows) + size_t(r) : size_t(r) * size_t(cols) + size_t(c)] =
          inverse * x[size_t(r) * size_t(cols) + size_t(c)];
  newton_schulz(s, small, large, pool);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < cols; ++c)
      x[size_t(r) * size_t(cols) + size_t(c)] = s.x[flipped ? size_t(c) * size_t(rows) + size_t(r)
                                                            : size_t(r) * size_t(cols) + size_t(c)];
}

void Muon::update(ThreadPool& pool, const Step& step) {
  workspace_.resize(size_t(pool.threads()));
  std::vector<const MuonMatrix*> whole;
  for (const MuonMatrix& m : matrices_) {
    if (size_t(m.rows) * size_t(m.cols) < kWholeMatrix)
      whole.push_back(&m);
    else
      update_one(m, step, &pool, workspace_[0]);
  }
  pool.parallel_for(int(whole.size()), [&](int i, int thread) {
    update_one(*whole[size_t(i)], step, nullptr, workspace_[size_t(thread)]);
  });
}

}  // namespace weir
