// Rows of several adapters and of none in one pass have the bits that they have alone.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "base/random.h"
#include "ops/ops.h"
#include "tensor/packed.h"
#include "testing/stored_support.h"

namespace weir {
namespace {

constexpr int kInputs = 96, kOutputs = 70, kExperts = 5, kInner = 32, kRows = 61;

std::vector<float> normals_of(uint64_t stream, size_t count) {
  Random random(23, stream);
  std::vector<float> values(count);
  for (float& x : values) x = random.normal();
  return values;
}

// A matrix of its own numbers, packed.
class Owned {
 public:
  Owned(uint64_t stream, int rows, int cols, int groups)
      : values_(normals_of(stream, size_t(rows) * size_t(cols))), packed_(matrix, false) {
    matrix.rows = rows, matrix.cols = cols, matrix.groups = groups;
    for (int g = 0; g < groups; ++g)
      matrix.parts.push_back(values_.data() + size_t(g) * size_t(rows / groups) * size_t(cols));
    ThreadPool pool(1);
    packed_.pack(pool);
    matrix.packed = &packed_;
  }
  Matrix matrix;

 private:
  std::vector<float> values_;
  Packed packed_;
};

// Adapters of other ranks; the second leaves the projection alone, the fourth has magnitudes (DoRA)
// where it is no projection of experts.
class Adapters {
 public:
  Adapters(int outputs, int inputs, int groups, uint64_t stream) {
    for (int rank : {4, 33}) {
      const Owned& a = owned_.emplace_back(stream++, groups * rank, inputs, groups);
      const Owned& b = owned_.emplace_back(stream++, groups * outputs, rank, groups);
      low_rank_.push_back({a.matrix, b.matrix, 0.25f});
    }
    set.of = {&low_rank_[0], nullptr, &low_rank_[1], nullptr};
    if (groups > 1) return;
    const Owned& magnitude = owned_.emplace_back(stream++, 1, outputs, 1);
    LowRank& directed = low_rank_.emplace_back(low_rank_[0]);
    directed.magnitude = magnitude.matrix;
    directed.norms = normals_of(stream++, size_t(outputs));
    for (float& norm : directed.norms) norm = 2 + norm * norm;
    set.of[3] = &directed;
  }
  LowRankSet set;

 private:
  std::deque<Owned> owned_;
  std::deque<LowRank> low_rank_;
};

struct Model {
  testing::StoredWeight plain{WeightType::q4_0, 1, kOutputs, kInputs};
  testing::StoredWeight up{WeightType::q8_0, kExperts, kInner, kInputs};
  testing::StoredWeight down{WeightType::q8_0, kExperts, kOutputs, kInner};
  Adapters of_plain{kOutputs, kInputs, 1, 10}, of_up{kInner, kInputs, kExperts, 20},
      of_down{kOutputs, kInner, kExperts, 30};

