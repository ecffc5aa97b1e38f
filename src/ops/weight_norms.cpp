#include "ops/weight_norms.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "ops/matmul.h"

namespace weir {
namespace {

constexpr int kRowGrain = 16;
constexpr double kLeast = 1e-30;  // a row of zeros has no direction

std::vector<float> squares_of_rows(ThreadPool& pool, const Matrix& w) {
  std::vector<float> squares(size_t(w.rows));
  for_chunks(pool, w.rows, kRowGrain, [&](int begin, int end, int) {
    std::vector<float> scratch(size_t(w.cols));
    for (int r = begin; r < end; ++r) {
      const float* row = w.row(r, scratch.data());
      double sum = 0;
      for (int c = 0; c < w.cols; ++c) sum += double(row[c]) * double(row[c]);
      squares[size_t(r)] = float(sum);
    }
  });
  return squares;
}

// A A^T, [rank][rank].
std::vector<double> products_of_rows(ThreadPool& pool, const Matrix& a) {
  const size_t rank = size_t(a.rows), cols = size_t(a.cols);
  std::vector<double> products(rank * rank);
  for_chunks(pool, a.rows, 1, [&](int begin, int, int) {
    const float* left = a.f32() + size_t(begin) * cols;
    for (size_t k = 0; k < rank; ++k) {
      const float* right = a.f32() + k * cols;
      double sum = 0;
      for (size_t c = 0; c < cols; ++c) sum += double(left[c]) * double(right[c]);
      products[size_t(begin) * rank + k] = sum;
    }
  });
  return products;
}

}  // namespace

void update_norms(ThreadPool& pool, const Matrix& base, LowRank& adapter) {
  CHECK_EQ(base.groups, 1);
  if (adapter.base_squares.empty()) adapter.base_squares = squares_of_rows(pool, base);
  const size_t rank = size_t(adapter.rank()), outputs = size_t(base.rows);
  const std::vector<double> squares = products_of_rows(pool, adapter.a);
  // A W^T: [rank][outputs].
  Arena arena((size_t(64) << 20) + rank * outputs * sizeof(float) * 4);
  const Rows cross{arena.floats(rank * outputs), outputs, int(rank), base.rows};
  Parameter* a = adapter.a.parameter;
  CHECK(a != nullptr);
  const Rows rows{a->data, size_t(base.cols), int(rank), base.cols};
  multiply({&arena, &pool, true}, {rows}, base, {}, cross, false);
  adapter.norms.resize(outputs);
  for_chunks(pool, base.rows, kRowGrain, [&](int begin, int end, int) {
    for (int o = begin; o < end; ++o) {
      const float* b = adapter.b.f32() + size_t(o) * rank;
      double linear = 0, square = 0;
      for (size_t k = 0; k < rank; ++k) {
        linear += double(b[k]) * double(cross.data[k * outputs + size_t(o)]);
        double inner = 0;
        for (size_t j = 0; j < rank; ++j) inner += squares[k * rank + j] * double(b[j]);
        square += double(b[k]) * inner;
      }
      const double scale = double(adapter.scale);
      const double sum =
          double(adapter.base_squares[size_t(o)]) + 2 * scale * linear + scale * scale * square;
      adapter.norms[size_t(o)] = float(std::sqrt(std::max(sum, kLeast)));
    }
  });
  float* magnitude = adapter.magnitude.parameter->data;
  if (std::all_of(magnitude, magnitude + outputs, [](float m) { return m == 0; }))
    std::copy(adapter.norms.begin(), adapter.norms.end(), magnitude);
}

}  // namespace weir
