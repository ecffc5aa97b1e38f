// Sequences that begin with pages of others, in memory and from the disk, draw what they draw
// alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_output.h"
#include "base/file.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

TokenRequest plain_request(std::vector<int> prompt, int tokens_max) {
  TokenRequest request;
  request.prompt = std::move(prompt);
  request.tokens_max = tokens_max;
  return request;
}

std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Output run(Engine& engine, const TokenRequest& request) {
  Outputs outputs;
  auto id = engine.submit(request);
  EXPECT_TRUE(id);
  finish(engine, outputs);
  return outputs[*id];
}

// A system prompt of two pages and a part, computed once for all, while all of them run.
TEST(EnginePrefix, RunningSequencesShareThePagesOfACommonBeginning) {
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped}) {
    const Model& model = roomy_model(kind);
    ThreadPool pool(2);
    auto engine = engine_of(model, pool, {.prefill_rows = 16});
    const std::vector<int> system = prompt_of(1, 75);
    Outputs outputs;
    std::vector<TokenRequest> requests;
    for (uint64_t i = 0; i < 4; ++i) {
      requests.push_back(plain_request(joined(system, prompt_of(10 + i, 9)), 40));
      requests.back().records_experts = i % 2;
      ASSERT_TRUE(engine->submit(requests.back()));
      for (int steps = 0; steps < 3; ++steps) step(*engine, outputs);
    }
    finish(*engine, outputs);
    EXPECT_EQ(engine->statistics().prompt_tokens + engine->statistics().reused_tokens, 4 * 84);
    // The second needs experts, which the first did not record; the others continue from both.
    EXPECT_EQ(engine->statistics().reused_tokens, kind == Kind::grouped ? 3 * 75 : 2 * 75);
    for (size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
  }
}

// More finished texts than slots: with one slot all of them are found again.
TEST(EnginePrefix, FindsWhatAnyFinishedSequenceLeft) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.sequences_max = 1, .keeps_prefixes = true});
  for (uint64_t i = 0; i < 5; ++i) (void)run(*engine, plain_request(prompt_of(i, 50), 5));
  EXPECT_EQ(engine->statistics().reused_tokens, 0);
  for (uint64_t i = 0; i < 5; ++i) {
    const TokenRequest request = plain_request(prompt_of(i, 50), 5);
    EXPECT_EQ(run(*engine, request), alone(model, request));
    EXPECT_EQ(engine->statistics().reused_tokens, int64_t(i + 1) * 49);
  }
  engine->forget();
  (void)run(*engine, plain_request(prompt_of(0, 50), 5));
  EXPECT_EQ(engine->statistics().reused_tokens, 5 * 49);
}

TEST(EnginePrefix, OwnersDoNotShareRows) {
  const Model& model = roomy_model(Kind::latent);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.keeps_prefixes = true});
  TokenRequest request = plain_request(prompt_of(1, 70), 4);
  const Output expected = alone(model, request);
  for (const char* owner : {"a", "b", "a"}) {
    request.owner = owner;
    EXPECT_EQ(run(*engine, request), expected);
  }
  EXPECT_EQ(engine->statistics().reused_tokens, 69);
}

struct EngineStore : testing::Test {
  std::string folder = testing::TempDir() + "engine_store_XXXXXX";
  ThreadPool pool = ThreadPool(2);
  void SetUp() override { ASSERT_NE(mkdtemp(folder.data()), nullptr); }
  void TearDown() override { (void)remove_all(folder); }
  EngineOptions options() const {
    EngineOptions options;
    options.prefill_rows = 48;
    options.keeps_prefixes = true;
    options.store.folder = folder;
    return options;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    return paths;
  }
};

TEST_F(EngineStore, AConversationContinuesInTheNextProcess) {
  struct Setting {
    Kind kind;
    CacheForm form;
  };
  for (Setting setting :
       {Setting{Kind::latent, CacheForm::expanded}, Setting{Kind::latent, CacheForm::latent},
        Setting{Kind::sparse, CacheForm::expanded}, Setting{Kind::grouped, CacheForm::expanded}}) {
    const Model& model = roomy_model(setting.kind);
    EngineOptions with_store = options(), without = {};
    with_store.cache = without.cache = setting.form;
    TokenRequest request = plain_request(prompt_of(3, 150), 60);
    std::vector<int> text = request.prompt;
    {
      auto engine = engine_of(model, pool, with_store);
      text = joined(text, run(*engine, request).tokens);
      EXPECT_EQ(engine->statistics().loaded_tokens, 0);
    }
    request.prompt = joined(text, prompt_of(4, 30));
    auto fresh = engine_of(model, pool, without);
    const Output expected = run(*fresh, request);
    auto engine = engine_of(model, pool, with_store);
    EXPECT_EQ(run(*engine, request), expected);
    EXPECT_EQ(engine->statistics().loaded_tokens, 192);  // of 209 rows, whole pages
    EXPECT_EQ(engine->statistics().prompt_tokens, 240 - 192);
    // Then they are in memory.
    EXPECT_EQ(run(*engine, request), expected);
    EXPECT_EQ(engine->statistics().loaded_tokens, 192);
    EXPECT_EQ(engine->statistics().reused_tokens, 192 + 239);
  }
}

