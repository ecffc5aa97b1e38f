// The operations of encoders against plain loops in double precision.
#include "ops/encoder_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

using Pass = Run;  // fixtures have a Run of their own

struct EncoderOps : testing::Test {
  Arena arena{size_t(1) << 28};
  ThreadPool pool{3};
  std::vector<int> tokens, positions, sequences;
  Batch batch;

  void set_texts(const std::vector<int>& lengths) {
    tokens.clear(), positions.clear(), sequences.clear();
    for (size_t s = 0; s < lengths.size(); ++s)
      for (int t = 0; t < lengths[s]; ++t) {
        tokens.push_back((t * 7 + 3 + int(s)) % 11);
        positions.push_back(t);
        sequences.push_back(int(s));
      }
    batch = Batch(tokens, positions, sequences);
  }
  Tensor random_tensor(Pass& run, int rows, int cols, uint64_t stream, float spread = 1) {
    Tensor t = run.make(rows, cols);
    Random random(5, stream);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < cols; ++c) t.row(r)[c] = spread * random.normal();
    return t;
  }
};

Matrix matrix_of(const std::vector<float>& values, int rows, int cols) {
  Matrix m;
  m.rows = rows, m.cols = cols;
  m.parts = {values.data()};
  return m;
}

TEST_F(EncoderOps, GeluIsXTimesTheNormalDistribution) {
  set_texts({4});
  Pass run{arena, pool, batch};
  Tensor x = run.make(4, 1001);
  for (int i = 0; i < 4004; ++i) x.data[i] = float(i - 2002) * 0.005f;
  std::vector<float> before(x.data, x.data + 4004);
  const Tensor y = gelu(run, x);
  for (int i = 0; i < 4004; ++i) {
    const double in = double(before[size_t(i)]);
    const double wanted = in * 0.5 * std::erfc(-in / std::sqrt(2.0));
    // Relative to the value, also far out, where it is tiny: exp's argument is x^2 / 2 with an
    // error of three roundings of float, 9e-8 x^2.
    EXPECT_NEAR(y.data[i], wanted, (1e-6 + 1e-7 * in * in) * std::fabs(wanted) + 1e-30) << in;
  }
  EXPECT_EQ(y.data[2002], 0);
}

TEST_F(EncoderOps, NormOfTheSumIsWrittenIntoTheResidual) {
  set_texts({5});
  Pass run{arena, pool, batch};
  const int width = 37;
  std::vector<float> gain(width), bias(width);
  for (int c = 0; c < width; ++c)
    gain[size_t(c)] = 0.5f + 0.03f * float(c), bias[size_t(c)] = 0.1f * float(c % 5);
  Tensor residual = random_tensor(run, 5, width, 1, 2), x = random_tensor(run, 5, width, 2);
  std::vector<double> sum;
  for (int i = 0; i < 5 * width; ++i) sum.push_back(double(residual.data[i]) + double(x.data[i]));
  const Tensor y = add_layer_norm(run, residual, x, matrix_of(gain, 1, width),
                                  matrix_of(bias, 1, width), 1e-12f);
  EXPECT_EQ(y.data, residual.data);
  for (int r = 0; r < 5; ++r) {
    const double* row = sum.data() + r * width;
    const double mean = std::accumulate(row, row + width, 0.0) / width;
    double variance = 0;
    for (int c = 0; c < width; ++c) variance += (row[c] - mean) * (row[c] - mean) / width;
    for (int c = 0; c < width; ++c)
      EXPECT_NEAR(
          y.row(r)[c],
          (row[c] - mean) / std::sqrt(variance) * double(gain[size_t(c)]) + double(bias[size_t(c)]),
          1e-5);
  }
}

AttentionShape all_seeing(int heads, int own) {
  return {.heads = heads,
          .kv_heads = heads,
          .own = own,
          .shared = 0,
          .value = own,
          .key_step = own,
          .value_step = own,
          .value_offset = 0,
          .scale = 0.35f,
          .layer = 0};
}

TEST_F(EncoderOps, AttentionThatSeesAheadSeesTheWholeText) {
  const int heads = 3, own = 10;
  set_texts({1, 70, 33});  // 70: more than one tile of queries and of keys
  Pass run{arena, pool, batch};
  const int rows = batch.size();
  const Tensor q = random_tensor(run, rows, heads * own, 1),
               k = random_tensor(run, rows, heads * own, 2),
               v = random_tensor(run, rows, heads * own, 3);
  const Tensor y = attend_all(run, q, k, v, all_seeing(heads, own));
  for (const Segment& s : batch.segments())
    for (int t = s.begin; t < s.begin + s.count; ++t)
      for (int h = 0; h < heads; ++h) {
        std::vector<double> p;
        double sum = 0;
        for (int u = s.begin; u < s.begin + s.count; ++u) {
          double dot = 0;
          for (int c = 0; c < own; ++c)
            dot += double(q.row(t)[h * own + c]) * double(k.row(u)[h * own + c]);
          p.push_back(std::exp(0.35 * dot));
          sum += p.back();
        }
        for (int c = 0; c < own; ++c) {
          double wanted = 0;
          for (int u = 0; u < s.count; ++u)
            wanted += p[size_t(u)] / sum * double(v.row(s.begin + u)[h * own + c]);
          EXPECT_NEAR(y.row(t)[h * own + c], wanted, 2e-5);
        }
      }
}

TEST_F(EncoderOps, AttentionOfATextHasTheSameBitsBesideOthers) {
  const int heads = 2, own = 8;
  const AttentionShape shape = all_seeing(heads, own);
  set_texts({45, 20, 64});
  Pass run{arena, pool, batch};
  const Tensor q = random_tensor(run, 129, heads * own, 1),
               k = random_tensor(run, 129, heads * own, 2),
               v = random_tensor(run, 129, heads * own, 3);
  const Tensor all = attend_all(run, q, k, v, shape);
  std::vector<float> kept(all.row(45), all.row(65));
  set_texts({20});
  ThreadPool one{1};
  Pass alone{arena, one, batch};
  const auto part = [](Tensor t) {
    t.data = t.row(45);
    t.rows = 20;
    return t;
  };
  const Tensor y = attend_all(alone, part(q), part(k), part(v), shape);
  EXPECT_EQ(std::memcmp(y.data, kept.data(), kept.size() * sizeof(float)), 0);
}

TEST_F(EncoderOps, EmbeddingsAddWordPlaceAndKind) {
  set_texts({3, 2});
  Pass run{arena, pool, batch};
  const int width = 6;
  std::vector<float> words(11 * width), places(4 * width), kind(width);
  std::iota(words.begin(), words.end(), 0.f);
  std::iota(places.begin(), places.end(), 1000.f);
  std::iota(kind.begin(), kind.end(), 5000.f);
  const Tensor y = embed_placed(run, matrix_of(words, 11, width), matrix_of(places, 4, width),
                                matrix_of(kind, 1, width));
  for (int r = 0; r < 5; ++r)
    for (int c = 0; c < width; ++c)
      EXPECT_EQ(y.row(r)[c], words[size_t(tokens[size_t(r)] * width + c)] +
                                 places[size_t(positions[size_t(r)] * width + c)] +
                                 kind[size_t(c)]);
}

}  // namespace
}  // namespace weir
