// What a model is: the keys of a HuggingFace config.json (DeepSeek and its relatives, Qwen2, Qwen3,
// its MoE, Llama), presets by name, and the arithmetic of its size before anything is
// allocated.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "ops/gate.h"

namespace weir {

// compressed: one key/value row of a position for all heads, over a window and, further back, over
// entries that stand for several positions (DeepSeek-V4).
enum class AttentionKind { mla, gqa, compressed };
enum class RopeScaling { none, linear, yarn, llama3, longrope };

struct RopeConfig {
  double theta = 10000;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;
  int original_positions = 4096;          // original_max_position_embeddings
  double beta_fast = 32, beta_slow = 1;   // yarn
  double mscale = 1, mscale_all_dim = 0;  // yarn
  double attention_factor = 0;            // yarn: amplitude of cos and sin; 0: by factor and mscale
  double low_frequency_factor = 1, high_frequency_factor = 4;  // llama3
  std::vector<double> factors;  // longrope: what divides the frequency of each pair
  // Queries at position p are multiplied by 1 + beta ln(1 + floor(p / original_positions))
  // (Mistral 4's llama_4_scaling_beta); 0: they are not.
  double query_beta = 0;
  bool interleaved = true;  // pairs (2i, 2i+1); Qwen2 and Llama rotate halves
};

// Names follow config.json; 0 means absent.
struct ModelConfig {
  std::string model_type = "deepseek_v3";
  int vocab_size = 0;
  int hidden_size = 0;
  int num_hidden_layers = 0;
  int max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  double initializer_range = 0.02;
  int bos_token_id = -1, eos_token_id = -1;

  AttentionKind attention = AttentionKind::mla;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;  // gqa
  int head_dim = 0;             // gqa
  bool attention_bias = false;  // gqa: bias on q, k, v (Qwen2)
  bool head_norms = false;      // gqa: RMSNorm of each head's q and k (Qwen3)
  int q_lora_rank = 0;          // mla: 0 = full query projection
  int kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;  // mla
  RopeConfig rope;
  // mla: sparse attention over the index_topk tokens that an indexer chooses (V3.2); compressed:
  // over so many entries.
  int index_n_heads = 0, index_head_dim = 0, index_topk = 0;
  bool index_rope_interleaved = false;  // mla: pairs (2i, 2i+1) in the indexer too (GLM-5)

  // compressed; head_dim, q_lora_rank and qk_rope_head_dim are those of the other kinds.
  int sliding_window = 0;             // positions of the window, the own one included
  std::vector<int> compress_ratios;   // of each layer: positions of an entry; 0: the window alone
  RopeConfig compress_rope;           // of layers that have entries; `rope` of the others
  int o_groups = 0, o_lora_rank = 0;  // the output projection, of groups of heads
  int num_hash_layers = 0;            // the first ones choose experts by a table of token ids
  double swiglu_limit = 0;            // gate <= limit, |up| <= limit; 0: none
  // Streams of the residual, and how they are mixed (mHC).
  int hc_mult = 0, hc_sinkhorn_iters = 0;
  double hc_eps = 0;
  // V4.1: layers that make entries, and choices of them, for themselves and the layers after them;
  // of mla (GLM-5.2) index_source_layer_ids choose tokens so; empty: every layer chooses.
  std::vector<int> kv_source_layer_ids, index_source_layer_ids;
  int candidate_source_layer_id = -1;  // -1: no candidates
  int candidate_topk_blocks = 0, candidate_block_size = 0;
  std::vector<int> engram_layer_ids, engram_num_embeddings;
  int engram_vocab_size = 0, engram_max_ngram_size = 0, engram_n_heads = 0, engram_head_dim = 0;
  int engram_pad_token_id = 0, engram_compressed_vocab_size = 0;

  // MiniCPM: embeddings times scale_emb, what a part adds to the residual times scale_depth /
  // sqrt(layers), the last hidden state times dim_model_base / hidden_size; 0: not so.
  double scale_emb = 0, scale_depth = 0;
  int dim_model_base = 0;

  int intermediate_size = 0;  // dense SwiGLU width
  int n_routed_experts = 0;   // 0 = dense everywhere
  int n_shared_experts = 0;
  int num_experts_per_tok = 0;
  int moe_intermediate_size = 0;
  int first_k_dense_replace = 0;
  int moe_layer_freq = 1;
  int moe_layer_phase = 0;           // 1: layers are counted from 1 (Qwen3's decoder_sparse_step)
  std::vector<int> mlp_only_layers;  // dense whatever the rule says (Qwen3)
  GateKind gate = GateKind::sigmoid;
  GroupKind group_kind = GroupKind::none;
  int n_group = 1, topk_group = 1;
  bool has_gate_bias = false;  // e_score_correction_bias: selection only (noaux_tc)
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1;

  int num_nextn_predict_layers = 0;  // MTP modules, or the stages of DSpark

