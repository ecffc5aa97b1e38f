// Sequences of equal tokens that are computed once: each draws what it would draw alone.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

// Samples of one prompt that are much alike, and now and then part.
std::vector<TokenRequest> samples(uint64_t prompt, int count, int tokens_max) {
  std::vector<TokenRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back(request_of(prompt, 20 + int(prompt), tokens_max));
    requests.back().sampling.temperature = 0.25f;
    requests.back().stream = uint64_t(i);
  }
  return requests;
}

TEST(Joined, DrawWhatEachWouldDrawAlone) {
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped})
    for (int chunk : {7, 64}) {
      const Model& model = tiny_model(kind);
      ThreadPool pool(2);
      auto engine =
          engine_of(model, pool, {.sequences_max = 8, .prefill_rows = chunk, .joins_equal = true});
      Outputs outputs;
      std::vector<TokenRequest> requests = samples(0, 6, 24);
      for (const TokenRequest& request : samples(1, 5, 30)) requests.push_back(request);
      requests[1].tokens_max = 5;  // ends before its leader
      requests[0].tokens_max = 9;  // a leader that ends
      for (const TokenRequest& request : requests) ASSERT_TRUE(engine->submit(request).has_value());
      finish(*engine, outputs);
      size_t drawn = 0;
      for (size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i << " " << chunk;
        drawn += outputs[SequenceId(i)].tokens.size();
      }
      const GenerateStatistics& s = engine->statistics();
      EXPECT_GT(s.joined_tokens, int64_t(drawn / 4));
      EXPECT_LT(s.joined_tokens, int64_t(drawn)) << "some parted";
      EXPECT_EQ(s.preemptions, 0);
    }
}

TEST(Joined, OnlyWhereItIsAskedForAndOfOneOwner) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  for (bool joins : {false, true}) {
    auto engine = engine_of(model, pool, {.joins_equal = joins});
    Outputs outputs;
    std::vector<TokenRequest> requests = samples(0, 4, 12);
    for (size_t i = 0; i < 4; ++i) requests[i].owner = joins ? std::to_string(i) : "one";
    for (const TokenRequest& request : requests) ASSERT_TRUE(engine->submit(request).has_value());
    finish(*engine, outputs);
    EXPECT_EQ(engine->statistics().joined_tokens, 0);
  }
}

TEST(Joined, PartWhenTheirLeaderIsCancelledOrPreempted) {
  const Model& model = tiny_model(Kind::latent);
  for (uint64_t seed = 0; seed < 6; ++seed) {
    ThreadPool pool(2);
    auto engine = engine_of(model, pool,
                            {.sequences_max = 4,
                             .prefill_rows = 10,
                             .cache_bytes_max = bytes_for(model, seed % 2 ? 160 : 1024),
                             .joins_equal = true});
    Random random(seed, 0);
    Traffic traffic;
    const auto make = [&] {
      TokenRequest request = samples(random.below(2), 1, 8 + int(random.below(60)))[0];
      request.stream = random.below(3);  // some are equal to the end
      return request;
    };
    run_traffic(*engine, random, 16, 8, make, traffic);
    expect_outputs(traffic, seed,
                   [&](const TokenRequest& request) { return alone(model, request); });
    EXPECT_GT(engine->statistics().joined_tokens, 0) << seed;
    if (seed % 2) {
      EXPECT_GT(engine->statistics().preemptions, 0) << seed;
    }
  }
}

}  // namespace
}  // namespace weir
