// Who waits for whom: prompts that are read together, owners that share slots and memory. Counted
// in steps, never in seconds; and nothing of it changes a bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "testing/engine_fixture.h"

namespace weir {
namespace {

TokenRequest owned(const char* owner, uint64_t seed, int prompt, int tokens_max) {
  TokenRequest request = request_of(seed, prompt, tokens_max);
  request.owner = owner;
  return request;
}

TEST(EngineFairness, AShortPromptOvertakesALongOne) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.prefill_rows = 16});
  Outputs outputs;
  const TokenRequest running = request_of(1, 5, 60), large = request_of(2, 400, 3),
                     small = request_of(3, 20, 3);
  ASSERT_TRUE(engine->submit(running));
  step(*engine, outputs);
  ASSERT_TRUE(engine->submit(large));
  for (int i = 0; i < 4; ++i) step(*engine, outputs);
  ASSERT_TRUE(engine->submit(small));
  // 12 of 16 rows a pass, so 20 tokens take two; the long prompt gets the others.
  for (int i = 0; i < 2; ++i) step(*engine, outputs);
  EXPECT_EQ(outputs[2].tokens.size(), 1u);
  EXPECT_TRUE(outputs[1].tokens.empty());
  EXPECT_EQ(outputs[0].tokens.size(), 7u);  // one each step
  finish(*engine, outputs);
  EXPECT_EQ(outputs[0], alone(model, running));
  EXPECT_EQ(outputs[1], alone(model, large));
  EXPECT_EQ(outputs[2], alone(model, small));
}

// A long prompt ends although shorter ones keep coming.
TEST(EngineFairness, ALongPromptEndsBesideShortOnes) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.sequences_max = 4, .prefill_rows = 16});
  Outputs outputs;
  ASSERT_TRUE(engine->submit(request_of(1, 200, 1)));
  int steps = 0;
  for (uint64_t seed = 2; outputs[0].tokens.empty(); ++seed) {
    ASSERT_TRUE(engine->submit(request_of(seed, 40, 1)));
    step(*engine, outputs);
    ASSERT_LE(++steps, 50);  // 4 of its 200 rows each
  }
}

TEST(EngineFairness, AHundredRequestsDoNotDelayAnOwnerWithOne) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(2);
  auto engine = engine_of(model, pool, {.sequences_max = 4, .prefill_rows = 64});
  Outputs outputs;
  std::vector<TokenRequest> requests;
  for (uint64_t i = 0; i < 100; ++i) requests.push_back(owned("many", i, 8, 20));
  for (const TokenRequest& request : requests) ASSERT_TRUE(engine->submit(request));
  for (int i = 0; i < 3; ++i) step(*engine, outputs);
  requests.push_back(owned("one", 500, 8, 20));
  ASSERT_TRUE(engine->submit(requests.back()));
  // It takes a slot at once and keeps it.
  for (size_t i = 1; i <= 20; ++i) {
    step(*engine, outputs);
    EXPECT_EQ(outputs[100].tokens.size(), i);
  }
  EXPECT_EQ(engine->statistics().preemptions, 1);
  EXPECT_EQ(outputs[0].tokens.size(), 20u);  // the oldest was not disturbed
  finish(*engine, outputs);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
}

TEST(EngineFairness, OwnersReadTheirPromptsEquallyFast) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.prefill_rows = 16});
  Outputs outputs;
  for (uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(engine->submit(owned("many", i, 64, 2)));
  ASSERT_TRUE(engine->submit(owned("one", 9, 64, 2)));
  for (int i = 0; i < 8; ++i) step(*engine, outputs);
  EXPECT_EQ(outputs[5].tokens.size(), 1u);  // 64 rows at 8 a pass
  EXPECT_EQ(engine->statistics().prompt_tokens, 8 * 16);
}

// The pages that are missing come from the owner with the most sequences.
TEST(EngineFairness, MemoryIsTakenFromWhoHasTheMost) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine =
      engine_of(model, pool, {.sequences_max = 4, .cache_bytes_max = bytes_for(model, 8 * 32)});
  Outputs outputs;
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(engine->submit(owned("many", i, 20, 90)));
  ASSERT_TRUE(engine->submit(owned("one", 9, 20, 90)));
  for (size_t i = 1; i <= 90; ++i) {
    step(*engine, outputs);
    EXPECT_EQ(outputs[0].tokens.size(), i);
    EXPECT_EQ(outputs[3].tokens.size(), i);  // the youngest of all
  }
  EXPECT_GT(engine->statistics().preemptions, 0);
  finish(*engine, outputs);
  for (uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, owned("many", i, 20, 90)));
}

TEST(EngineFairness, ACancelledPromptGivesItsSlotAndRowsToTheNextStep) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(1);
  auto engine = engine_of(model, pool, {.sequences_max = 1, .prefill_rows = 16});
  Outputs outputs;
  ASSERT_TRUE(engine->submit(request_of(1, 400, 3)));
  ASSERT_TRUE(engine->submit(request_of(2, 10, 3)));
  for (int i = 0; i < 2; ++i) step(*engine, outputs);
  engine->cancel(0);
  step(*engine, outputs);
  EXPECT_EQ(outputs[1].tokens.size(), 1u);
  EXPECT_EQ(engine->statistics().prompt_tokens, 32 + 10);
}

// Times decide how many rows a pass has, and nothing else.
TEST(EngineFairness, ThePassBudgetChangesNoBit) {
  const Model& model = roomy_model(Kind::latent);
  for (double seconds : {1e-9, 1e-3}) {
    ThreadPool pool(2);
    auto engine = engine_of(model, pool, {.prefill_rows = 128, .pass_seconds = seconds});
    Outputs outputs;
    std::vector<TokenRequest> requests;
    for (uint64_t i = 0; i < 6; ++i) {
      requests.push_back(owned(i % 2 ? "a" : "b", i, 30 + 40 * int(i), 25));
      ASSERT_TRUE(engine->submit(requests.back()));
      step(*engine, outputs);
    }
    finish(*engine, outputs);
    for (size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
  }
}

}  // namespace
}  // namespace weir