  static Linear projection(const Matrix& base, const Adapters& adapters) {
    Linear linear(base);
    linear.adapters = &adapters.set;
    return linear;
  }
  // Both kinds of projection of rows [begin, begin + count), [count][outputs] twice.
  std::vector<float> run(int begin, int count, AdapterUse use, bool exact, int threads) const {
    Arena arena(size_t(1) << 28);
    ThreadPool pool(threads);
    std::vector<int> zeros(static_cast<size_t>(count), 0), positions(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) positions[size_t(i)] = i;
    const Batch batch(zeros, positions, zeros);
    Run run{arena, pool, batch};
    run.exact = exact;
    run.adapters = use;
    Tensor x = run.make(count, kInputs), logits = run.make(count, kExperts);
    const std::vector<float> all = normals_of(1, size_t(kRows) * kInputs);
    const std::vector<float> scores = normals_of(2, size_t(kRows) * kExperts);
    std::copy_n(all.data() + size_t(begin) * kInputs, size_t(count) * kInputs, x.data);
    std::copy_n(scores.data() + size_t(begin) * kExperts, size_t(count) * kExperts, logits.data);
    Tensor y = linear(run, x, projection(plain.weight, of_plain));
    const Routing routing =
        route(run, logits, nullptr,
              {.kind = GateKind::sigmoid, .experts = kExperts, .per_token = 2, .scale = 1.5f});
    Tensor inner = expert_linear_gather(run, x, routing, projection(up.weight, of_up));
    Tensor parts = expert_linear(run, inner, routing, projection(down.weight, of_down));
    Tensor zero = run.make(count, kOutputs);
    std::memset(zero.data, 0, sizeof(float) * size_t(count) * kOutputs);
    Tensor z = combine(run, zero, parts, routing);
    std::vector<float> result(y.data, y.data + size_t(count) * kOutputs);
    result.insert(result.end(), z.data, z.data + size_t(count) * kOutputs);
    return result;
  }
};

// Of one kind of projection, of rows [begin, begin + count).
std::vector<float> cut(const std::vector<float>& result, int which, int rows, int begin,
                       int count) {
  const float* from = result.data() + (size_t(which) * size_t(rows) + size_t(begin)) * kOutputs;
  return {from, from + size_t(count) * kOutputs};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(LowRank, RowsOfSeveralAdaptersInOneBatchEqualThoseAloneBitForBit) {
  const Model model;
  struct Part {
    int begin, count, adapter;
  };
  const std::vector<Part> parts = {{0, 1, 2},  {1, 20, 0}, {21, 3, AdapterUse::kNone},
                                   {24, 5, 1}, {29, 4, 3}, {33, 1, 0},
                                   {34, 27, 2}};
  std::vector<int> of_row;
  for (const Part& part : parts) of_row.insert(of_row.end(), size_t(part.count), part.adapter);
  ASSERT_EQ(of_row.size(), size_t(kRows));
  for (const bool exact : {true, false}) {
    AdapterUse mixed;
    mixed.rows = of_row;
    const std::vector<float> together = model.run(0, kRows, mixed, exact, 3);
    for (const Part& part : parts)
      for (const int threads : {1, 2}) {
        AdapterUse alone;
        alone.all = part.adapter;
        const std::vector<float> own = model.run(part.begin, part.count, alone, exact, threads);
        for (const int which : {0, 1})
          EXPECT_TRUE(same_bits(cut(together, which, kRows, part.begin, part.count),
                                cut(own, which, part.count, 0, part.count)))
              << "rows from " << part.begin << ", kind " << which << ", exact " << exact;
      }
  }
}

TEST(LowRank, ChangesExactlyTheRowsThatHaveAnAdapterOfTheProjection) {
  const Model model;
  AdapterUse none, of_no_use, first;
  none.all = AdapterUse::kNone, of_no_use.all = 1, first.all = 0;
  const std::vector<float> plain = model.run(0, kRows, none, true, 1);
  EXPECT_TRUE(same_bits(plain, model.run(0, kRows, of_no_use, true, 1)));
  const std::vector<float> changed = model.run(0, kRows, first, true, 1);
  for (size_t i = 0; i < plain.size(); ++i) ASSERT_NE(plain[i], changed[i]) << i;
}

// The definition of DoRA: m / norm (W x + scale B A x), of what the first adapter gives.
TEST(LowRank, MagnitudesAreTheLengthsOfTheRows) {
  const Model model;
  AdapterUse first, directed;
  first.all = 0, directed.all = 3;
  const std::vector<float> plain = cut(model.run(0, kRows, first, true, 1), 0, kRows, 0, kRows);
  const std::vector<float> scaled = cut(model.run(0, kRows, directed, true, 1), 0, kRows, 0, kRows);
  const LowRank& low_rank = *model.of_plain.set.of[3];
  for (size_t i = 0; i < plain.size(); ++i) {
    const size_t n = i % kOutputs;
    const double gain = double(low_rank.magnitude.f32()[n]) / double(low_rank.norms[n]);
    ASSERT_NEAR(double(scaled[i]), gain * double(plain[i]), 1e-4 * (1 + std::fabs(plain[i])));
  }
}

// The definition, in f64: y + scale B A x.
TEST(LowRank, EqualsTheDefinition) {
  const Model model;
  AdapterUse none, second;
  none.all = AdapterUse::kNone, second.all = 2;
  const std::vector<float> plain = cut(model.run(0, kRows, none, true, 1), 0, kRows, 0, kRows);
  const std::vector<float> changed = cut(model.run(0, kRows, second, true, 1), 0, kRows, 0, kRows);
  const std::vector<float> x = normals_of(1, size_t(kRows) * kInputs);
  const LowRank& low_rank = *model.of_plain.set.of[2];
  for (int r = 0; r < kRows; ++r)
    for (int n = 0; n < kOutputs; ++n) {
      double sum = 0, size = 0;
      for (int k = 0; k < low_rank.rank(); ++k) {
        double inner = 0;
        for (int i = 0; i < kInputs; ++i)
          inner += double(x[size_t(r) * kInputs + size_t(i)]) *
                   double(low_rank.a.f32()[size_t(k) * kInputs + size_t(i)]);
        const double term = inner * double(low_rank.b.f32()[n * low_rank.rank() + k]) * 0.25;
        sum += term, size += std::fabs(term);
      }
      const size_t at = size_t(r) * kOutputs + size_t(n);
      // A chain of 33 additions over sums of 96: rounding grows with the size of the terms.
      ASSERT_NEAR(double(changed[at]), double(plain[at]) + sum, 1e-5 * (size + 1));
    }
}

}  // namespace
}  // namespace weir
