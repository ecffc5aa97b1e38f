// Published models by name: the keys of their config.json files that differ from the defaults of
// their model type. Sources: the files in the models' repositories; for Kimi-K2 and
// R1-0528-Qwen3-8B some values come from third-party copies.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/text.h"
#include "config/config.h"

namespace weir {
namespace {

constexpr const char* kV3 =
    R"({"model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168,
      "num_hidden_layers": 61, "intermediate_size": 18432, "max_position_embeddings": 163840,
      "num_attention_heads": 128, "rope_scaling": {"type": "yarn", "factor": 40,
      "original_max_position_embeddings": 4096, "mscale_all_dim": 1},
      "num_nextn_predict_layers": 1})";

struct Preset {
  const char* name;
  const char* json;
};
constexpr Preset kPresets[] = {
    {"deepseek-moe-16b",
     R"({"model_type": "deepseek", "vocab_size": 102400, "hidden_size": 2048,
         "num_hidden_layers": 28, "intermediate_size": 10944, "max_position_embeddings": 4096,
         "bos_token_id": 100000, "eos_token_id": 100001, "num_attention_heads": 16,
         "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
         "moe_intermediate_size": 1408, "first_k_dense_replace": 1})"},
    {"deepseek-v2-lite",
     R"({"model_type": "deepseek_v2", "vocab_size": 102400, "hidden_size": 2048,
         "num_hidden_layers": 27, "intermediate_size": 10944, "max_position_embeddings": 163840,
         "bos_token_id": 100000, "eos_token_id": 100001, "num_attention_heads": 16,
         "q_lora_rank": null, "rope_scaling": {"type": "yarn", "factor": 40,
         "original_max_position_embeddings": 4096, "mscale": 0.707, "mscale_all_dim": 0.707},
         "num_experts_per_tok": 6, "moe_intermediate_size": 1408, "first_k_dense_replace": 1})"},
    {"deepseek-v2",
     R"({"model_type": "deepseek_v2", "vocab_size": 102400, "hidden_size": 5120,
         "num_hidden_layers": 60, "intermediate_size": 12288, "max_position_embeddings": 163840,
         "bos_token_id": 100000, "eos_token_id": 100001, "num_attention_heads": 128,
         "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096,
         "mscale_all_dim": 1}, "n_routed_experts": 160, "num_experts_per_tok": 6,
         "moe_intermediate_size": 1536, "first_k_dense_replace": 1,
         "topk_method": "group_limited_greedy", "n_group": 8, "topk_group": 3,
         "routed_scaling_factor": 16})"},
    {"deepseek-v3", kV3},
    {"deepseek-v3.1", kV3},  // the same architecture, other weights
    {"deepseek-r1", kV3},    // again
    {"deepseek-v3.2",
     R"({"model_type": "deepseek_v32", "vocab_size": 129280, "hidden_size": 7168,
         "num_hidden_layers": 61, "intermediate_size": 18432, "num_attention_heads": 128,
         "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096,
         "mscale_all_dim": 1}, "num_nextn_predict_layers": 1})"},
    {"deepseek-v4-flash",
     R"({"model_type": "deepseek_v4", "vocab_size": 129280, "hidden_size": 4096,
         "num_hidden_layers": 43, "num_attention_heads": 64, "compress_ratios": [0, 0, 4, 128, 4, 128,
         4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4,
         128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4],
         "rope_scaling": {"type": "yarn", "factor": 16,
         "original_max_position_embeddings": 65536}})"},
    {"deepseek-v4-pro",
     R"({"model_type": "deepseek_v4", "vocab_size": 129280, "hidden_size": 7168,
         "num_hidden_layers": 61, "num_attention_heads": 128, "q_lora_rank": 1536, "o_groups": 16,
         "compress_ratios": [128, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128,
         4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4,
         128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4],
         "index_topk": 1024, "n_routed_experts": 384, "moe_intermediate_size": 3072,
         "routed_scaling_factor": 2.5, "rope_scaling": {"type": "yarn", "factor": 16,
         "original_max_position_embeddings": 65536}})"},
    {"deepseek-v4.1-flash",
     R"({"model_type": "deepseek_v41", "vocab_size": 129280, "hidden_size": 5120,
         "num_hidden_layers": 40, "num_attention_heads": 64, "q_lora_rank": 1280,
         "compress_ratios": [0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1,
         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
         "kv_source_layer_ids": [2, 8, 14, 20],
         "index_source_layer_ids": [2, 8, 14, 20, 24, 28, 32, 36], "candidate_source_layer_id": 20,
         "candidate_topk_blocks": 2048, "candidate_block_size": 8, "engram_layer_ids": [1, 14],
         "engram_num_embeddings": [384006168, 384016682], "engram_vocab_size": 16000000,
         "engram_max_ngram_size": 4, "engram_n_heads": 8, "engram_head_dim": 256,
         "engram_pad_token_id": 2, "engram_compressed_vocab_size": 99092,
         "rope_scaling": {"type": "yarn", "factor": 16,
         "original_max_position_embeddings": 65536}})"},
    {"moonlight",
     R"({"model_type": "deepseek_v3", "vocab_size": 163840, "hidden_size": 2048,
         "num_hidden_layers": 27, "intermediate_size": 11264, "max_position_embeddings": 8192,
         "rms_norm_eps": 1e-05, "bos_token_id": 163584, "eos_token_id": 163586,
         "num_attention_heads": 16, "q_lora_rank": null, "rope_theta": 50000,
         "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
         "moe_intermediate_size": 1408, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
         "routed_scaling_factor": 2.446})"},
    // Positions, scale of the gate, rotary scaling and token ids are not verified against the
    // published file. None of them changes a size.
    {"kimi-k2",
     R"({"model_type": "kimi_k2", "vocab_size": 163840, "hidden_size": 7168,
         "num_hidden_layers": 61, "intermediate_size": 18432, "max_position_embeddings": 131072,
         "bos_token_id": 163584, "eos_token_id": 163585, "num_attention_heads": 64,
         "rope_theta": 50000, "rope_scaling": {"type": "yarn", "factor": 32,
         "original_max_position_embeddings": 4096, "beta_fast": 1, "mscale_all_dim": 1},
         "n_routed_experts": 384, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
         "routed_scaling_factor": 2.827})"},
    {"deepseek-67b",
     R"({"model_type": "llama", "vocab_size": 102400, "hidden_size": 8192,
         "num_hidden_layers": 95, "intermediate_size": 22016, "max_position_embeddings": 4096,
         "bos_token_id": 100000, "eos_token_id": 100001, "num_attention_heads": 64,
         "num_key_value_heads": 8})"},
    {"r1-distill-qwen-1.5b",
     R"({"model_type": "qwen2", "vocab_size": 151936, "hidden_size": 1536,
         "num_hidden_layers": 28, "intermediate_size": 8960, "max_position_embeddings": 131072,
         "bos_token_id": 151643, "eos_token_id": 151643, "num_attention_heads": 12,
         "num_key_value_heads": 2})"},
    {"r1-distill-qwen-7b",
     R"({"model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584,
         "num_hidden_layers": 28, "intermediate_size": 18944, "max_position_embeddings": 131072,
         "bos_token_id": 151643, "eos_token_id": 151643, "num_attention_heads": 28,
         "num_key_value_heads": 4})"},
    {"r1-distill-qwen-14b",
     R"({"model_type": "qwen2", "vocab_size": 152064, "hidden_size": 5120,
         "num_hidden_layers": 48, "intermediate_size": 13824, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-05, "bos_token_id": 151643, "eos_token_id": 151643,
         "num_attention_heads": 40, "num_key_value_heads": 8, "rope_theta": 1000000})"},
    {"r1-distill-qwen-32b",
     R"({"model_type": "qwen2", "vocab_size": 152064, "hidden_size": 5120,
         "num_hidden_layers": 64, "intermediate_size": 27648, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-05, "bos_token_id": 151643, "eos_token_id": 151643,
         "num_attention_heads": 40, "num_key_value_heads": 8, "rope_theta": 1000000})"},
    {"r1-distill-llama-8b",
     R"({"model_type": "llama", "vocab_size": 128256, "hidden_size": 4096,
         "num_hidden_layers": 32, "intermediate_size": 14336, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-05, "bos_token_id": 128000, "eos_token_id": 128001,
         "num_attention_heads": 32, "num_key_value_heads": 8, "rope_theta": 500000,
         "rope_scaling": {"type": "llama3", "factor": 8,
         "original_max_position_embeddings": 8192}})"},
    {"r1-distill-llama-70b",
     R"({"model_type": "llama", "vocab_size": 128256, "hidden_size": 8192,
         "num_hidden_layers": 80, "intermediate_size": 28672, "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-05, "bos_token_id": 128000, "eos_token_id": 128001,
         "num_attention_heads": 64, "num_key_value_heads": 8, "rope_theta": 500000,
         "rope_scaling": {"type": "llama3", "factor": 8,
         "original_max_position_embeddings": 8192}})"},
    {"qwen2.5-0.5b",
     R"({"model_type": "qwen2", "vocab_size": 151936, "hidden_size": 896,
         "num_hidden_layers": 24, "intermediate_size": 4864, "tie_word_embeddings": true,
         "bos_token_id": 151643, "eos_token_id": 151643, "num_attention_heads": 14,
         "num_key_value_heads": 2, "rope_theta": 1000000})"},
    {"qwen3-0.6b",
     R"({"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024,
         "num_hidden_layers": 28, "intermediate_size": 3072, "max_position_embeddings": 40960,
         "tie_word_embeddings": true, "bos_token_id": 151643, "eos_token_id": 151645,
         "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
         "rope_theta": 1000000})"},
    {"qwen3-8b",
     R"({"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 4096,
         "num_hidden_layers": 36, "intermediate_size": 12288, "max_position_embeddings": 40960,
         "bos_token_id": 151643, "eos_token_id": 151645, "num_attention_heads": 32,
         "num_key_value_heads": 8, "head_dim": 128, "rope_theta": 1000000})"},
    {"qwen3-30b-a3b",
     R"({"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048,
         "num_hidden_layers": 48, "intermediate_size": 6144, "max_position_embeddings": 40960,
         "bos_token_id": 151643, "eos_token_id": 151645, "num_attention_heads": 32,
         "num_key_value_heads": 4, "head_dim": 128, "rope_theta": 1000000, "norm_topk_prob": true})"},
    // Its scaling of positions is from a third-party copy.
    {"r1-0528-qwen3-8b",
     R"({"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 4096,
         "num_hidden_layers": 36, "intermediate_size": 12288, "max_position_embeddings": 131072,
         "bos_token_id": 151643, "eos_token_id": 151645, "num_attention_heads": 32,
         "num_key_value_heads": 8, "head_dim": 128, "rope_theta": 1000000,
         "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}})"},
    // Shaped like DeepSeek-V3; trains on two cores in minutes. Weights of about 1 / sqrt(hidden)
    // learn faster in few steps than those of 0.02.
    {"demo",
     R"({"model_type": "deepseek_v3", "vocab_size": 2048, "hidden_size": 192,
         "num_hidden_layers": 4, "intermediate_size": 512, "max_position_embeddings": 512,
         "initializer_range": 0.07, "num_attention_heads": 6, "q_lora_rank": null,
         "kv_lora_rank": 48, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32,
         "n_routed_experts": 16, "num_experts_per_tok": 2, "moe_intermediate_size": 128,
         "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "routed_scaling_factor": 1,
         "num_nextn_predict_layers": 1})"},
};

ModelConfig config_of(const Preset& preset) {
  const auto json = parse_json(preset.json);
  CHECK(json.has_value());
  const auto config = parse_config(*json, preset.name);
  CHECK(config.has_value());
  return *config;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& entry : kPresets) names.push_back(entry.name);
  return names;
}

Result<ModelConfig> preset(const std::string& name) {
  for (const Preset& entry : kPresets)
    if (name == entry.name || "deepseek-" + name == entry.name) return config_of(entry);
  std::string near = nearest_word(name, preset_names());
  if (!near.empty())
    return Error{fmt::format("no model is named '{}'; did you mean '{}'?", name, near)};
  return Error{fmt::format("no model is named '{}'; the names are {}", name,
                           fmt::join(preset_names(), ", "))};
}

}  // namespace weir
