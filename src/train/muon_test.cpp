#include "train/muon.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

std::vector<float> random_matrix(int rows, int cols, uint64_t seed) {
  std::vector<float> x(size_t(rows) * size_t(cols));
  Random random(seed, 1);
  for (float& v : x) v = random.normal();
  return x;
}

// The same iteration in double, written plainly.
std::vector<double> reference(const std::vector<float>& input, int rows, int cols) {
  const bool flipped = rows > cols;
  const int n = flipped ? cols : rows, m = flipped ? rows : cols;
  std::vector<double> x(input.size());
  double norm = 0;
  for (float v : input) norm += double(v) * double(v);
  norm = std::sqrt(norm) + 1e-7;
  auto at = [&](int i, int j) -> double& { return x[size_t(i) * size_t(m) + size_t(j)]; };
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j)
      at(i, j) = double(input[flipped ? size_t(j) * size_t(cols) + size_t(i)
                                      : size_t(i) * size_t(cols) + size_t(j)]) /
                 norm;
  auto product = [](const std::vector<double>& a, const std::vector<double>& b, int r, int k,
                    int c) {
    std::vector<double> out(size_t(r) * size_t(c));
    for (int i = 0; i < r; ++i)
      for (int t = 0; t < k; ++t)
        for (int j = 0; j < c; ++j)
          out[size_t(i) * size_t(c) + size_t(j)] +=
              a[size_t(i) * size_t(k) + size_t(t)] * b[size_t(t) * size_t(c) + size_t(j)];
    return out;
  };
  for (int step = 0; step < 5; ++step) {
    std::vector<double> turned(x.size());
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < m; ++j) turned[size_t(j) * size_t(n) + size_t(i)] = at(i, j);
    std::vector<double> a = product(x, turned, n, m, n), aa = product(a, a, n, n, n);
    for (size_t i = 0; i < a.size(); ++i) a[i] = -4.7750 * a[i] + 2.0315 * aa[i];
    std::vector<double> bx = product(a, x, n, n, m);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 3.4445 * x[i] + bx[i];
  }
  std::vector<double> out(x.size());
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j)
      out[flipped ? size_t(j) * size_t(cols) + size_t(i) : size_t(i) * size_t(cols) + size_t(j)] =
          at(i, j);
  return out;
}

TEST(Muon, OrthogonalizeEqualsTheIterationInDouble) {
  ThreadPool pool(2);
  Buffer space(size_t(16) << 20);
  for (auto [rows, cols] :
       {std::pair{1, 1}, {2, 5}, {5, 2}, {33, 65}, {96, 31}, {64, 64}, {130, 200}})
    for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
      std::vector<float> x = random_matrix(rows, cols, uint64_t(rows * 1000 + cols));
      std::vector<double> expected = reference(x, rows, cols);
      orthogonalize(x.data(), rows, cols, with, space);
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_NEAR(x[i], expected[i], 2e-4) << rows << "x" << cols;
    }
}

TEST(Muon, SingularValuesComeNearOne) {
  // For any vector u in the row space, |u^T O| / |u| lies between the extreme singular values.
  Buffer space(size_t(16) << 20);
  const int rows = 32, cols = 128;
  std::vector<float> x = random_matrix(rows, cols, 3);
  orthogonalize(x.data(), rows, cols, nullptr, space);
  Random random(5, 5);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> u(rows), y(cols);
    double length = 0, image = 0;
    for (double& v : u) v = double(random.normal()), length += v * v;
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < cols; ++c) y[size_t(c)] += u[size_t(r)] * double(x[size_t(r * cols + c)]);
    for (double v : y) image += v * v;
    EXPECT_GT(std::sqrt(image / length), 0.6);
    EXPECT_LT(std::sqrt(image / length), 1.3);
  }
}

// Moonlight, eq. 4: 0.2 sqrt(max(rows, cols)), so that an update's entries have a size of 0.2
// whatever the shape.
TEST(Muon, F29UpdatesAreScaledByTheLargerSide) {
  ThreadPool pool(1);
  Buffer space(size_t(16) << 20);
  for (auto [rows, cols] : {std::pair{4, 64}, {64, 4}, {1, 100}, {16, 16}}) {
    const std::vector<float> gradient = random_matrix(rows, cols, 4);
    std::vector<float> weight(gradient.size()), momentum(gradient.size()), direction = gradient;
    orthogonalize(direction.data(), rows, cols, nullptr, space);
    Muon muon;
    muon.add({weight.data(), gradient.data(), momentum.data(), rows, cols});
    muon.update(pool, {0.1f, 0, 0, 1});
    const double scale = 0.2 * std::sqrt(rows > cols ? rows : cols);
    for (size_t i = 0; i < weight.size(); ++i)
      ASSERT_NEAR(weight[i], -0.1 * scale * double(direction[i]), 1e-5) << rows << "x" << cols;
  }
}

TEST(Muon, ZeroGradientStaysZero) {
  Buffer space(size_t(1) << 20);
  std::vector<float> x(12 * 20);
  orthogonalize(x.data(), 12, 20, nullptr, space);
  for (float v : x) EXPECT_EQ(v, 0);
}

TEST(Muon, LargeMatricesSharedAmongThreadsEqualOneThread) {
  const int rows = 600, cols = 500;  // beyond the size that one thread handles whole
  std::vector<float> gradient = random_matrix(rows, cols, 9);
  std::vector<float> w1(gradient.size()), m1(gradient.size()), w2 = w1, m2 = m1;
  ThreadPool one(1), three(3);
  Muon a, b;
  a.add({w1.data(), gradient.data(), m1.data(), rows, cols});
  b.add({w2.data(), gradient.data(), m2.data(), rows, cols});
  a.update(one, {0.1f, 0.95f, 0.1f, 1});
  b.update(three, {0.1f, 0.95f, 0.1f, 1});
  EXPECT_EQ(w1, w2);
  EXPECT_EQ(m1, m2);
}

}  // namespace
}  // namespace weir
