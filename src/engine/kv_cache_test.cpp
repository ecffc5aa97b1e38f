#include "engine/kv_cache.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

ModelConfig mla_config() {
  ModelConfig c;
  c.num_hidden_layers = 3;
  c.max_position_embeddings = 200;
  c.num_attention_heads = 2;
  c.kv_lora_rank = 8;
  c.qk_nope_head_dim = 6;
  c.qk_rope_head_dim = 4;
  c.v_head_dim = 5;
  return c;
}

KvCache cache_of(CacheForm form, size_t bytes_max = size_t(64) << 20) {
  auto cache = KvCache::create(mla_config(), form, bytes_max);
  EXPECT_TRUE(cache.has_value());
  return *std::move(cache);
}

// With an indexer, whose keys have 4 numbers.
ModelConfig sparse_config() {
  ModelConfig c = mla_config();
  c.index_n_heads = 2;
  c.index_head_dim = 4;
  c.index_topk = 16;
  return c;
}

// A number that names layer, sequence, position and column.
float mark(int layer, int sequence, int position, int column) {
  return float(((layer * 4 + sequence) * 256 + position) * 32 + column);
}

// Calls visit(float&, expected) for every number of a position, through the view.
template <class Visit>
void visit_position(KvCache& cache, int layer, int sequence, int position, const Visit& visit) {
  const ModelConfig c = mla_config();
  CacheView view = cache.view(layer, sequence);
  ASSERT_LT(position, view.capacity);
  if (cache.form() == CacheForm::latent) {
    for (int d = 0; d < 12; ++d) visit(view.latent(position)[d], d);
    return;
  }
  const int key = c.key_head_width(), value = c.value_head_width();
  for (int h = 0; h < 2; ++h) {
    float* keys = view.keys(position / 32, h);
    float* values = view.values(position / 32, h);
    for (int d = 0; d < key; ++d) visit(keys[d * 32 + position % 32], h * 16 + d);
    for (int d = 0; d < value; ++d) visit(values[position % 32 * value + d], h * 16 + key + d);
  }
}

void fill(KvCache& cache, int sequence, int begin, int end) {
  for (int layer = 0; layer < 3; ++layer)
    for (int p = begin; p < end; ++p)
      visit_position(cache, layer, sequence, p,
                     [&](float& x, int column) { x = mark(layer, sequence, p, column); });
}

void expect_filled(KvCache& cache, int sequence, int as_sequence, int begin, int end) {
  for (int layer = 0; layer < 3; ++layer)
    for (int p = begin; p < end; ++p)
      visit_position(cache, layer, sequence, p, [&](float& x, int column) {
        ASSERT_EQ(x, mark(layer, as_sequence, p, column)) << layer << " " << p << " " << column;
      });
}

class KvCacheForms : public testing::TestWithParam<CacheForm> {};
INSTANTIATE_TEST_SUITE_P(All, KvCacheForms,
                         testing::Values(CacheForm::expanded, CacheForm::latent));

TEST_P(KvCacheForms, GrowthKeepsRows) {
  KvCache cache = cache_of(GetParam());
  ASSERT_TRUE(cache.reserve(0, 10));
  ASSERT_TRUE(cache.reserve(2, 33));
  EXPECT_EQ(cache.capacity(0), 32);
  EXPECT_EQ(cache.capacity(2), 64);
  fill(cache, 0, 0, 10);
  fill(cache, 2, 0, 33);
  ASSERT_TRUE(cache.reserve(0, 40));
  EXPECT_EQ(cache.capacity(0), 64);
  fill(cache, 0, 10, 40);
  ASSERT_TRUE(cache.reserve(0, 65));
  EXPECT_EQ(cache.capacity(0), 96);
  fill(cache, 0, 40, 65);
  expect_filled(cache, 0, 0, 0, 65);
  expect_filled(cache, 2, 2, 0, 33);
}

