// Sequences of several adapters in one engine.
#include "testing/adapter_fixture.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

// A model with three adapters; the last one changes the values alone.
std::unique_ptr<Model> adapted_model(Kind kind) {
  const ModelConfig config = tiny(kind);
  std::unique_ptr<Model> model = Model::create(config, false);
  model->initialize(5);
  const std::vector<std::string> few = {kind == Kind::grouped ? "v_proj" : "kv_b_proj"};
  EXPECT_EQ(*model->add_adapter(random_lora(config, 4, 1)), 0);
  EXPECT_EQ(*model->add_adapter(random_lora(config, 9, 2)), 1);
  EXPECT_EQ(*model->add_adapter(random_lora(config, 2, 3, few)), 2);
  ThreadPool pool(1);
  model->pack(pool);
  return model;
}

TokenRequest adapted_request(int i) {
  TokenRequest request = request_of(uint64_t(i % 3), 20 + i % 3, 12);
  request.adapter = i % 4 - 1;
  return request;
}

TEST(EngineAdapters, MixedInOneBatchGiveTheBitsThatTheyHaveAlone) {
  for (const Kind kind : {Kind::grouped, Kind::latent}) {
    const std::unique_ptr<Model> model = adapted_model(kind);
    ThreadPool pool(2);
    auto engine = engine_of(*model, pool, {.sequences_max = 8, .prefill_rows = 24});
    Outputs outputs;
    constexpr int kRequests = 16;
    for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(engine->submit(adapted_request(i)));
    finish(*engine, outputs);
    for (int i = 0; i < kRequests; ++i)
      EXPECT_EQ(outputs[i], alone(*model, adapted_request(i))) << i;
    // Each one changes what is said.
    std::set<std::vector<float>> different;
    for (int i : {0, 1, 2, 3}) {
      TokenRequest request = request_of(7, 20, 4);
      request.adapter = i - 1;
      different.insert(alone(*model, request).log_probabilities);
    }
    EXPECT_EQ(different.size(), 4u);
  }
}

TEST(EngineAdapters, PrefixesAreKeptApart) {
  const std::unique_ptr<Model> model = adapted_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(*model, pool, {.sequences_max = 1, .keeps_prefixes = true});
  const auto run = [&](int adapter) {
    TokenRequest request = request_of(3, 80, 4);
    request.adapter = adapter;
    const int64_t before = engine->statistics().reused_tokens;
    Outputs outputs;
    EXPECT_TRUE(engine->submit(request));
    finish(*engine, outputs);
    EXPECT_EQ(outputs.begin()->second, alone(*model, request)) << adapter;
    return engine->statistics().reused_tokens - before;
  };
  EXPECT_EQ(run(AdapterUse::kNone), 0);
  EXPECT_EQ(run(0), 0);
  EXPECT_EQ(run(1), 0);
  EXPECT_GT(run(AdapterUse::kNone), 0);
  EXPECT_GT(run(0), 0);
}

TEST(EngineAdapters, RequestsThatChooseNoneHaveTheModelsOwn) {
  const std::unique_ptr<Model> model = adapted_model(Kind::grouped);
  TokenRequest plain = request_of(3, 20, 6), first = plain, none = plain;
  first.adapter = 0, none.adapter = AdapterUse::kNone;
  EXPECT_EQ(alone(*model, plain), alone(*model, none));
  model->default_adapter = 0;
  EXPECT_EQ(alone(*model, plain), alone(*model, first));
  ThreadPool pool(1);
  auto engine = engine_of(*model, pool);
  plain.adapter = 3;
  EXPECT_FALSE(engine->submit(plain));
}

}  // namespace
}  // namespace weir
