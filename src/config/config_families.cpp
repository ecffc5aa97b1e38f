#include "config/config_families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/conventions.h"

namespace weir {
namespace {

// Defaults of DeepseekV3Config (transformers 5.23). num_nextn_predict_layers is 0 here: a file that
// does not mention MTP comes without its weights.
ModelConfig deepseek_v3_defaults() {
  ModelConfig c;
  c.max_position_embeddings = 4096;
  c.bos_token_id = 0;
  c.eos_token_id = 1;
  c.attention = AttentionKind::mla;
  c.q_lora_rank = 1536;
  c.kv_lora_rank = 512;
  c.qk_nope_head_dim = 128;
  c.qk_rope_head_dim = 64;
  c.v_head_dim = 128;
  c.n_routed_experts = 256;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 8;
  c.moe_intermediate_size = 2048;
  c.first_k_dense_replace = 3;
  c.gate = GateKind::sigmoid;
  c.has_gate_bias = true;
  c.n_group = 8;
  c.topk_group = 4;
  c.norm_topk_prob = true;
  c.routed_scaling_factor = 2.5;
  return c;
}

// Defaults of DeepseekV2Config.
ModelConfig deepseek_v2_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  c.max_position_embeddings = 2048;
  c.bos_token_id = 1;
  c.eos_token_id = 2;
  c.n_routed_experts = 64;
  c.n_shared_experts = 2;
  c.num_experts_per_tok = 0;  // no default there either
  c.moe_intermediate_size = 1407;
  c.first_k_dense_replace = 0;
  c.gate = GateKind::softmax;
  c.has_gate_bias = false;
  c.n_group = c.topk_group = 1;
  c.norm_topk_prob = false;
  c.routed_scaling_factor = 1;
  return c;
}

// The first DeepSeekMoE: Llama's attention with experts (its own configuration_deepseek.py, whose
// token ids belong to one vocabulary and are not assumed for others).
ModelConfig deepseek_defaults() {
  ModelConfig c;
  c.max_position_embeddings = 2048;
  c.attention = AttentionKind::gqa;
  c.rope.interleaved = false;
  c.moe_intermediate_size = 1407;
  c.gate = GateKind::softmax;
  c.norm_topk_prob = false;
  return c;
}

ModelConfig llama_defaults() {
  ModelConfig c;
  c.max_position_embeddings = 2048;
  c.bos_token_id = 1;
  c.eos_token_id = 2;
  c.attention = AttentionKind::gqa;
  c.rope.interleaved = false;
  clear_experts(c);
  return c;
}

// Defaults of DeepseekV32Config: V3 with an indexer.
ModelConfig deepseek_v32_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  c.max_position_embeddings = 163840;
  c.index_n_heads = 64;
  c.index_head_dim = 128;
  c.index_topk = 2048;
  return c;
}

// Defaults of DeepseekV4Config (transformers 5.24), which is V4-Flash but for its first two layers.
ModelConfig deepseek_v4_defaults() {
  ModelConfig c;
  c.attention = AttentionKind::compressed;
  c.max_position_embeddings = 1 << 20;
  c.bos_token_id = 0;
  c.eos_token_id = 1;
  c.num_key_value_heads = 1;
  c.head_dim = 512;
  c.q_lora_rank = 1024;
  c.index_n_heads = 64;
  c.index_head_dim = 128;
  c.index_topk = 512;
  c.sliding_window = 128;
  c.compress_rope.theta = 160000;
  c.o_groups = 8;
  c.o_lora_rank = 1024;
  c.num_hash_layers = 3;
  c.swiglu_limit = 10;
  c.hc_mult = 4;
  c.hc_sinkhorn_iters = 20;
  c.hc_eps = 1e-6;
  c.n_routed_experts = 256;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 6;
  c.moe_intermediate_size = 2048;
  c.gate = GateKind::sqrt_softplus;
  c.has_gate_bias = true;
  c.routed_scaling_factor = 1.5;
  return c;
}

// V4.1-Flash's numbers, as its own configuration class has them; sizes that every file gives are
// those of V4.
ModelConfig deepseek_v41_defaults() {
  ModelConfig c = deepseek_v4_defaults();
  c.rms_norm_eps = 1e-20;
  c.num_hash_layers = 0;
  c.index_n_heads = 32;
  c.n_routed_experts = 384;
  c.moe_intermediate_size = 2304;
  c.engram_vocab_size = 16000000, c.engram_max_ngram_size = 4, c.engram_n_heads = 8;
  c.engram_head_dim = 256, c.engram_pad_token_id = 2;
  return c;
}

// Defaults of Glm4MoeLiteConfig: V3's attention and gate without groups.
ModelConfig glm4_moe_lite_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  c.max_position_embeddings = 202752;
  c.q_lora_rank = 768;
  c.qk_nope_head_dim = 192;
  c.v_head_dim = 256;
  c.n_routed_experts = 64;
  c.num_experts_per_tok = 4;
  c.moe_intermediate_size = 1536;
  c.first_k_dense_replace = 1;
  c.n_group = c.topk_group = 1;
  c.routed_scaling_factor = 1.8;
  return c;
}

