// An engine over a model of DeepSeek-V4's kind: a sequence draws the same bits alone, among others,
// in any chunks, over pages of others, preempted, and with guesses that do not come true.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "base/file.h"
#include "config/size.h"
#include "testing/adapter_fixture.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

const Model& compressed_model() {
  static std::unique_ptr<Model> model;
  if (!model) {
    model = Model::create(compressed_config(), false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

TEST(CompressedEngine, SequencesDrawTheSameAloneAndTogether) {
  const Model& model = compressed_model();
  for (int rows : {1, 7, 64}) {
    SCOPED_TRACE(rows);
    ThreadPool pool(2);
    auto engine = engine_of(model, pool, {.prefill_rows = rows, .keeps_prefixes = true});
    expect_as_alone(*engine, model, mixed_requests(40));
  }
}

TEST(CompressedEngine, ABeginningIsReused) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.keeps_prefixes = true});
  const TokenRequest request = request_of(3, 150, 5);
  for (int i = 0; i < 2; ++i) {
    Outputs outputs;
    const auto id = engine->submit(request);
    ASSERT_TRUE(id);
    finish(*engine, outputs);
    EXPECT_EQ(outputs[*id], alone(model, request));
  }
  EXPECT_GE(engine->statistics().reused_tokens, 128);
}

TEST(CompressedEngine, PreemptedSequencesAreComputedAgain) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.cache_bytes_max = bytes_for(model, 192)});
  expect_as_alone(*engine, model,
                  {request_of(20, 40, 60), request_of(21, 40, 60), request_of(22, 40, 60)});
}

// Greedy replies that repeat themselves are guessed; guesses that fail leave no trace in rings and
// open groups.
TEST(CompressedEngine, GuessesChangeNoBit) {
  const Model& model = compressed_model();
  EngineOptions options;
  options.speculation.ngrams = true;
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, options);
  expect_as_alone(*engine, model,
                  {repeating_request(30, 20, 90), repeating_request(31, 20, 90),
                   repeating_request(32, 20, 90)});
  EXPECT_GT(engine->statistics().drafted_tokens, 0);
}

// A draft model of the same kind, here the model itself: what it guesses is what is drawn, so each
// guess tells that its cache had the right rows. Its cache has no room for the rows of all
// positions, and the second text leaves the first where rows are gone.
TEST(CompressedEngine, ADraftModelsCacheSlides) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  EngineOptions options;
  options.prefill_rows = 32;
  options.speculation = {.draft = &model, .tokens_max = 3, .adapts = false};
  const auto cache =
      KvCache::create(model.config(), CacheForm::expanded, 1 << 30, CacheType::f32, 65);
  options.cache_bytes_max = 2 * cache->bytes_for(512);
  options.sequences_max = 1;
  const auto layout =
      CacheLayout::make(cache_widths(model.config()), CacheForm::expanded, CacheType::f32);
  ASSERT_LT(cache->bytes_for(512), 400 / 32 * layout->recent_bytes);
  auto engine = engine_of(model, pool, options);
  TokenRequest first = request_of(9, 400, 60);
  first.sampling.temperature = 0;
  TokenRequest next = first, middle = first;
  next.prompt.insert(next.prompt.end(), {1, 2, 3});
  middle.prompt.resize(100);
  for (const TokenRequest& request : {first, next, middle}) {
    const GenerateStatistics before = engine->statistics();
    const auto id = engine->submit(request);
    ASSERT_TRUE(id);
    Outputs outputs;
    finish(*engine, outputs);
    EXPECT_EQ(outputs[*id], alone(model, request));
    const int64_t guessed = engine->statistics().drafted_tokens - before.drafted_tokens;
    EXPECT_GT(guessed, 20);
    EXPECT_EQ(engine->statistics().accepted_tokens - before.accepted_tokens, guessed);
  }
}

// Of all projections that may have one; what makes entries has none.
TEST(CompressedEngine, AdaptersAreTaken) {
  auto model = Model::create(compressed_config(), false);
  model->initialize(5);
  auto lora = make_lora(compressed_config(), {.rank = 2, .targets = {"all-linear"}}, 7);
  ASSERT_TRUE(lora) << lora.error().message;
  for (LoraModule& module : lora->modules) {
    EXPECT_EQ(module.name.find(".compressor."), std::string::npos) << module.name;
    std::fill(module.b.begin(), module.b.end(), 0.05f);
  }
  const TokenRequest request = request_of(3, 40, 12);
  ThreadPool pool(1);
  model->pack(pool);
  const Output plain = alone(*model, request);
  const auto added = model->add_adapter(*lora);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(alone(*model, request), plain);
  model->default_adapter = *added;
  model->pack(pool);
  EXPECT_NE(alone(*model, request), plain);
}

// In every type, whatever the chunks: what is read is what the cache has.
TEST(CompressedEngine, NarrowCachesDrawTheSameInAnyChunks) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  for (CacheType type : {CacheType::f16, CacheType::bf16, CacheType::q8, CacheType::deepseek}) {
    const std::vector<TokenRequest> requests = mixed_requests(40);
    std::vector<Outputs> all;
    for (int rows : {5, 64}) {
      auto engine = engine_of(model, pool,
                              {.prefill_rows = rows, .cache_type = type, .keeps_prefixes = true});
      Outputs& outputs = all.emplace_back();
      for (const TokenRequest& request : requests) ASSERT_TRUE(engine->submit(request));
      finish(*engine, outputs);
    }
    EXPECT_EQ(all[0], all[1]) << cache_type_name(type);
  }
}

