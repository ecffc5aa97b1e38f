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

// DeepSeek-V4's kind, with all kinds of layers.
inline ModelConfig compressed_config(int modules = 0) {
  const auto json = parse_json(R"({"model_type": "deepseek_v4", "vocab_size": 264,
      "hidden_size": 48, "num_hidden_layers": 4, "max_position_embeddings": 512,
      "initializer_range": 0.25, "num_attention_heads": 4, "head_dim": 12, "qk_rope_head_dim": 8,
      "q_lora_rank": 20, "sliding_window": 11, "o_groups": 2, "o_lora_rank": 10,
      "compress_ratios": [0, 4, 64, 4], "index_n_heads": 6, "index_head_dim": 12, "index_topk": 5,
      "hc_mult": 4, "num_hash_layers": 1, "n_routed_experts": 6, "num_experts_per_tok": 2,
      "moe_intermediate_size": 20, "rope_scaling": {"type": "yarn", "factor": 4,
      "original_max_position_embeddings": 64}})");
  ModelConfig config = *parse_config(*json, "tiny");
  config.num_nextn_predict_layers = modules;
  return config;
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

// Prompts of several lengths; the third begins as the first does.
inline std::vector<TokenRequest> mixed_requests(int tokens_max) {
  std::vector<TokenRequest> requests;
  for (auto [seed, prompt] :
       {std::pair(1, 70), std::pair(2, 3), std::pair(1, 90), std::pair(4, 33)})
    requests.push_back(request_of(uint64_t(seed), prompt, tokens_max));
  return requests;
}

// Greedy, after a prompt that says all twice: what n-grams make guesses for.
inline TokenRequest repeating_request(uint64_t seed, int prompt, int tokens_max) {
  TokenRequest request = request_of(seed, prompt, tokens_max);
  const std::vector<int> once = request.prompt;
  request.prompt.insert(request.prompt.end(), once.begin(), once.end());
  request.sampling.temperature = 0;
  return request;
}

// Some of equal beginnings, half of them greedy: what drafters are tried with.
inline std::vector<TokenRequest> drafted_requests(int count, int tokens_max) {
  std::vector<TokenRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back(request_of(uint64_t(i % 3), 20 + 5 * i, tokens_max));
    requests.back().sampling.temperature = i % 2 ? 0.3 : 0;
  }
  return requests;
}

// An engine that has had no request draws for each of these what it draws alone.
inline void expect_as_alone(Engine& engine, const Model& model,
                            const std::vector<TokenRequest>& requests) {
  Outputs outputs;
  for (const TokenRequest& request : requests) ASSERT_TRUE(engine.submit(request).has_value());
  finish(engine, outputs);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
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