  // DSpark, in the place of MTP (compressed alone): layers whose streams the stages read; empty:
  // none. A block of so many tokens is drafted at once: the last known one and noise tokens.
  std::vector<int> dspark_target_layer_ids;
  int dspark_block_size = 0, dspark_noise_token_id = -1, dspark_markov_rank = 0;
  int dspark_n_routed_experts = 0, dspark_num_experts_per_tok = 0;  // of the stages

  bool has_dspark() const { return !dspark_target_layer_ids.empty(); }
  int mtp_modules() const { return has_dspark() ? 0 : num_nextn_predict_layers; }
  int dspark_stages() const { return has_dspark() ? num_nextn_predict_layers : 0; }
  // Of a layer, which may be a stage of DSpark.
  int experts_of(int layer) const {
    return has_dspark() && layer >= num_hidden_layers ? dspark_n_routed_experts : n_routed_experts;
  }
  int experts_chosen(int layer) const {
    return has_dspark() && layer >= num_hidden_layers ? dspark_num_experts_per_tok
                                                      : num_experts_per_tok;
  }
  bool is_moe(int layer) const;
  bool is_compressed() const { return attention == AttentionKind::compressed; }
  // Of a layer; 0 for those beyond the list (multi-token prediction).
  int compress_ratio(int layer) const {
    return size_t(layer) < compress_ratios.size() ? compress_ratios[size_t(layer)] : 0;
  }
  bool is_hashed(int layer) const { return layer < num_hash_layers; }
  // One source of entries for several layers, mHC one site late: V4.1.
  bool shares_entries() const { return !kv_source_layer_ids.empty(); }
  bool is_sparse() const { return index_topk > 0; }
  // Sparse latent attention: whether a layer chooses tokens, or takes the choice of the nearest
  // layer before it that does. Modules of multi-token prediction choose.
  bool chooses_tokens(int layer) const;
  bool shares_choices() const {
    return attention == AttentionKind::mla && !index_source_layer_ids.empty();
  }
  // What a part's output and the last hidden state are multiplied by.
  double residual_scale() const;
  double output_scale() const {
    return dim_model_base > 0 ? double(dim_model_base) / hidden_size : 1;
  }
  int query_width() const {  // all heads
    return num_attention_heads *
           (attention == AttentionKind::mla ? qk_nope_head_dim + qk_rope_head_dim : head_dim);
  }
  int key_head_width() const {
    return attention == AttentionKind::mla ? qk_nope_head_dim + qk_rope_head_dim : head_dim;
  }
  int value_head_width() const { return attention == AttentionKind::mla ? v_head_dim : head_dim; }
  int rotated_width() const {  // columns of a head that rotary positions turn
    return attention == AttentionKind::gqa ? head_dim : qk_rope_head_dim;
  }
  int kv_heads() const {
    return attention == AttentionKind::mla ? num_attention_heads : num_key_value_heads;
  }
  // (qk)^-0.5, times mscale^2 under YaRN with mscale_all_dim (DeepSeek-V2 remote code).
  double softmax_scale() const;
};

// Every key checked for type and range; errors name the key: "config.json: 'kv_lora_rank' must be
// ...". Unsupported model types, gates, scalings and activations are named. Unknown keys are
// ignored, as every reader of this format does.
Result<ModelConfig> parse_config(const Json& json, const std::string& path);
// The same of a file, whose 'architectures' must be the one of its model type.
Result<ModelConfig> read_config(const std::string& path);
// Writes what parse_config reads (architectures and auto_map as transformers expects them).
Json config_json(const ModelConfig& config);
// Divisibility, ranges, combinations; also applied by parse_config.
Result<void> validate(const ModelConfig& config);

// "deepseek-v2-lite", "deepseek-v2", "deepseek-v3", "moonlight", "r1-distill-qwen-1.5b", ...,
// "deepseek-67b", "demo", "shakespeare-moe" ... "deepseek-" may be left out: "v2-lite".
std::vector<std::string> preset_names();
Result<ModelConfig> preset(const std::string& name);

// Parameters by part. Active: used for one token, embedding look-up not counted, head counted.
struct ModelSize {
  int64_t total = 0, active = 0;
  int64_t embedding = 0, attention = 0, dense_mlp = 0, experts = 0, router = 0, norms = 0, mtp = 0;
};
ModelSize model_size(const ModelConfig& config);
// "2.4 M parameters, 770 k active per token; 4 layers of width 128".
std::string size_words(const ModelConfig& config);

// Numbers cached per token over all layers: what this model keeps, what the same heads would keep
// as plain multi-head attention.
struct CacheSize {
  int64_t elements = 0;
  int64_t multi_head_elements = 0;
};
CacheSize cache_size(const ModelConfig& config);
// Bytes that a further position adds to the cache in the number formats that DeepSeek serves its
// compressed models with (V4: FP8 entries with BF16 rotated columns and FP4 index keys; V4.1: FP4
// entries and index keys), window and open groups apart; 0 for other models.
double served_cache_bytes(const ModelConfig& config);

// Multiply-adds times two for one token of a forward pass at context length `context` (attention
// over context/2 on average in training); training costs three times this.
double forward_flops_per_token(const ModelConfig& config, int context);

}  // namespace weir
