// Products with weights as they are stored: the same bits for one row and many, alone and in
// groups, on any number of threads, and those of the scalar kernels; with exact and with quantized
// activations.
#include "ops/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/ops.h"
#include "tensor/panels.h"
#include "testing/stored_support.h"

namespace weir {
namespace {

using testing::StoredWeight;

constexpr WeightType kTypes[] = {WeightType::q8_0,   WeightType::q4_1,   WeightType::q4_k,
                                 WeightType::q6_k,   WeightType::iq4_xs, WeightType::bf16,
                                 WeightType::f8_e4m3};
constexpr int kGroups = 5, kOutputs = 70, kInner = 512, kSources = 40;
// Rows of the groups in out: one, none, many.
constexpr int kBegin[kGroups + 1] = {0, 1, 1, 300, 307, 340};
constexpr int kRows = kBegin[kGroups];

std::vector<float> normals(size_t n, uint64_t stream) {
  Random random(72, stream);
  std::vector<float> x(n);
  for (float& v : x) v = random.normal();
  return x;
}

struct Source {
  std::vector<float> values;
  std::vector<int> gather;
  explicit Source(int rows) : values(normals(size_t(rows) * kInner, 1)), gather(kRows) {
    for (size_t i = 0; i < gather.size(); ++i) gather[i] = int(i * 7 % kSources);
  }
  Rows rows() { return {values.data(), kInner, int(values.size() / kInner), kInner}; }
};

// All groups, through `gather` or row by row.
std::vector<float> grouped(const Matrix& w, Source& x, bool gathers, int threads, bool exact) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  std::vector<float> out = normals(size_t(kRows) * kOutputs, 2);
  multiply({&arena, &pool, exact}, {x.rows(), gathers ? x.gather.data() : nullptr}, w,
           {0, kGroups, kBegin}, {out.data(), kOutputs, kRows, kOutputs}, true);
  return out;
}

// One row of out after another, each in a call of its own.
std::vector<float> row_by_row(const Matrix& w, Source& x, bool gathers, bool exact) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(2);
  std::vector<float> out = normals(size_t(kRows) * kOutputs, 2);
  for (int g = 0; g < kGroups; ++g)
    for (int m = kBegin[g]; m < kBegin[g + 1]; ++m) {
      const int source = gathers ? x.gather[size_t(m)] : m;
      multiply({&arena, &pool, exact},
               {{x.values.data() + size_t(source) * kInner, kInner, 1, kInner}}, w, {g},
               {out.data() + size_t(m) * kOutputs, kOutputs, 1, kOutputs}, true);
    }
  return out;
}

std::vector<float> by_scalar_kernels(const Matrix& w, Source& x, bool exact) {
  std::vector<float> out = normals(size_t(kRows) * kOutputs, 2), scratch(kGemmScratch);
  std::vector<uint8_t> quantized(quantized_row_bytes(kInner));
  const bool rounds = !exact && type_traits(w.type).block > 1;
  for (int g = 0; g < kGroups; ++g)
    for (int m = kBegin[g]; m < kBegin[g + 1]; ++m) {
      BlockGemm b{};
      b.type = w.type;
      b.weights = w.parts[size_t(g)];
      b.weight_row = type_bytes(w.type, kInner);
      b.scales = w.type == WeightType::f8_e4m3 ? w.scales[size_t(g)] : nullptr;
      b.scales_row = kInner / kScaleSquare;
      b.left = x.values.data() + size_t(m) * kInner;
      b.out = out.data() + size_t(m) * kOutputs;
      b.rows = 1, b.cols = kOutputs, b.inner = kInner;
      b.accumulate = true;
      b.scratch = scratch.data();
      if (!rounds) {
        scalar_kernels()->block_gemm(b);
        continue;
      }
      scalar_kernels()->quantize_activations(b.left, kInner, quantized.data());
      IntegerGemm i{};
      i.type = w.type, i.weights = b.weights, i.weight_row = b.weight_row;
      i.left = quantized.data(), i.left_row = quantized.size();
      i.out = b.out, i.rows = 1, i.cols = kOutputs, i.inner = kInner;
      i.accumulate = true;
      i.scratch = scratch.data();
      scalar_kernels()->integer_gemm(i);
    }
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  for (float x : a)
    if (!std::isfinite(x)) return false;
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(StoredMultiply, GivesTheSameBitsForAnyRowsGroupsAndThreads) {
  for (WeightType type : kTypes)
    for (bool exact : {true, false})
      for (bool gathers : {true, false}) {
        StoredWeight w(type, kGroups, kOutputs, kInner);
        Source x(gathers ? kSources : kRows);
        const auto one = grouped(w.weight, x, gathers, 1, exact);
        EXPECT_TRUE(same_bits(one, grouped(w.weight, x, gathers, 4, exact))) << w.weight.name;
        std::unique_ptr<Panels> panels;
        if (type_traits(type).block > 1 && kernels().repack_panel) {
          panels = std::make_unique<Panels>(w.weight);
          w.weight.panels = panels.get();
          for (int threads : {4, 1})  // made, then found
            EXPECT_TRUE(same_bits(one, grouped(w.weight, x, gathers, threads, exact)))
                << w.weight.name << " with panels";
          PanelBudget spent;
          spent.left = 0;
          Panels none(w.weight, &spent);
          w.weight.panels = &none;
          EXPECT_TRUE(same_bits(one, grouped(w.weight, x, gathers, 2, exact))) << w.weight.name;
          EXPECT_EQ(none.get(0, 0), nullptr);
          w.weight.panels = panels.get();
        }
        EXPECT_TRUE(same_bits(one, row_by_row(w.weight, x, gathers, exact))) << w.weight.name;
      }
}

TEST(StoredMultiply, GivesTheBitsOfTheScalarKernels) {
  for (WeightType type : kTypes)
    for (bool exact : {true, false}) {
      const StoredWeight w(type, kGroups, kOutputs, kInner);
      Source x(kRows);
      EXPECT_TRUE(
          same_bits(grouped(w.weight, x, false, 3, exact), by_scalar_kernels(w.weight, x, exact)))
          << w.weight.name;
    }
}

// Quantization changes a number by at most half of 1/8191 of the largest one of its 256; plain
// floats are not quantized.
TEST(StoredMultiply, OfQuantizedActivationsIsNearTheExactOne) {
  for (WeightType type : kTypes) {
    const StoredWeight w(type, kGroups, kOutputs, kInner);
    Source x(kRows);
    const auto exact = grouped(w.weight, x, false, 2, true);
    const auto quantized = grouped(w.weight, x, false, 2, false);
    double error = 0, size = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      error += std::pow(double(quantized[i]) - double(exact[i]), 2);
      size += std::pow(double(exact[i]), 2);
    }
    if (type_traits(type).block == 1)
      EXPECT_EQ(error, 0) << w.weight.name;
    else
      EXPECT_LT(std::sqrt(error / size), 0.015) << w.weight.name;
  }
}