// Defaults of YoutuConfig: V3's attention in a dense model. Its token ids belong to one vocabulary.
ModelConfig youtu_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  clear_experts(c);
  c.max_position_embeddings = 131072;
  c.bos_token_id = c.eos_token_id = -1;
  c.tie_word_embeddings = true;
  return c;
}

// Defaults of Mistral4Config: V3's attention with a softmax gate; its text is that of models that
// see images too.
ModelConfig mistral4_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  c.max_position_embeddings = 1 << 20;
  c.bos_token_id = 1;
  c.eos_token_id = 2;
  c.q_lora_rank = 1024;
  c.kv_lora_rank = 256;
  c.qk_nope_head_dim = 64;
  c.n_routed_experts = 128;
  c.num_experts_per_tok = 4;
  c.first_k_dense_replace = 0;
  c.gate = GateKind::softmax;
  c.has_gate_bias = false;
  c.n_group = c.topk_group = 1;
  c.routed_scaling_factor = 1;
  return c;
}

// Defaults of MiniCPM3Config: V2's attention in a dense model, whose rotary positions turn halves.
ModelConfig minicpm3_defaults() {
  ModelConfig c = deepseek_v3_defaults();
  clear_experts(c);
  c.max_position_embeddings = 32768;
  c.rms_norm_eps = 1e-5;
  c.tie_word_embeddings = true;
  c.bos_token_id = 1;
  c.eos_token_id = 2;
  c.q_lora_rank = 768;
  c.kv_lora_rank = 256;
  c.qk_nope_head_dim = 64;
  c.qk_rope_head_dim = 32;
  c.v_head_dim = 0;  // hidden_size / num_attention_heads
  c.rope.interleaved = false;
  c.scale_emb = 12;
  c.scale_depth = 1.4;
  c.dim_model_base = 256;
  return c;
}

// Defaults of GlmMoeDsaConfig: V3.2 without groups.
ModelConfig glm_moe_dsa_defaults() {
  ModelConfig c = deepseek_v32_defaults();
  c.max_position_embeddings = 202752;
  c.rms_norm_eps = 1e-5;
  c.q_lora_rank = 2048;
  c.qk_nope_head_dim = 192;
  c.v_head_dim = 256;
  c.n_group = c.topk_group = 1;
  c.index_n_heads = 32;
  c.index_rope_interleaved = true;
  return c;
}

ModelConfig qwen2_defaults() {
  ModelConfig c = llama_defaults();
  c.max_position_embeddings = 32768;
  c.bos_token_id = c.eos_token_id = -1;
  c.attention_bias = true;
  return c;
}

ModelConfig qwen3_defaults() {
  ModelConfig c = qwen2_defaults();
  c.head_dim = 128;
  c.attention_bias = false;
  c.head_norms = true;
  return c;
}

ModelConfig qwen3_moe_defaults() {
  ModelConfig c = qwen3_defaults();
  c.head_dim = 0;  // hidden_size / num_attention_heads
  c.n_routed_experts = 128;
  c.num_experts_per_tok = 8;
  c.moe_intermediate_size = 768;
  c.moe_layer_phase = 1;
  c.gate = GateKind::softmax;
  c.norm_topk_prob = false;
  return c;
}