TEST_P(KvCacheForms, ForkSharesWholePagesAndThenGoesItsOwnWay) {
  KvCache cache = cache_of(GetParam());
  ASSERT_TRUE(cache.reserve(0, 50));
  fill(cache, 0, 0, 50);
  ASSERT_TRUE(cache.reserve(3, 90));  // what it has is given up
  ASSERT_TRUE(cache.fork(0, 3, 40));
  ASSERT_TRUE(cache.reserve(3, 70));
  EXPECT_EQ(cache.length(3), 70);
  EXPECT_EQ(cache.view(0, 0).pages[0], cache.view(0, 3).pages[0]);
  EXPECT_EQ(cache.bytes(), cache.bytes_for(64) + cache.bytes_for(64));  // 0's, and 3's own
  expect_filled(cache, 3, 0, 0, 40);
  fill(cache, 3, 40, 70);
  expect_filled(cache, 0, 0, 0, 50);
  expect_filled(cache, 3, 0, 0, 40);
  expect_filled(cache, 3, 3, 40, 70);
  cache.release(0);
  EXPECT_EQ(cache.bytes(), cache.bytes_for(96));
  expect_filled(cache, 3, 0, 0, 40);
  expect_filled(cache, 3, 3, 40, 70);
}

TEST_P(KvCacheForms, SharedPagesAreCopiedBeforeTheyAreWrittenAgain) {
  KvCache cache = cache_of(GetParam());
  ASSERT_TRUE(cache.reserve(0, 96));
  fill(cache, 0, 0, 96);
  ASSERT_TRUE(cache.fork(0, 2, 96));
  EXPECT_EQ(cache.bytes(), cache.bytes_for(96));
  cache.truncate(0, 40);
  ASSERT_TRUE(cache.reserve(0, 70));
  for (int layer = 0; layer < 3; ++layer)
    for (int p = 40; p < 70; ++p) visit_position(cache, layer, 0, p, [](float& x, int) { x = -1; });
  expect_filled(cache, 0, 0, 0, 40);
  expect_filled(cache, 2, 0, 0, 96);
}

TEST_P(KvCacheForms, TruncateKeepsTheBeginning) {
  KvCache cache = cache_of(GetParam());
  ASSERT_TRUE(cache.reserve(0, 50));
  fill(cache, 0, 0, 50);
  cache.truncate(0, 20);
  EXPECT_EQ(cache.length(0), 20);
  ASSERT_TRUE(cache.reserve(0, 70));
  expect_filled(cache, 0, 0, 0, 20);
}

TEST_P(KvCacheForms, TrimGivesBackWhatIsBeyondTheLength) {
  KvCache cache = cache_of(GetParam());
  ASSERT_TRUE(cache.reserve(0, 150));
  fill(cache, 0, 0, 150);
  cache.truncate(0, 40);
  EXPECT_EQ(cache.bytes(), cache.bytes_for(150));
  cache.trim(0);
  EXPECT_EQ(cache.bytes(), cache.bytes_for(40));
  expect_filled(cache, 0, 0, 0, 40);
  const auto one = int64_t(cache.bytes_for(1));
  EXPECT_EQ(cache.bytes_to_take(0, 64), 0);
  EXPECT_EQ(cache.bytes_to_take(0, 65), one);
  EXPECT_EQ(cache.bytes_to_take(7, 65), 3 * one);  // unknown so far
  ASSERT_TRUE(cache.fork(0, 1, 40));
  cache.truncate(0, 10);
  EXPECT_EQ(cache.bytes_to_take(0, 40), one);  // its first page is shared now
}

TEST_P(KvCacheForms, AForkTakesOnlyThePageThatIsNotShared) {
  const size_t one = cache_of(GetParam()).bytes_for(1);
  KvCache cache = cache_of(GetParam(), 4 * one);
  ASSERT_TRUE(cache.reserve(0, 96));
  fill(cache, 0, 0, 96);
  ASSERT_TRUE(cache.fork(0, 1, 90));
  EXPECT_EQ(cache.bytes_free(), 0);
  expect_filled(cache, 1, 0, 0, 90);
  ASSERT_TRUE(cache.fork(0, 2, 64));
  EXPECT_FALSE(cache.fork(0, 2, 65));  // no page is left
  EXPECT_EQ(cache.length(2), 0);
  EXPECT_EQ(cache.bytes(), 4 * one);
}

