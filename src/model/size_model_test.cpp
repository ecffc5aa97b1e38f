// The arithmetic of sizes against the model itself: the same tensors, the same memory in the arena.
#include <gtest/gtest.h>

#include <map>

#include "config/size.h"
#include "model/model.h"

namespace weir {
namespace {

// A memory of n-grams in two of three layers.
void remember(ModelConfig& c) {
  c.engram_layer_ids = {0, 1}, c.engram_vocab_size = 50, c.engram_max_ngram_size = 3;
  c.engram_n_heads = 4, c.engram_head_dim = 16, c.engram_pad_token_id = 0;
  c.engram_compressed_vocab_size = c.vocab_size;
  c.engram_num_embeddings = {700, 1200};
}

ModelConfig small(const char* preset_name) {
  ModelConfig c = *preset(preset_name);
  c.vocab_size = 256;
  c.hidden_size = 64;
  c.num_hidden_layers = 3;
  c.max_position_embeddings = 512;
  c.bos_token_id = c.eos_token_id = -1;
  c.num_attention_heads = 4;
  c.intermediate_size = 160;
  if (c.attention == AttentionKind::mla) {
    if (c.q_lora_rank > 0) c.q_lora_rank = 48;
    c.kv_lora_rank = 32;
    c.qk_nope_head_dim = 16;
    c.qk_rope_head_dim = 16;
    c.v_head_dim = 16;
    if (c.is_sparse()) c.index_n_heads = 3, c.index_head_dim = 24;
  } else if (c.is_compressed()) {
    c.q_lora_rank = 48, c.head_dim = 32, c.qk_rope_head_dim = 16, c.sliding_window = 24;
    c.o_groups = 2, c.o_lora_rank = 24, c.index_n_heads = 3, c.index_head_dim = 24;
    c.compress_ratios = {0, 4, 128}, c.num_hash_layers = 1;
    if (c.shares_entries())
      c.compress_ratios = {0, 2, 1}, c.kv_source_layer_ids = c.index_source_layer_ids = {1, 2},
      c.candidate_source_layer_id = 2, c.num_hash_layers = 0, remember(c);
  } else {
    c.num_key_value_heads = 2;
    c.head_dim = 16;
  }
  if (c.n_routed_experts > 0) {
    c.n_routed_experts = 8;
    c.num_experts_per_tok = 2;
    c.moe_intermediate_size = 32;
    c.first_k_dense_replace = c.is_compressed() ? 0 : 1;
    c.n_group = c.topk_group = 1;
    c.group_kind = GroupKind::none;
  }
  return c;
}

constexpr const char* kKinds[] = {"deepseek-v4-flash",  "deepseek-v3",      "deepseek-v3.2",
                                  "deepseek-v2-lite",   "deepseek-moe-16b", "deepseek-67b",
                                  "r1-distill-qwen-7b", "qwen2.5-0.5b",     "qwen3-8b",
                                  "qwen3-30b-a3b"};

TEST(SizeOfModel, ListsTheTensorsThatTheModelHas) {
  std::vector<const char*> kinds(std::begin(kKinds), std::end(kKinds));
  kinds.push_back("deepseek-v4.1-flash");
  for (const char* kind : kinds) {
    ModelConfig c = small(kind);
    if (c.model_type == "deepseek_v4") c.num_nextn_predict_layers = 1;
    ASSERT_TRUE(validate(c).has_value()) << kind << ": " << validate(c).error().message;
    std::map<std::string, std::vector<uint64_t>> listed, real;
    auto list = [&](const std::vector<TensorShape>& tensors) {
      for (const TensorShape& tensor : tensors)
        for (int copy = 0; copy < tensor.copies; ++copy) {
          std::string name = tensor.name;
          if (tensor.copies > 1) name.replace(name.find("{}"), 2, std::to_string(copy));
          listed[name] = tensor.shape;
        }
    };
    list(outer_tensors(c));
    for (int i = 0; i < c.num_hidden_layers + c.num_nextn_predict_layers; ++i)
      list(layer_tensors(c, i));
    auto model = Model::create(c, false);
    for (const Matrix* weight : model->weights())
      for (const NamedSlice& slice : named_slices(*weight)) real[slice.name] = slice.shape;
    EXPECT_EQ(listed, real) << kind;
  }
}

// Bytes per token that a forward pass leaves for the backward one. Two batch sizes, so that what
// does not grow with tokens cancels.
double measured_activations(Model& model, bool recompute) {
  model.recompute_blocks = recompute;
  ThreadPool pool(1);
  constexpr int kRows[] = {64, 192};
  double used[2];
  for (int i = 0; i < 2; ++i) {
    int rows = kRows[i];
    std::vector<int> tokens(size_t(rows), 1), positions, sequences(size_t(rows), 0);
    for (int r = 0; r < rows; ++r) positions.push_back(r);
    Batch batch(tokens, positions, sequences);
    Arena arena(size_t(1) << 30);
    Tape tape(arena);
    Run run{arena, pool, batch};
    run.tape = &tape;
    Tensor states;
    (void)model.forward(run, nullptr, &states);
    for (int m = 0; m < model.config().num_nextn_predict_layers; ++m)
      (void)model.predict_further(run, states, tokens, m);
    used[i] = double(arena.used());
  }
  return (used[1] - used[0]) / (kRows[1] - kRows[0]);
}

TEST(SizeOfModel, ActivationsAreAsMeasured) {
  std::vector<ModelConfig> configs;
  for (const char* kind : kKinds) {
    configs.push_back(small(kind));
    if (std::string(kind) == "deepseek-v4-flash" || std::string(kind) == "qwen3-8b")
      remember(configs.back());
  }
  configs.push_back(small(kKinds[0]));
  configs.back().num_nextn_predict_layers = 2;
  for (const ModelConfig& c : configs) {
    const std::string& kind = c.model_type;
    auto model = Model::create(c, true);
    model->initialize(1);
    ThreadPool pool(1);
    model->pack(pool);
    double formula = 4. * double(activations_per_token(c, false));
    // The rest is rounding to 64 bytes and the lists of gathered rows.
    EXPECT_NEAR(measured_activations(*model, false) / formula, 1, 0.01) << kind;
    // The formula with recomputation includes the block being recomputed, a forward pass does not.
    EXPECT_LT(measured_activations(*model, true), 4. * double(activations_per_token(c, true)))
        << kind;
  }
}

}  // namespace
}  // namespace weir
