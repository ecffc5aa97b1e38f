// Reading config.json: every key checked, absent ones as transformers fills them in.
#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "model/config_families.h"

namespace weir {
namespace {

constexpr size_t kConfigBytesMax = size_t(4) << 20;  // published files have 1-3 KB

// Reads keys over values that hold the defaults; null counts as absent. The first error is kept.
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  const Json* find(const char* key) const {
    const Json* value = json_.find(key);
    return value && value->is_null() ? nullptr : value;
  }
  bool is_null(const char* key) const {
    const Json* value = json_.find(key);
    return value && value->is_null();
  }
  // Whether another key should be tried: this one is absent.
  bool lacks(const char* key) const { return !find(key); }

  void integer(const char* key, int& value, int low, int high) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_int();
    if (!read || *read < low || *read > high)
      fail(key,
           fmt::format("must be a whole number from {} to {}, not {}", low, high, brief(*found)));
    else
      value = int(*read);
  }
  // Sizes without which there is no model: absence is an error, not somebody's default.
  void size(const char* key, int& value, int high) {
    if (lacks(key)) fail(key, "is missing");
    integer(key, value, 1, high);
  }
  void real(const char* key, double& value, double low, double high) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_double();
    if (!read || !(*read >= low && *read <= high))
      fail(key, fmt::format("must be a number from {} to {}, not {}", low, high, brief(*found)));
    else
      value = *read;
  }
  void boolean(const char* key, bool& value) {
    const Json* found = find(key);
    if (!found) return;
    auto read = found->as_bool();
    if (!read)
      fail(key, fmt::format("must be true or false, not {}", brief(*found)));
    else
      value = *read;
  }
  void word(const char* key, std::string& value) {
    const Json* found = find(key);
    if (!found) return;
    if (!found->is_string())
      fail(key, fmt::format("must be a string, not {}", brief(*found)));
    else
      value = found->text();
  }
  // A feature that this program does not have must be off.
  void must_be_off(const char* key) {
    bool value = false;
    boolean(key, value);
    if (value) fail(key, "is not supported: only false is");
  }
  // A token id, or a list of them, of which the first is the main one.
  void token_id(const char* key, int& value) {
    const Json* found = find(key);
    if (found && found->is_array() && found->size() > 0) {
      auto first = found->items()[0].as_int();
      if (!first || *first < -1 || *first > kVocabularyMax)
        fail(key, fmt::format("must hold token ids, not {}", brief(found->items()[0])));
      else
        value = int(*first);
      return;
    }
    integer(key, value, -1, kVocabularyMax);
  }

  void fail(const std::string& key, const std::string& what) {
    if (error_.empty()) error_ = fmt::format("{}: '{}' {}", path_, key, what);
  }
  void adopt(const ConfigReader& inner) {
    if (error_.empty()) error_ = inner.error_;
  }
  Result<void> finish() const {
    if (error_.empty()) return {};
    return Error{error_};
  }
  const std::string& path() const { return path_; }

 private:
  static std::string brief(const Json& value) {
    std::string text = value.is_array() ? "a list" : value.is_object() ? "an object" : value.dump();
    return text.size() > 60 ? "a long value" : text;
  }
  const Json& json_;
  std::string path_, error_;
};

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

void read_yarn(ConfigReader& in, RopeConfig& rope) {
  in.real("beta_fast", rope.beta_fast, 1e-3, 1e6);
  in.real("beta_slow", rope.beta_slow, 1e-3, 1e6);
  in.real("mscale", rope.mscale, 0, 100);
  in.real("mscale_all_dim", rope.mscale_all_dim, 0, 100);
  bool truncate = true;
  in.boolean("truncate", truncate);
  if (!truncate) in.fail("truncate", "is not supported: only true is");
  double derived =
      yarn_mscale(rope.factor, rope.mscale) / yarn_mscale(rope.factor, rope.mscale_all_dim);
  double given = derived;
  in.real("attention_factor", given, 0, 100);
  if (std::abs(given - derived) > 1e-6)
    in.fail("attention_factor", fmt::format("is not supported: only {} is, which follows from "
                                            "'factor' and 'mscale'",
                                            derived));
}

// rope_scaling (the older name, beside rope_theta) or rope_parameters (the newer one, around it).
void read_rope(ConfigReader& in, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  in.real("rope_theta", rope.theta, 1, 1e12);
  const char* key = in.lacks("rope_scaling") ? "rope_parameters" : "rope_scaling";
  const Json* section = in.find(key);
  if (!section) return;
  if (!section->is_object()) return in.fail(key, "must be an object");
  ConfigReader inner(*section, fmt::format("{}: {}", in.path(), key));
  inner.real("rope_theta", rope.theta, 1, 1e12);
  double rotated = 1;
  inner.real("partial_rotary_factor", rotated, 0, 1);
  if (rotated != 1) inner.fail("partial_rotary_factor", "is not supported: only 1 is");
  std::string type = "default";
  inner.word("type", type);
  inner.word("rope_type", type);
  if (type == "yarn" || type == "llama3") {
    if (inner.lacks("factor")) inner.fail("factor", "is missing");
    inner.real("factor", rope.factor, 1, 1e6);
    rope.original_positions = config.max_position_embeddings;
    inner.integer("original_max_position_embeddings", rope.original_positions, 1, kPositionsMax);
  }
  if (type == "yarn") {
    rope.scaling = RopeScaling::yarn;
    read_yarn(inner, rope);
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::llama3;
    inner.real("low_freq_factor", rope.low_frequency_factor, 1e-3, 1e6);
    inner.real("high_freq_factor", rope.high_frequency_factor, 1e-3, 1e6);
  } else if (type != "default") {
    inner.fail("rope_type",
               fmt::format("'{}' is not supported: only default, yarn and llama3 are", type));
  }
  in.adopt(inner);
}