// One input of several projections is quantized once.
TEST(Quantize, GivesTheBitsOfProductsThatQuantizeForThemselves) {
  constexpr int kTokens = 9;
  const StoredWeight a(WeightType::q4_k, 1, kOutputs, kInner), b(WeightType::q6_k, 1, 33, kInner),
      c(WeightType::q2_k, 1, kOutputs, kInner), d(WeightType::bf16, 1, kOutputs, kInner);
  const Linear readers[] = {a.weight, b.weight, c.weight, d.weight}, none;
  Source source(kTokens);
  const std::vector<int> zeros(kTokens, 0);
  std::vector<int> positions(kTokens);
  for (int t = 0; t < kTokens; ++t) positions[size_t(t)] = t;
  const Batch batch(zeros, positions, zeros);
  Arena arena(size_t(1) << 30);
  ThreadPool pool(2);
  weir::Run run{arena, pool, batch};
  Tensor x = run.make(kTokens, kInner);
  std::copy(source.values.begin(), source.values.end(), x.data);
  for (bool exact : {true, false}) {
    run.exact = exact;
    const Input input =
        quantize(run, x, {&readers[0], &readers[1], &readers[2], &readers[3], &none});
    EXPECT_EQ(input.quantized.data == nullptr, exact);
    EXPECT_EQ(quantize(run, x, {&readers[3]}).quantized.data, nullptr);  // floats
    for (const Linear& w : readers) {
      const size_t used = arena.used();
      const Tensor y = linear(run, input, w), z = linear(run, x, w);
      EXPECT_EQ(std::memcmp(y.data, z.data, sizeof(float) * kTokens * size_t(y.cols)), 0)
          << w.base->name;
      EXPECT_LE(arena.used() - used, 2 * (sizeof(float) * kTokens * size_t(y.cols) + 64));
    }
  }
}

// In the forward pass this was: out = x W^T. One chain of multiply-adds over the rows of W.
TEST(StoredMultiplyTransposed, IsTheChainOverDecodedRows) {
  for (WeightType type : kTypes)
    for (bool accumulate : {true, false}) {
      const StoredWeight w(type, kGroups, kOutputs, kInner);
      const auto dy = normals(size_t(kRows) * kOutputs, 3);
      auto expected = normals(size_t(kRows) * kInner, 4);
      std::vector<float> row(kInner);
      for (int g = 0; g < kGroups; ++g)
        for (int n = 0; n < kOutputs; ++n) {
          const float* decoded = w.weight.row(g * kOutputs + n, row.data());
          for (int m = kBegin[g]; m < kBegin[g + 1]; ++m)
            for (int k = 0; k < kInner; ++k) {
              float& d = expected[size_t(m) * kInner + size_t(k)];
              d = std::fma(dy[size_t(m) * kOutputs + size_t(n)], decoded[k],
                           n == 0 && !accumulate ? 0 : d);
            }
        }
      for (int threads : {1, 4}) {
        Arena arena(size_t(1) << 30);
        ThreadPool pool(threads);
        auto dx = normals(size_t(kRows) * kInner, 4);
        multiply_transposed({&arena, &pool},
                            {const_cast<float*>(dy.data()), kOutputs, kRows, kOutputs}, w.weight,
                            {0, kGroups, kBegin}, {dx.data(), kInner, kRows, kInner}, accumulate);
        EXPECT_TRUE(same_bits(dx, expected)) << w.weight.name << ", threads " << threads;
      }
    }
}

}  // namespace
}  // namespace weir