// What is kept of a long sequence is its entries, and the window of its end.
TEST(CompressedCache, OldRowsAreGivenBack) {
  auto cache = KvCache::create(compressed_config(), CacheForm::expanded, size_t(1) << 30,
                               CacheType::f32, 32);
  ASSERT_TRUE(cache);
  ASSERT_TRUE(cache->reserve_pages(0, 512));
  size_t bytes = 0;
  for (int p = 0; p < 512; p += 32) {
    cache->open_rows(0, p, p + 32);
    cache->slide(0, p + 32);
    if (p == 256) bytes = cache->bytes();
  }
  EXPECT_EQ(cache->bytes(), bytes);
  EXPECT_LT(bytes, cache->bytes_for(512));
  // The next position needs 63 rows of the open entry of 64 positions, which end in page 15.
  EXPECT_EQ(cache->first_recent_page(512), 14);
  for (int page = 0; page < 16; ++page) EXPECT_EQ(cache->recent(0, page) >= 0, page >= 13) << page;
  cache->release(0);
  EXPECT_EQ(cache->bytes(), 0u);
  EXPECT_EQ(cache->bytes_free(), int64_t(1) << 30);
}

// A limit that would not hold the rows of all positions.
TEST(CompressedEngine, LongSequencesRunInTheMemoryOfTheirEntries) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  EngineOptions options;
  options.prefill_rows = 32;
  options.cache_bytes_max =
      KvCache::create(model.config(), CacheForm::expanded, 1 << 30, CacheType::f32, 32)
          ->bytes_for(512);
  auto engine = engine_of(model, pool, options);
  EXPECT_EQ(engine->positions_max(), 512);
  const TokenRequest request = request_of(9, 450, 30);
  ASSERT_TRUE(engine->submit(request));
  Outputs outputs;
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0], alone(model, request));
  const auto layout =
      CacheLayout::make(cache_widths(model.config()), CacheForm::expanded, CacheType::f32);
  EXPECT_LT(options.cache_bytes_max, 480 / 32 * layout->recent_bytes);
}

// Texts are continued where sequences ended, and nowhere else once the trail is gone.
TEST(CompressedEngine, TextsAreContinuedWhereTheyEnded) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  const auto layout =
      CacheLayout::make(cache_widths(model.config()), CacheForm::expanded, CacheType::f32);
  EngineOptions options;
  options.prefill_rows = 32;
  options.keeps_prefixes = true;
  options.cache_bytes_max = 23 * layout->recent_bytes;  // a trail of two pieces
  auto engine = engine_of(model, pool, options);
  TokenRequest first = request_of(5, 300, 4);
  ASSERT_TRUE(engine->submit(first));
  Outputs outputs;
  finish(*engine, outputs);
  TokenRequest next = first, middle = first;
  next.prompt.insert(next.prompt.end(), {1, 2, 3, 4, 5});
  middle.prompt.resize(100);
  for (const auto& [request, least, most] :
       {std::tuple(next, 288, 300), std::tuple(middle, 0, 0)}) {
    const int64_t before = engine->statistics().reused_tokens;
    const auto id = engine->submit(request);
    ASSERT_TRUE(id);
    finish(*engine, outputs);
    EXPECT_EQ(outputs[*id], alone(model, request));
    EXPECT_GE(engine->statistics().reused_tokens - before, least);
    EXPECT_LE(engine->statistics().reused_tokens - before, most);
  }
}

// The next process continues with pages and recent pieces from the disk.
TEST(CompressedEngine, TextsAreContinuedFromTheDisk) {
  const Model& model = compressed_model();
  ThreadPool pool(1);
  EngineOptions options;
  options.keeps_prefixes = true;
  options.store.folder = testing::TempDir() + "compressed_pages";
  options.store.model_files = "none";
  (void)remove_all(options.store.folder);
  TokenRequest request = request_of(5, 300, 4);
  request.records_experts = false;  // which are not stored
  for (int process = 0; process < 2; ++process) {
    auto engine = engine_of(model, pool, options);
    Outputs outputs;
    ASSERT_TRUE(engine->submit(request));
    finish(*engine, outputs);
    EXPECT_EQ(outputs[0], alone(model, request));
    EXPECT_EQ(engine->statistics().loaded_tokens, process == 0 ? 0 : 288);
    request.prompt.insert(request.prompt.end(), {7, 8, 9});
  }
  (void)remove_all(options.store.folder);
}

// Bytes of a position in the formats that DeepSeek serves V4-Flash and V4.1-Flash with: the numbers
// that it publishes.
TEST(CompressedCache, APositionTakesWhatDeepSeekPublishes) {
  for (const auto& [name, bytes] :
       {std::pair("deepseek-v4-flash", 3514.25), std::pair("deepseek-v4.1-flash", 890.)}) {
    const auto config = preset(name);
    ASSERT_TRUE(config) << name;
    EXPECT_DOUBLE_EQ(served_cache_bytes(*config), bytes);
    const double own = cache_bytes(*config, CacheForm::expanded, CacheType::deepseek, 4096) / 4096;
    // Parts of a page begin at multiples of 16 bytes.
    EXPECT_NEAR(own, bytes, bytes * 0.001) << name;
  }
}

TEST(CompressedEngine, OtherCachesAreRefused) {
  EXPECT_NE(KvCache::create(compressed_config(), CacheForm::expanded, 1 << 20, CacheType::q4)
                .error()
                .message.find("is not there for compressed attention"),
            std::string::npos);
  EXPECT_FALSE(KvCache::create(compressed_config(), CacheForm::latent, 1 << 20));
  ModelConfig dense;
  dense.num_hidden_layers = 1;
  EXPECT_NE(KvCache::create(dense, CacheForm::expanded, 1 << 20, CacheType::deepseek)
                .error()
                .message.find("needs compressed attention"),
            std::string::npos);
}

}  // namespace
}  // namespace weir
