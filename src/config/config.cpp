// Reading config.json: every key checked, absent ones as transformers fills them in.
#include "config/config.h"

#include <algorithm>
#include <cmath>

#include "config/config_reader.h"
#include "config/rope_table.h"

namespace weir {
namespace {

constexpr std::string_view kFsdpPrefix = "FSDP";
// Of Qwen2Config and its successors in transformers.
constexpr int kWindowDefault = 4096, kFirstWindowDefault = 28;
constexpr size_t kConfigBytesMax = size_t(4) << 20;  // published files have 1-3 KB

void read_latent_attention(ConfigReader& in, ModelConfig& config) {
  if (in.is_null("q_lora_rank")) config.q_lora_rank = 0;  // null: a full query projection
  in.integer("q_lora_rank", config.q_lora_rank, 0, kWidthMax);
  in.integer("kv_lora_rank", config.kv_lora_rank, 1, kWidthMax);
  in.integer("qk_nope_head_dim", config.qk_nope_head_dim, 1, kHeadMax);
  in.integer("qk_rope_head_dim", config.qk_rope_head_dim, 2, kHeadMax);
  in.integer("v_head_dim", config.v_head_dim, 1, kHeadMax);
  in.boolean("rope_interleave", config.rope.interleaved);
  in.must_be_off("attention_bias");
  if (!config.is_sparse()) return;
  in.integer("index_n_heads", config.index_n_heads, 1, kHeadsMax);
  in.integer("index_head_dim", config.index_head_dim, 2, kHeadMax);
  in.integer("index_topk", config.index_topk, 1, kPositionsMax);
  in.must_be_off("indexer_rope_interleave");
}

// Windows of attention: use_sliding_window, or words in layer_types, the newer spelling, which
// decides where it is there. With use_sliding_window layers from max_window_layers on have windows;
// one that is as long as the model's positions is none.
void refuse_windows(ConfigReader& in, const ModelConfig& config) {
  constexpr const char* kRemedy = "attention over a window of positions is not supported";
  bool windows = false;
  int window = kWindowDefault, first = kFirstWindowDefault;
  in.boolean("use_sliding_window", windows);
  in.integer("sliding_window", window, 0, kPositionsMax);
  in.integer("max_window_layers", first, 0, kPositionsMax);
  if (window >= config.max_position_embeddings) return;
  if (const Json* kinds = in.find("layer_types")) {
    for (const Json& kind : kinds->items())
      if (kind.text() != "full_attention")
        return in.fail("layer_types", fmt::format("has '{}', but {}", kind.text(), kRemedy));
    return;
  }
  if (windows && !in.is_null("sliding_window") && first < config.num_hidden_layers)
    in.fail("use_sliding_window", fmt::format("is true for layers {} to {}, but {}", first,
                                              config.num_hidden_layers - 1, kRemedy));
}

void read_grouped_attention(ConfigReader& in, ModelConfig& config) {
  config.num_key_value_heads = config.num_attention_heads;
  in.integer("num_key_value_heads", config.num_key_value_heads, 1, kHeadsMax);
  if (config.head_dim == 0 && config.num_attention_heads > 0)
    config.head_dim = config.hidden_size / config.num_attention_heads;
  in.integer("head_dim", config.head_dim, 2, kHeadMax);
  refuse_windows(in, config);
  in.must_be_off("mlp_bias");
  // Qwen2 has biases on q, k and v without saying so; elsewhere the key would add one to o as well.
  if (config.model_type != "qwen2") in.must_be_off("attention_bias");
}

// Weights of other types than these two are not read; a file that has them says so here. What fp8
// means is stated by the tensors themselves, in blocks of 128 by 128.
void read_quantization(ConfigReader& in) {
  constexpr const char* kKey = "quantization_config";
  const Json* section = in.find(kKey);
  if (!section) return;
  if (!section->is_object()) return in.fail(kKey, "must be an object");
  ConfigReader inner(*section, fmt::format("{}: {}", in.path(), kKey));
  std::string method = "none";
  inner.word("quant_method", method);
  if (method != "fp8")
    inner.fail("quant_method", fmt::format("'{}' is not supported: only fp8 is", method));
  std::string format = "e4m3";
  inner.word("fmt", format);
  if (format != "e4m3")
    inner.fail("fmt", fmt::format("'{}' is not supported: only e4m3 is", format));
  std::vector<int> block;
  inner.integers("weight_block_size", block, 1, kWidthMax, 2);
  if (block != std::vector<int>{128, 128})
    inner.fail("weight_block_size", "must be [128, 128]: other scales are not supported");
  in.adopt(inner);
}

void read_activation(ConfigReader& in) {
  std::string activation = "silu";
  in.word("hidden_act", activation);
  if (activation != "silu")
    in.fail("hidden_act", fmt::format("'{}' is not supported: only silu is", activation));
}

Result<void> check_architectures(const Json& json, const std::string& path) {
  const Json* names = json.find("architectures");
  if (!names || names->size() == 0) return {};
  const Json* type = json.find("model_type");
  const ModelFamily* family = find_family(type ? type->text() : "");
  if (!family) return {};  // parse_config says so
  for (const Json& name : names->items()) {
    std::string_view text = name.text();
    // FSDP2 put its wrapper's name before the class's for some months; the weights are ordinary.
    if (text.starts_with(kFsdpPrefix)) text.remove_prefix(kFsdpPrefix.size());
    if (text == family->architecture) return {};
  }
  return Error{fmt::format(
      "{}: 'architectures' has '{}', but 'model_type' '{}' goes with '{}'; if the weights are of "
      "that kind, correct the file",
      path, names->items().empty() ? "" : names->items()[0].text(), family->model_type,
      family->architecture)};
}

}  // namespace

bool ModelConfig::is_moe(int layer) const {
  const auto& dense = mlp_only_layers;
  return n_routed_experts > 0 && layer >= first_k_dense_replace &&
         (layer + moe_layer_phase) % moe_layer_freq == 0 &&
         std::find(dense.begin(), dense.end(), layer) == dense.end();
}

double ModelConfig::softmax_scale() const {
  double scale = 1 / std::sqrt(double(key_head_width()));
  if (attention != AttentionKind::mla || rope.scaling != RopeScaling::yarn) return scale;
  if (rope.mscale_all_dim == 0) return scale;
  double mscale = yarn_mscale(rope.factor, rope.mscale_all_dim);
  return scale * mscale * mscale;
}

Result<ModelConfig> parse_config(const Json& json, const std::string& path) {
  if (!json.is_object()) return Error{path + ": a model configuration must be a JSON object"};
  ConfigReader in(json, path);
  std::string type;
  in.word("model_type", type);
  TRY(in.finish());
  if (type.empty()) return Error{path + ": 'model_type' is missing"};
  const ModelFamily* family = find_family(type);
  if (!family)
    return Error{fmt::format("{}: 'model_type' '{}' is not supported: only {} are", path, type,
                             fmt::join(family_names(), ", "))};
  ModelConfig config = family->defaults;
  config.model_type = type;

  in.size("vocab_size", config.vocab_size, kVocabularyMax);
  in.size("hidden_size", config.hidden_size, kWidthMax);
  in.size("num_hidden_layers", config.num_hidden_layers, kLayersMax);
  in.size("num_attention_heads", config.num_attention_heads, kHeadsMax);
  in.size("intermediate_size", config.intermediate_size, kWidthMax);
  in.integer("max_position_embeddings", config.max_position_embeddings, 1, kPositionsMax);
  in.real("rms_norm_eps", config.rms_norm_eps, 1e-12, 0.1);
  in.real("initializer_range", config.initializer_range, 0, 1);
  in.boolean("tie_word_embeddings", config.tie_word_embeddings);
  in.token_id("bos_token_id", config.bos_token_id);
  in.token_id("eos_token_id", config.eos_token_id);
  read_activation(in);
  read_quantization(in);

  if (config.attention == AttentionKind::mla)
    read_latent_attention(in, config);
  else
    read_grouped_attention(in, config);
  read_rope(in, config);
  if (family->has_experts) read_experts(in, config);
  if (family->has_mtp) {
    in.integer("num_mtp_layers", config.num_nextn_predict_layers, 0, kMtpMax);
    in.integer("num_nextn_predict_layers", config.num_nextn_predict_layers, 0, kMtpMax);
  }
  TRY(in.finish());
  TRY_IN(path, validate(config));
  return config;
}

Result<ModelConfig> read_config(const std::string& path) {
  JsonLimits limits;
  limits.bytes = kConfigBytesMax;
  Json json = TRY(read_json_file(path, limits));
  TRY(check_architectures(json, path));
  return parse_config(json, path);
}

}  // namespace weir
