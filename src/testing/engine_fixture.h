// For tests of the engine: requests for the tiny models, and what comes out for them.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

}  // namespace weir
