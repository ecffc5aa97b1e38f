// Tiny random models of three kinds to generate with, and prompts for them.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "testing/tiny_models.h"

namespace weir {

enum class Kind { latent, sparse, grouped };

inline ModelConfig tiny(Kind kind) {
  ModelConfig c = kind == Kind::grouped ? tiny_config(3) : tiny_expert_config(3, 6, 2);
  if (kind != Kind::grouped) c.q_lora_rank = 20;
  if (kind == Kind::sparse) {
    c.model_type = "deepseek_v32";
    c.index_n_heads = 3, c.index_head_dim = 12, c.index_topk = 16;
  }
  if (kind == Kind::grouped) {
    c.model_type = "qwen2";
    c.attention = AttentionKind::gqa;
    c.num_key_value_heads = 2, c.head_dim = 12, c.attention_bias = true;
    c.rope.interleaved = false, c.tie_word_embeddings = true;
  }
  return c;
}

inline const Model& tiny_model(Kind kind) {
  static std::map<Kind, std::unique_ptr<Model>> models;
  auto& model = models[kind];
  if (!model) {
    model = Model::create(tiny(kind), false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

inline std::vector<int> prompt_of(uint64_t seed, int length) {
  Random random(seed, 0);
  std::vector<int> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(int(random.below(256)) + 2);
  return tokens;
}

}  // namespace weir