TEST_F(EngineStore, PagesServeOnlyTheirModelFormAndOwner) {
  const TokenRequest request = plain_request(prompt_of(3, 100), 5);
  const Model& model = roomy_model(Kind::latent);
  (void)run(*engine_of(model, pool, options()), request);
  EXPECT_EQ(files().size(), 3u);
  const auto loaded = [&](const Model& other, EngineOptions changed, TokenRequest again) {
    auto engine = engine_of(other, pool, changed);
    EXPECT_EQ(run(*engine, again).tokens.size(), 5u);
    return engine->statistics().loaded_tokens;
  };
  EXPECT_EQ(loaded(model, options(), request), 96);
  EngineOptions changed = options();
  changed.cache = CacheForm::latent;
  EXPECT_EQ(loaded(model, changed, request), 0);
  changed = options();
  changed.store.model_files = "written again";
  EXPECT_EQ(loaded(model, changed, request), 0);
  TokenRequest of_other = request;
  of_other.owner = "somebody else";
  EXPECT_EQ(loaded(model, options(), of_other), 0);
  auto trained = Model::create(model.config(), false);
  trained->initialize(6);
  trained->pack(pool);
  EXPECT_EQ(loaded(*trained, options(), request), 0);
  EXPECT_EQ(loaded(model, options(), request), 96);
}

TEST_F(EngineStore, ADamagedPageIsComputedAgain) {
  const Model& model = roomy_model(Kind::grouped);
  const TokenRequest request = plain_request(prompt_of(3, 200), 5);
  const Output expected = run(*engine_of(model, pool, options()), request);
  const std::vector<std::string> paths = files();
  ASSERT_EQ(paths.size(), 6u);
  for (const std::string& path : paths) {
    const std::string good = *read_file(path);
    std::string bad = good;
    bad[bad.size() / 2] = char(bad[bad.size() / 2] ^ 4);
    ASSERT_TRUE(write_file_atomic(path, bad));
    testing::internal::CaptureStderr();
    auto engine = engine_of(model, pool, options());
    EXPECT_EQ(run(*engine, request), expected);
    EXPECT_LT(engine->statistics().loaded_tokens, 192);
    EXPECT_EQ(engine->statistics().loaded_tokens % 32, 0);
    engine.reset();
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_EQ(*read_file(path), good);  // written again
  }
}

// The writer's pages are given up when sequences need them.
TEST_F(EngineStore, ASmallCacheIsNotHeldByTheWriter) {
  const Model& model = roomy_model(Kind::grouped);
  EngineOptions small = options();
  small.cache_bytes_max = bytes_for(model, 128);
  int64_t loaded = 0;
  for (int round = 0; round < 3; ++round) {
    auto engine = engine_of(model, pool, small);
    Outputs outputs;
    std::vector<TokenRequest> requests;
    for (uint64_t i = 0; i < 12; ++i) {
      requests.push_back(plain_request(prompt_of(i % 4, 40 + int(i)), 30));
      requests.back().stream = i;
      ASSERT_TRUE(engine->submit(requests.back()));
    }
    int steps = 0;
    while (!engine->is_idle()) {
      step(*engine, outputs);
      ASSERT_LT(++steps, 10000);
    }
    for (size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << round << " " << i;
    loaded += engine->statistics().loaded_tokens;
  }
  EXPECT_GT(loaded, 0);
}

TEST_F(EngineStore, RecordedExpertsAreComplete) {
  const Model& model = roomy_model(Kind::latent);
  TokenRequest request = plain_request(prompt_of(3, 100), 5);
  (void)run(*engine_of(model, pool, options()), request);
  request.records_experts = true;  // a file has none
  auto engine = engine_of(model, pool, options());
  const Output expected = alone(model, request);
  EXPECT_EQ(expected.experts.size(), 104 * model.routing_trace().row_size());
  EXPECT_EQ(run(*engine, request), expected);
  EXPECT_EQ(engine->statistics().loaded_tokens, 0);
}

TEST_F(EngineStore, NeedsAnEngineThatKeepsPrefixes) {
  EngineOptions wrong = options();
  wrong.keeps_prefixes = false;
  EXPECT_FALSE(Engine::create(roomy_model(Kind::grouped), pool, wrong));
}

}  // namespace
}  // namespace weir
