// Attention in absorbed form equals its definition, one head of one query at a
// time, bit for bit, whatever the type of kv_b, the number of queries and
// threads, and the choice of tokens.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "ops/ops.h"
#include "testing/stored_support.h"

namespace weir {
namespace {

constexpr int kHeads = 3, kNope = 80, kRope = 12, kValue = 64, kRank = 256;
constexpr int kWidth = kRank + kRope, kCapacity = 192;

const AttentionShape kShape{.heads = kHeads,
                            .kv_heads = kHeads,
                            .own = kNope,
                            .shared = kRope,
                            .value = kValue,
                            .key_step = kNope + kValue,
                            .value_step = kNope + kValue,
                            .value_offset = kNope,
                            .scale = 0.1f,
                            .layer = 0};

class LatentCache : public Cache {
 public:
  explicit LatentCache(int sequences) {
    for (int s = 0; s < sequences; ++s) {
      memory_.emplace_back(size_t(kCapacity) * kWidth);
      for (int p = 0; p < kCapacity / kCachePage; ++p)
        pages_.push_back(memory_.back().data() + size_t(p) * kCachePage * kWidth);
    }
  }
  CacheForm form() const override { return CacheForm::latent; }
  CacheView view(int, int sequence) override {
    CacheView view;
    view.pages = pages_.data() + sequence * (kCapacity / kCachePage);
    view.latent_stride = kWidth;
    view.capacity = kCapacity;
    return view;
  }

 private:
  std::vector<std::vector<float>> memory_;
  std::vector<float*> pages_;
};

void fill(Tensor x, uint64_t stream) {
  Random random(3, stream);
  for (int r = 0; r < x.rows; ++r)
    for (int c = 0; c < x.cols; ++c) x.row(r)[c] = random.normal();
}

// DeepSeek-V2, section 2.1.2, for one head of the query at row `row`, which
// sees `keys` tokens.
void by_definition(const float* q, const CacheView& view, const int* chosen, int keys,
                   const Matrix& kv_b, int head, float* out) {
  std::vector<float> absorbed(kWidth), mixed(kRank), scratch(kRank), p(static_cast<size_t>(keys));
  const int first = head * (kNope + kValue);
  for (int i = 0; i < kNope; ++i)
    kernels().axpy(q[i], kv_b.row(first + i, scratch.data()), absorbed.data(), kRank);
  std::memcpy(absorbed.data() + kRank, q + kNope, sizeof(float) * kRope);
  kernels().scale(kShape.scale, absorbed.data(), absorbed.data(), kWidth);
  auto latent = [&](int u) { return view.latent(chosen ? chosen[u] : u); };
  for (int u = 0; u < keys; ++u) p[size_t(u)] = kernels().dot(absorbed.data(), latent(u), kWidth);
  const float top = kernels().max(p.data(), keys);
  const float inverse = 1 / kernels().exp_sum(p.data(), top, keys);
  for (int u = 0; u < keys; ++u)
    kernels().axpy(p[size_t(u)] * inverse, latent(u), mixed.data(), kRank);
  for (int i = 0; i < kValue; ++i)
    out[i] = kernels().dot(kv_b.row(first + kNope + i, scratch.data()), mixed.data(), kRank);
}

// Two sequences: `first` rows of one from position 0 on, then one row of the
// other.
void expect_the_definition(const Matrix& kv_b, int first, int threads, int keep) {
  std::vector<int> tokens(size_t(first) + 1), positions(tokens.size()), sequences(tokens.size());
  for (int t = 0; t < first; ++t) positions[size_t(t)] = t;
  positions.back() = 0, sequences.back() = 1;
  const Batch batch(tokens, positions, sequences);
  LatentCache cache(2);
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  weir::Run run{arena, pool, batch};
  run.cache = &cache;
  Tensor q = run.make(first + 1, kHeads * (kNope + kRope)), latent = run.make(first + 1, kRank),
         rope = run.make(first + 1, kRope);
  fill(q, 1), fill(latent, 2), fill(rope, 3);
  std::vector<int> chosen(tokens.size() * size_t(keep));
  for (int t = keep; keep > 0 && t < first; ++t)
    for (int j = 0; j < keep; ++j) chosen[size_t(t * keep + j)] = t * j / (keep - 1);
  const TokenChoice choice{keep > 0 ? chosen.data() : nullptr, keep};
  const Tensor y = attend_latent(run, q, latent, rope, kv_b, kShape, choice);
  std::vector<float> expected(kValue);
  for (int t = 0; t <= first; ++t)
    for (int h = 0; h < kHeads; ++h) {
      const int visible = positions[size_t(t)] + 1;
      const int* of = choice.of(t, visible);
      by_definition(q.row(t) + h * (kNope + kRope), cache.view(0, sequences[size_t(t)]), of,
                    of ? keep : visible, kv_b, h, expected.data());
      ASSERT_EQ(std::memcmp(expected.data(), y.row(t) + h * kValue, sizeof(float) * kValue), 0)
          << kv_b.name << ", row " << t << ", head " << h << ", threads " << threads;
    }
}

TEST(LatentAttention, EqualsItsDefinitionBitForBit) {
  for (WeightType type : {WeightType::f32, WeightType::bf16, WeightType::q8_0, WeightType::q4_k,
                          WeightType::f8_e4m3}) {
    const testing::StoredWeight kv_b(type, 1, kHeads * (kNope + kValue), kRank);
    for (int threads : {1, 4})
      for (int rows : {1, 33, 100})
        for (int keep : {0, 40}) expect_the_definition(kv_b.weight, rows, threads, keep);
  }
}

}  // namespace
}  // namespace weir
