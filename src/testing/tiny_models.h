// For tests: configurations of models that are made in no time, and tokenizers of bytes for them.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {

// The added tokens, then one token for each of the 256 bytes.
inline Tokenizer make_byte_tokenizer(std::vector<NewToken> added = {}, const std::string& bos = "",
                                     const std::string& eos = "") {
  const std::string_view text[] = {"a"};
  auto made = train_character_tokenizer(
      text, {.added_tokens = std::move(added), .bos = bos, .eos = eos, .only_seen = false});
  if (!made) ADD_FAILURE() << made.error().message;
  return *std::move(made);
}

// Latent attention and dense blocks.
inline ModelConfig tiny_dense_config(int layers, int vocab_size, int positions) {
  ModelConfig c;
  c.vocab_size = vocab_size, c.hidden_size = 32, c.num_hidden_layers = layers;
  c.max_position_embeddings = positions;
  c.num_attention_heads = 2, c.intermediate_size = 48;
  c.kv_lora_rank = 16, c.qk_nope_head_dim = 8, c.qk_rope_head_dim = 8, c.v_head_dim = 8;
  return c;
}

// Sizes alone; attention and experts are added. Weights are far from uniform, so that texts and
// choices of experts differ. The vocabulary has some more columns than bytes.
inline ModelConfig tiny_config(int layers) {
  ModelConfig c;
  c.vocab_size = 264, c.hidden_size = 48, c.num_hidden_layers = layers;
  c.max_position_embeddings = 128, c.initializer_range = 0.25;
  c.num_attention_heads = 4, c.intermediate_size = 72;
  return c;
}

// Latent attention and experts after the first block.
inline ModelConfig tiny_expert_config(int layers, int experts, int experts_of_a_token) {
  ModelConfig c = tiny_config(layers);
  c.kv_lora_rank = 24, c.qk_nope_head_dim = 12, c.qk_rope_head_dim = 8, c.v_head_dim = 10;
  c.n_routed_experts = experts, c.n_shared_experts = 1;
  c.num_experts_per_tok = experts_of_a_token;
  c.moe_intermediate_size = 20, c.first_k_dense_replace = 1;
  return c;
}

}  // namespace weir