std::vector<ModelFamily> make_families() {
  using Keys = ExpertKeys;
  using Traits = ModelFamily::Traits;
  const Traits plain, mtp{.has_mtp = true}, permuted{.permutes_gguf_rows = true};
  const Traits v2{.always_interleaves = true}, v32{.has_mtp = true, .always_interleaves = true};
  const Traits qwen_moe{.normalizes_one = true};
  const Traits v4{.has_mtp = true, .always_interleaves = true, .normalizes_one = true};
  Traits v41 = v4;
  v41.shares_entries = true;
  const Traits mistral4{.normalizes_one = true}, minicpm3{.turns_halves = true};
  const ModelConfig v3_defaults = deepseek_v3_defaults();
  std::vector<ModelFamily> families = {
      {"llama", "LlamaForCausalLM", "llama", Keys::none, permuted, llama_defaults()},
      {"qwen2", "Qwen2ForCausalLM", "qwen2", Keys::none, plain, qwen2_defaults()},
      {"qwen3", "Qwen3ForCausalLM", "qwen3", Keys::none, plain, qwen3_defaults()},
      {"qwen3_moe", "Qwen3MoeForCausalLM", "qwen3moe", Keys::qwen, qwen_moe, qwen3_moe_defaults()},
      {"deepseek", "DeepseekForCausalLM", "deepseek", Keys::deepseek, permuted,
       deepseek_defaults()},
      {"deepseek_v2", "DeepseekV2ForCausalLM", "deepseek2", Keys::deepseek, v2,
       deepseek_v2_defaults()},
      {"deepseek_v3", "DeepseekV3ForCausalLM", "deepseek2", Keys::deepseek, mtp, v3_defaults},
      {"kimi_k2", "DeepseekV3ForCausalLM", "deepseek2", Keys::deepseek, mtp, v3_defaults},
      {"glm4_moe_lite", "Glm4MoeLiteForCausalLM", "deepseek2", Keys::deepseek, mtp,
       glm4_moe_lite_defaults()},
      {"youtu", "YoutuForCausalLM", "deepseek2", Keys::none, plain, youtu_defaults()},
      {"deepseek_v32", "DeepseekV32ForCausalLM", "deepseek32", Keys::deepseek, v32,
       deepseek_v32_defaults()},
      {"glm_moe_dsa", "GlmMoeDsaForCausalLM", "glm-dsa", Keys::deepseek, v32,
       glm_moe_dsa_defaults()},
      {"mistral4", "Mistral4ForCausalLM", "mistral4", Keys::deepseek, mistral4,
       mistral4_defaults()},
      {"minicpm3", "MiniCPM3ForCausalLM", "minicpm3", Keys::none, minicpm3, minicpm3_defaults()},
      {"deepseek_v4", "DeepseekV4ForCausalLM", "deepseek4", Keys::deepseek, v4,
       deepseek_v4_defaults()},
      {"deepseek_v41", "DeepseekV41ForCausalLM", "deepseek41", Keys::deepseek, v41,
       deepseek_v41_defaults()},
  };
  for (ModelFamily& family : families) family.defaults.model_type = family.model_type;
  return families;
}

}  // namespace

const std::vector<ModelFamily>& model_families() {
  static const std::vector<ModelFamily> kFamilies = make_families();
  return kFamilies;
}

const ModelFamily* find_family(const std::string& model_type) {
  for (const ModelFamily& family : model_families())
    if (model_type == family.model_type) return &family;
  return nullptr;
}

Result<const ModelFamily*> find_gguf_family(const std::string& architecture) {
  std::vector<std::string> known;
  // DeepSeek-OCR's text is the first DeepSeekMoE under a name of its own.
  const std::string wanted = architecture == "deepseek2-ocr" ? "deepseek" : architecture;
  for (const ModelFamily& family : model_families()) {
    if (wanted == family.gguf_architecture) return &family;
    if (known.empty() || known.back() != family.gguf_architecture)
      known.push_back(family.gguf_architecture);
  }
  return Error{fmt::format("'general.architecture' '{}' is not supported: only {} are",
                           architecture, fmt::join(known, ", "))};
}

namespace {

// In DeepSeek-OCR's folders the text's part is DeepSeekMoE or DeepSeek-V2 by its own keys.
constexpr TextPart kTextParts[] = {
    {"kimi_k25",
     {"KimiK25ForConditionalGeneration", "Kimi_K25ForConditionalGeneration"},
     "text_config",
     {"kimi_k2", "deepseek_v3"},
     "kimi_k2"},
    {"mistral3", {"Mistral3ForConditionalGeneration"}, "text_config", {"mistral4"}, "mistral4"},
    {"deepseek_ocr2",
     {"DeepseekOcr2ForConditionalGeneration"},
     "text_config",
     {"deepseek_ocr2_text"},
     "deepseek"},
    {"deepseek_vl_v2",
     {"DeepseekOCRForCausalLM", "DeepseekOCR2ForCausalLM", "DeepseekVLV2ForCausalLM"},
     "language_config",
     {"deepseek_v2"},
     "deepseek_v2"},
    {"deepseek_v41",
     {"DeepseekV41ForCausalLM"},
     "text_config",
     {"deepseek_v41", "deepseek_v41_text"},
     "deepseek_v41"},
};

}  // namespace

const TextPart* find_text_part(const std::string& model_type) {
  for (const TextPart& part : kTextParts)
    if (model_type == part.model_type) return &part;
  return nullptr;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const ModelFamily& family : model_families()) names.push_back(family.model_type);
  for (const TextPart& part : kTextParts)
    if (!find_family(part.model_type)) names.push_back(part.model_type);
  std::sort(names.begin(), names.end());
  return names;
}

void clear_experts(ModelConfig& config) {
  config.n_routed_experts = config.n_shared_experts = config.num_experts_per_tok = 0;
  config.moe_intermediate_size = config.first_k_dense_replace = 0;
  config.moe_layer_phase = 0;
  config.mlp_only_layers.clear();
  config.moe_layer_freq = config.n_group = config.topk_group = 1;
  config.gate = GateKind::sigmoid;
  config.group_kind = GroupKind::none;
  config.has_gate_bias = false;
  config.norm_topk_prob = true;
  config.routed_scaling_factor = 1;
}

bool normalizes_gate(const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  const bool for_one = family && family->traits.normalizes_one;
  return config.norm_topk_prob && (config.num_experts_per_tok > 1 || for_one);
}

}  // namespace weir
