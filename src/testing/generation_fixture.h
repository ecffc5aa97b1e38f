// Tiny random models of three kinds to generate with, and prompts for them.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "model/model.h"

namespace weir {

enum class Kind { latent, sparse, grouped };

inline ModelConfig tiny(Kind kind) {
  ModelConfig c;
  c.vocab_size = 264;
  c.hidden_size = 48;
  c.num_hidden_layers = 3;
  c.max_position_embeddings = 128;
  c.initializer_range = 0.25;  // far from uniform, so that texts differ
  c.attention = kind == Kind::grouped ? AttentionKind::gqa : AttentionKind::mla;
  c.num_attention_heads = 4;
  c.intermediate_size = 72;
  if (kind == Kind::sparse) {
    c.model_type = "deepseek_v32";
    c.index_n_heads = 3;
    c.index_head_dim = 12;
    c.index_topk = 16;
  }
  if (kind != Kind::grouped) {
    c.q_lora_rank = 20;
    c.kv_lora_rank = 24;
    c.qk_nope_head_dim = 12;
    c.qk_rope_head_dim = 8;
    c.v_head_dim = 10;
    c.n_routed_experts = 6;
    c.n_shared_experts = 1;
    c.num_experts_per_tok = 2;
    c.moe_intermediate_size = 20;
    c.first_k_dense_replace = 1;
  } else {
    c.model_type = "qwen2";
    c.num_key_value_heads = 2;
    c.head_dim = 12;
    c.attention_bias = true;
    c.rope.interleaved = false;
    c.tie_word_embeddings = true;
  }
  return c;
}

inline const Model& tiny_model(Kind kind) {
  static std::map<Kind, std::unique_ptr<Model>> models;
  auto& model = models[kind];
  if (!model) {
    model = Model::create(tiny(kind), false);
    model->initialize(5);
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