void read_latent_attention(ConfigReader& in, ModelConfig& config) {
  if (in.is_null("q_lora_rank")) config.q_lora_rank = 0;  // null: a full query projection
  in.integer("q_lora_rank", config.q_lora_rank, 0, kWidthMax);
  in.integer("kv_lora_rank", config.kv_lora_rank, 1, kWidthMax);
  in.integer("qk_nope_head_dim", config.qk_nope_head_dim, 1, kHeadMax);
  in.integer("qk_rope_head_dim", config.qk_rope_head_dim, 2, kHeadMax);
  in.integer("v_head_dim", config.v_head_dim, 1, kHeadMax);
  in.boolean("rope_interleave", config.rope.interleaved);
  in.must_be_off("attention_bias");
}

void read_grouped_attention(ConfigReader& in, ModelConfig& config) {
  config.num_key_value_heads = config.num_attention_heads;
  in.integer("num_key_value_heads", config.num_key_value_heads, 1, kHeadsMax);
  if (config.num_attention_heads > 0)
    config.head_dim = config.hidden_size / config.num_attention_heads;
  in.integer("head_dim", config.head_dim, 2, kHeadMax);
  in.must_be_off("use_sliding_window");
  in.must_be_off("mlp_bias");
  // Qwen2 has biases on q, k and v without saying so; elsewhere the key would add one to o as well.
  if (config.model_type != "qwen2") in.must_be_off("attention_bias");
}

// scoring_func and topk_method: how the gate scores experts, groups them and chooses.
void read_gate(ConfigReader& in, ModelConfig& config) {
  std::string scoring = config.gate == GateKind::softmax ? "softmax" : "sigmoid";
  std::string method = config.has_gate_bias ? "noaux_tc" : "greedy";
  in.word("scoring_func", scoring);
  in.word("topk_method", method);
  if (scoring != "softmax" && scoring != "sigmoid")
    in.fail("scoring_func",
            fmt::format("'{}' is not supported: only softmax and sigmoid are", scoring));
  if (method != "greedy" && method != "group_limited_greedy" && method != "noaux_tc")
    in.fail("topk_method", fmt::format("'{}' is not supported: only greedy, group_limited_greedy "
                                       "and noaux_tc are",
                                       method));
  config.gate = scoring == "softmax" ? GateKind::softmax : GateKind::sigmoid;
  config.has_gate_bias = method == "noaux_tc";
  in.integer("n_group", config.n_group, 1, kGroupsMax);
  in.integer("topk_group", config.topk_group, 1, kGroupsMax);
  if (method == "greedy" || config.n_group == 1) {
    config.n_group = config.topk_group = 1;
    config.group_kind = GroupKind::none;
  } else {
    config.group_kind = method == "noaux_tc" ? GroupKind::top2_sum : GroupKind::max;
  }
  in.boolean("norm_topk_prob", config.norm_topk_prob);
  in.real("routed_scaling_factor", config.routed_scaling_factor, 1e-6, 1e6);
}

void read_experts(ConfigReader& in, ModelConfig& config) {
  // null (older remote code) and 0 mean a dense model.
  if (in.is_null("n_routed_experts")) config.n_routed_experts = 0;
  in.integer("n_routed_experts", config.n_routed_experts, 0, kExpertsMax);
  if (config.n_routed_experts == 0) return clear_experts(config);
  if (in.is_null("n_shared_experts")) config.n_shared_experts = 0;
  in.integer("n_shared_experts", config.n_shared_experts, 0, kExpertsMax);
  if (config.num_experts_per_tok == 0 && in.lacks("num_experts_per_tok"))
    in.fail("num_experts_per_tok", "is missing");
  in.integer("num_experts_per_tok", config.num_experts_per_tok, 1, kExpertsMax);
  in.integer("moe_intermediate_size", config.moe_intermediate_size, 1, kWidthMax);
  in.integer("first_k_dense_replace", config.first_k_dense_replace, 0, kLayersMax);
  in.integer("moe_layer_freq", config.moe_layer_freq, 1, kLayersMax);
  read_gate(in, config);
}

}  // namespace

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
  std::string activation = "silu";
  in.word("hidden_act", activation);
  if (activation != "silu")
    in.fail("hidden_act", fmt::format("'{}' is not supported: only silu is", activation));

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
  return parse_config(json, path);
}

}  // namespace weir