TEST_P(KvCacheForms, LimitIsKeptAndNamed) {
  KvCache free = cache_of(GetParam());
  const size_t one = free.bytes_for(32);
  KvCache cache = cache_of(GetParam(), 2 * one + 100);
  ASSERT_TRUE(cache.reserve(0, 32));
  fill(cache, 0, 0, 32);
  ASSERT_TRUE(cache.reserve(1, 1));
  EXPECT_EQ(cache.bytes(), 2 * one);
  auto refused = cache.reserve(2, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find(std::to_string(3 * one)), std::string::npos);
  EXPECT_FALSE(cache.reserve(0, 33).has_value());
  EXPECT_EQ(cache.length(0), 32);
  expect_filled(cache, 0, 0, 0, 32);
  cache.release(1);
  EXPECT_TRUE(cache.reserve(0, 33).has_value());
  expect_filled(cache, 0, 0, 0, 32);
  cache.release(0);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_P(KvCacheForms, LongestSequenceIsWhatTheLimitHolds) {
  KvCache whole = cache_of(GetParam());
  EXPECT_EQ(whole.positions_max(), 200);
  EXPECT_FALSE(whole.reserve(0, 201).has_value());
  EXPECT_TRUE(whole.reserve(0, 200).has_value());
  KvCache part = cache_of(GetParam(), whole.bytes_for(96) + 100);
  EXPECT_EQ(part.positions_max(), 96);
  EXPECT_TRUE(part.reserve(0, 96).has_value());
  EXPECT_EQ(cache_of(GetParam(), 100).positions_max(), 0);
}

TEST_P(KvCacheForms, KeysOfAnIndexerAreBesideTheRest) {
  auto cache = KvCache::create(sparse_config(), GetParam(), size_t(64) << 20);
  ASSERT_TRUE(cache);
  KvCache plain = cache_of(GetParam());
  EXPECT_EQ(cache->bytes_for(1), plain.bytes_for(1) + 3 * 4 * 4 * 32u);
  ASSERT_TRUE(cache->reserve(0, 50));
  fill(*cache, 0, 0, 50);
  auto visit_index = [&](int sequence, const auto& visit) {
    for (int layer = 0; layer < 3; ++layer)
      for (int p = 0; p < 50; ++p)
        for (int d = 0; d < 4; ++d)
          visit(cache->view(layer, sequence).index_keys(p / 32)[d * 32 + p % 32],
                mark(layer, 3, p, d));
  };
  visit_index(0, [](float& x, float value) { x = value; });
  ASSERT_TRUE(cache->fork(0, 1, 50));
  cache->release(0);
  visit_index(1, [](float& x, float value) { ASSERT_EQ(x, value); });
  expect_filled(*cache, 1, 0, 0, 50);
}

TEST(KvCache, ALimitOfManyPagesIsNotTruncated) {
  KvCache cache = cache_of(CacheForm::latent, size_t(1) << 50);
  EXPECT_EQ(cache.bytes_free(), int64_t(1) << 50);
  EXPECT_TRUE(cache.reserve(0, 100).has_value());
}

TEST(KvCache, LatentRowsAreSmaller) {
  KvCache expanded = cache_of(CacheForm::expanded), latent = cache_of(CacheForm::latent);
  // Per layer and position: 2 (10 + 5) numbers against 8 + 4; in pages of 32.
  EXPECT_EQ(expanded.bytes_for(100), 3 * 30 * 4 * 128u);
  EXPECT_EQ(latent.bytes_for(100), 3 * 12 * 4 * 128u);
}

TEST(KvCache, LatentFormNeedsLatentAttention) {
  ModelConfig c = mla_config();
  c.model_type = "qwen2";
  c.attention = AttentionKind::gqa;
  c.num_key_value_heads = 1;
  c.head_dim = 8;
  auto cache = KvCache::create(c, CacheForm::latent, 1 << 20);
  ASSERT_FALSE(cache.has_value());
  EXPECT_NE(cache.error().message.find("qwen2"), std::string::npos);
}

}  // namespace
}  // namespace weir
