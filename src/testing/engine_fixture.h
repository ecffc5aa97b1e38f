// For tests of the engine: requests for the tiny models, and what comes out for them.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/engine.h"
#include "testing/generation_fixture.h"

namespace weir {

inline std::unique_ptr<Engine> engine_of(const Model& model, ThreadPool& pool,
                                         EngineOptions options = {}) {
  auto engine = Engine::create(model, pool, options);
  if (!engine) ADD_FAILURE() << engine.error().message;
  return *std::move(engine);
}

// As tiny_model(), with a context of 512 tokens.
inline const Model& roomy_model(Kind kind) {
  static std::map<Kind, std::unique_ptr<Model>> models;
  auto& model = models[kind];
  if (!model) {
    ModelConfig config = tiny(kind);
    config.max_position_embeddings = 512;
    model = Model::create(config, false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

// What came out for one sequence.
struct Output {
  std::vector<int> tokens;
  std::vector<float> log_probabilities;
  std::vector<uint16_t> experts;
  FinishReason reason = FinishReason::cancelled;
  std::string error;
  bool operator==(const Output&) const = default;
};
using Outputs = std::map<SequenceId, Output>;

inline void step(Engine& engine, Outputs& outputs) {
  for (Drawn& drawn : engine.step()) {
    Output& output = outputs[drawn.sequence];
    if (drawn.error.empty()) {
      output.tokens.push_back(drawn.token.token);
      output.log_probabilities.push_back(drawn.token.log_probability);
    }
    if (!drawn.is_last) continue;
    output.reason = drawn.reason;
    output.error = drawn.error;
    output.experts = std::move(drawn.experts);
  }
}

inline void finish(Engine& engine, Outputs& outputs) {
  while (!engine.is_idle()) step(engine, outputs);
}

inline Output alone(const Model& model, TokenRequest request) {
  ThreadPool pool(1);
  auto engine = engine_of(model, pool);
  Outputs outputs;
  EXPECT_TRUE(engine->submit(std::move(request)).has_value());
  finish(*engine, outputs);
  return outputs[0];
}

inline TokenRequest request_of(uint64_t seed, int prompt, int tokens_max) {
  TokenRequest request;
  request.prompt = prompt_of(seed, prompt);
  request.tokens_max = tokens_max;
  request.sampling.seed = seed;
  request.records_experts = true;
  return request;
}

inline size_t bytes_for(const Model& model, int positions) {
  return KvCache::create(model.config(), CacheForm::expanded, size_t(1) << 30)
      ->bytes_for(positions);
}

// Requests that come between the steps of an engine, run, and are cancelled now and then.
struct Traffic {
  std::vector<TokenRequest> requests;
  std::vector<SequenceId> cancelled;
  Outputs outputs;
};

// `count` requests as make() gives them; before a step one in `cancels` is cancelled.
template <class Make>
void run_traffic(Engine& engine, Random& random, size_t count, int cancels, const Make& make,
                 Traffic& traffic) {
  auto below = [&](int n) { return int(random.below(uint64_t(n))); };
  std::vector<TokenRequest>& requests = traffic.requests;
  int steps = 0;
  while (requests.size() < count || !engine.is_idle()) {
    if (requests.size() < count && below(2)) {
      requests.push_back(make());
      ASSERT_TRUE(engine.submit(requests.back()).has_value());
    }
    if (!requests.empty() && below(cancels) == 0) {
      traffic.cancelled.push_back(below(int(requests.size())));
      engine.cancel(traffic.cancelled.back());
    }
    step(engine, traffic.outputs);
    ASSERT_LT(++steps, 10000) << "the sequences block each other";
  }
}

// What was not cancelled came out as alone(request) gives it.
template <class Alone>
void expect_outputs(const Traffic& traffic, uint64_t seed, const Alone& alone_of) {
  for (size_t i = 0; i < traffic.requests.size(); ++i) {
    const auto found = traffic.outputs.find(SequenceId(i));
    const Output output = found == traffic.outputs.end() ? Output() : found->second;
    const bool is_cancelled =
        std::count(traffic.cancelled.begin(), traffic.cancelled.end(), SequenceId(i)) > 0;
    EXPECT_TRUE(is_cancelled || output.reason != FinishReason::cancelled) << i;
    if (output.reason == FinishReason::cancelled) continue;
    EXPECT_EQ(output, alone_of(traffic.requests[i])) << "seed " << seed << " request " << i;
  }
}

}  // namespace weir
