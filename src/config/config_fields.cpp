// The rows, and the keys that are more than a number: the gate, layer kinds, attention windows,
// quantized weights.
#include "config/config_fields.h"

#include <algorithm>

#include "config/config_reader.h"

namespace weir {
namespace {

using C = ModelConfig;
using R = RopeConfig;
using Absent = GgufKey::Absent;
using Use = GgufKey::Use;

// Of Qwen2Config and its successors in transformers.
constexpr int kWindowDefault = 4096, kFirstWindowDefault = 28;

void refuse_other_words(ConfigReader& in, const char* key, const std::string& word,
                        std::initializer_list<std::string_view> known, const char* list) {
  if (std::find(known.begin(), known.end(), word) == known.end())
    in.fail(key, fmt::format("'{}' is not supported: only {}", word, list));
}

void read_activation(ConfigReader& in, C&) {
  std::string activation = "silu";
  in.word("hidden_act", activation);
  refuse_other_words(in, "hidden_act", activation, {"silu"}, "silu is");
}

// Formats of compressed-tensors whose weights are read, by their tensors (packed_weights.h).
void read_format(ConfigReader& in) {
  std::string format = "dense";
  in.word("format", format);
  refuse_other_words(
      in, "format", format,
      {"dense", "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
       "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mixed-precision"},
      "pack-, int-, float-, naive-quantized, nvfp4- and mxfp4-pack-quantized are");
}

void read_compressed(ConfigReader& in) {
  read_format(in);
  std::string status = "compressed";
  in.word("quantization_status", status);
  refuse_other_words(in, "quantization_status", status, {"compressed"},
                     "compressed is (save the model with save_compressed=True)");
  // Weights that were turned, whose inputs must be turned too.
  for (const char* key : {"transform_config", "sparsity_config"})
    if (const Json* section = in.find(key); section && section->is_object()) {
      const Json* format = section->find("format");
      const bool is_dense = format && (format->text() == "dense" || format->text() == "identity");
      if (!section->members().empty() && !is_dense)
        in.fail(key, "is not supported: its weights need more than their numbers");
    }
  if (const Json* groups = in.find("config_groups"); groups && groups->is_object())
    for (const auto& [name, group] : groups->members()) {
      if (!group.is_object()) continue;
      ConfigReader inner(group, fmt::format("{}: config_groups: {}", in.path(), name));
      read_format(inner);
      in.adopt(inner);
    }
}

// Weights of other forms are not read. The meaning of fp8 is fixed by the tensors themselves, in
// squares of 128 or 32 numbers a side or with one scale; so are those of compressed-tensors and of
// ModelOpt.
void read_quantization(ConfigReader& in, C&) {
  constexpr const char* kKey = "quantization_config";
  const Json* section = in.find(kKey);
  if (!section) return;
  if (!section->is_object()) return in.fail(kKey, "must be an object");
  ConfigReader inner(*section, fmt::format("{}: {}", in.path(), kKey));
  std::string method = "none", format = "e4m3";
  inner.word("quant_method", method);
  refuse_other_words(inner, "quant_method", method,
                     {"fp8", "compressed-tensors", "modelopt", "modelopt_fp4"},
                     "fp8, compressed-tensors and modelopt are");
  if (method == "compressed-tensors") {
    read_compressed(inner);
    return in.adopt(inner);
  }
  if (method.starts_with("modelopt")) {
    std::string algorithm = "NVFP4";
    inner.word("quant_algo", algorithm);
    refuse_other_words(inner, "quant_algo", algorithm, {"NVFP4", "FP8"}, "NVFP4 and FP8 are");
    return in.adopt(inner);
  }
  inner.word("fmt", format);
  refuse_other_words(inner, "fmt", format, {"e4m3"}, "e4m3 is");
  std::vector<int> block;
  inner.integers("weight_block_size", block, 1, kWidthMax, 2);
  if (!inner.is_null("weight_block_size") && block != std::vector<int>{128, 128} &&
      block != std::vector<int>{32, 32})
    inner.fail("weight_block_size",
               "must be [128, 128] or [32, 32]: other scales are not supported");
  in.adopt(inner);
}

// Windows of attention: use_sliding_window, or words in layer_types, the newer spelling, which
// decides where it is there. With use_sliding_window layers from max_window_layers on have windows;
// one that is as long as the model's positions is none.
void refuse_windows(ConfigReader& in, C& config) {
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

// Qwen2 has biases on q, k and v and no key for them; elsewhere the key would add one to o as well.
bool states_bias(const C& config) {
  return !find_family(config.model_type)->defaults.attention_bias;
}

// mlp_layer_types, the newer spelling of first_k_dense_replace: "dense" layers, then "sparse" ones.
void read_layer_kinds(ConfigReader& in, C& config) {
  if (config.is_compressed()) return;  // config_compressed.cpp
  constexpr const char* kKey = "mlp_layer_types";
  const Json* kinds = in.find(kKey);
  if (!kinds) return;
  if (!kinds->is_array() || kinds->size() != size_t(config.num_hidden_layers))
    return in.fail(kKey, "must be a list with a word for each of 'num_hidden_layers'");
  int dense = 0;
  for (const Json& kind : kinds->items()) dense += kind.text() == "dense";
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    if (kinds->items()[size_t(layer)].text() != (layer < dense ? "dense" : "sparse"))
      return in.fail(kKey, "must name dense layers first and sparse ones after them");
  // A file may have both keys; a number above the number of layers means all of them.
  if (std::min(config.first_k_dense_replace, config.num_hidden_layers) != dense &&
      !in.lacks("first_k_dense_replace"))
    return in.fail(kKey, fmt::format("has {} dense layers, 'first_k_dense_replace' {}", dense,
                                     config.first_k_dense_replace));
  config.first_k_dense_replace = dense;
}

struct ScoringName {
  const char* name;
  GateKind gate;
};
constexpr ScoringName kScorings[] = {{"softmax", GateKind::softmax},
                                     {"sigmoid", GateKind::sigmoid},
                                     {"sqrtsoftplus", GateKind::sqrt_softplus}};

const char* scoring_of(const C& config) {
  for (const ScoringName& entry : kScorings)
    if (config.gate == entry.gate) return entry.name;
  return "";
}

void read_scoring(ConfigReader& in, C& config) {
  std::string scoring = scoring_of(config);
  in.word("scoring_func", scoring);
  refuse_other_words(in, "scoring_func", scoring, {"softmax", "sigmoid", "sqrtsoftplus"},
                     "softmax, sigmoid and sqrtsoftplus are");
  for (const ScoringName& entry : kScorings)
    if (scoring == entry.name) config.gate = entry.gate;
}

std::optional<Json> written_scoring(const C& config) { return scoring_of(config); }

// How groups of experts are ranked; parse_config drops groups where there is only one.
void read_choice(ConfigReader& in, C& config) {
  std::string method = config.has_gate_bias ? "noaux_tc" : "greedy";
  in.word("topk_method", method);
  refuse_other_words(in, "topk_method", method, {"greedy", "group_limited_greedy", "noaux_tc"},
                     "greedy, group_limited_greedy and noaux_tc are");
  config.has_gate_bias = method == "noaux_tc";
  config.group_kind = method == "noaux_tc" ? GroupKind::top2_sum
                      : method == "greedy" ? GroupKind::none
                                           : GroupKind::max;
}

std::optional<Json> written_choice(const C& config) {
  return config.has_gate_bias                  ? "noaux_tc"
         : config.group_kind == GroupKind::max ? "group_limited_greedy"
                                               : "greedy";
}

template <const char* kKey>
void must_be_off(ConfigReader& in, C&) {
  in.must_be_off(kKey);
}
constexpr char kMlpBias[] = "mlp_bias", kIndexerInterleave[] = "indexer_rope_interleave";

// GLM-5's indexers turn pairs, and its files may say so; V3.2's turn halves.
void read_indexer_interleave(ConfigReader& in, C& config) {
  bool value = config.index_rope_interleaved;
  in.boolean(kIndexerInterleave, value);
  if (value != config.index_rope_interleaved)
    in.fail(kIndexerInterleave, fmt::format("is not supported: only {} is with 'model_type' '{}'",
                                            config.index_rope_interleaved, config.model_type));
}

constexpr const char *kIndexerKinds = "indexer_types", *kFull = "full", *kShared = "shared";

bool shares_indexers(const C& config) {
  return config.attention == AttentionKind::mla && config.index_rope_interleaved;
}

// Which layers of GLM-5.2 choose tokens ("full"); the others take the choice of the layer before
// them. Older spellings: index_topk_pattern, a letter for each layer; index_topk_freq, every so
// manieth layer from index_skip_topk_offset - 1 on (transformers' GlmMoeDsaConfig).
void read_indexer_kinds(ConfigReader& in, C& config) {
  if (!shares_indexers(config)) return;
  const int layers = config.num_hidden_layers;
  std::vector<bool> full(size_t(layers), true);
  const char* key = kIndexerKinds;
  if (const Json* kinds = in.find(key)) {
    if (!kinds->is_array() || kinds->size() != size_t(layers))
      return in.fail(key, "must be a list with a word for each of 'num_hidden_layers'");
    for (int layer = 0; layer < layers; ++layer) {
      const std::string_view word = kinds->items()[size_t(layer)].text();
      if (word != kFull && word != kShared)
        return in.fail(key, fmt::format("has '{}', but only full and shared are known", word));
      full[size_t(layer)] = word == kFull;
    }
  } else if (!in.lacks("index_topk_pattern")) {
    key = "index_topk_pattern";
    std::string pattern;
    in.word(key, pattern);
    if (pattern.size() != size_t(layers) || pattern.find_first_not_of("FS") != std::string::npos)
      return in.fail(key, "must be a text of F and S, one of each of 'num_hidden_layers'");
    for (int layer = 0; layer < layers; ++layer)
      full[size_t(layer)] = pattern[size_t(layer)] == 'F';
  } else {
    key = "index_topk_freq";
    int every = 1, offset = 2;
    in.integer(key, every, 1, kLayersMax);
    in.integer("index_skip_topk_offset", offset, 0, kLayersMax);
    for (int layer = 0; layer < layers; ++layer)
      full[size_t(layer)] = std::max(layer - offset + 1, 0) % every == 0;
  }
  if (!full.empty() && !full[0])
    return in.fail(key, "must let layer 0 choose tokens: no layer stands before it");
  config.index_source_layer_ids.clear();
  if (std::find(full.begin(), full.end(), false) == full.end()) return;
  for (int layer = 0; layer < layers; ++layer)
    if (full[size_t(layer)]) config.index_source_layer_ids.push_back(layer);
}

std::optional<Json> written_indexer_kinds(const C& config) {
  if (!shares_indexers(config)) return std::nullopt;
  Json list = Json::array();
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    list.push(config.chooses_tokens(layer) ? kFull : kShared);
  return list;
}

// MiniCPM's multipliers; null stands for none.
template <const char* kKey, double ModelConfig::*kMember>
Custom multiplier() {
  return {
      [](ConfigReader& in, C& c) {
        if (in.is_null(kKey)) c.*kMember = 0;
        in.real(kKey, c.*kMember, 1e-6, kFactorMax);
      },
      [](const C& c) -> std::optional<Json> { return c.*kMember > 0 ? Json(c.*kMember) : Json(); }};
}
constexpr char kScaleEmbeddings[] = "scale_emb", kScaleDepth[] = "scale_depth";

}  // namespace

namespace {

std::vector<Field> fields_of_all() {
  return {
      Field{"vocab_size", Part::every, &C::vocab_size, 1, kVocabularyMax}.in_gguf(
          {.name = "vocab_size", .use = Use::write}),
      Field{"hidden_size", Part::every, &C::hidden_size, 1, kWidthMax}.in_gguf(
          {"embedding_length", Absent::error}),
      Field{"num_hidden_layers", Part::every, &C::num_hidden_layers, 1, kLayersMax},
      Field{"intermediate_size", Part::dense, &C::intermediate_size, 1, kWidthMax}.in_gguf(
          {"feed_forward_length", Absent::error}),
      Field{"hidden_act", Part::every,
            Custom{read_activation, [](const C&) -> std::optional<Json> { return "silu"; }}},
      Field{"quantization_config", Part::every, Custom{read_quantization}},
      Field{"max_position_embeddings", Part::every, &C::max_position_embeddings, 1, kPositionsMax}
          .in_gguf({"context_length", Absent::error}),
      Field{"rms_norm_eps", Part::every, &C::rms_norm_eps, 1e-30, 0.1}.in_gguf(
          {"attention.layer_norm_rms_epsilon"}),
      Field{"tie_word_embeddings", Part::every, &C::tie_word_embeddings},
      Field{"initializer_range", Part::every, &C::initializer_range, 0, 1},
      Field{"bos_token_id", Part::every, TokenId{&C::bos_token_id}},
      Field{"eos_token_id", Part::every, TokenId{&C::eos_token_id}},

      Field{"num_attention_heads", Part::every, &C::num_attention_heads, 1, kHeadsMax}.in_gguf(
          {"attention.head_count", Absent::error}),
      Field{
          "num_key_value_heads", Part::latent,
          Custom{nullptr, [](const C& c) -> std::optional<Json> { return c.num_attention_heads; }}},
      Field{"q_lora_rank", Part::latent, &C::q_lora_rank, 0, kWidthMax}
          .zero_if_null()  // a full query projection
          .written_as([](const C& c) -> std::optional<Json> {
            return c.q_lora_rank == 0 ? Json() : Json(c.q_lora_rank);
          }),
      Field{"kv_lora_rank", Part::latent, &C::kv_lora_rank, 1, kWidthMax}.in_gguf(
          {"attention.kv_lora_rank", Absent::error}),
      Field{"qk_nope_head_dim", Part::latent, &C::qk_nope_head_dim, 1, kHeadMax},
      Field{"qk_rope_head_dim", Part::latent, &C::qk_rope_head_dim, 2, kHeadMax},
      Field{"v_head_dim", Part::latent, &C::v_head_dim, 1, kHeadMax}.else_from([](const C& c) {
        return c.num_attention_heads > 0 ? c.hidden_size / c.num_attention_heads : 0;
      }),
      Field{"rope_interleave", Part::latent,
            Custom{[](ConfigReader& in, C& c) {
                     if (!find_family(c.model_type)->traits.turns_halves)
                       in.boolean("rope_interleave", c.rope.interleaved);
                   },
                   [](const C& c) -> std::optional<Json> {
                     if (find_family(c.model_type)->traits.turns_halves) return std::nullopt;
                     return c.rope.interleaved;
                   }}},
      Field{"index_n_heads", Part::indexer, &C::index_n_heads, 1, kHeadsMax}.in_gguf(
          {"attention.indexer.head_count", Absent::error}),
      Field{"index_head_dim", Part::indexer, &C::index_head_dim, 2, kHeadMax}.in_gguf(
          {"attention.indexer.key_length", Absent::error}),
      Field{"index_topk", Part::indexer, &C::index_topk, 1, kPositionsMax}.in_gguf(
          {"attention.indexer.top_k", Absent::error}),
      Field{kIndexerInterleave, Part::indexer, Custom{read_indexer_interleave}},
      Field{"indexer_types", Part::indexer, Custom{read_indexer_kinds, written_indexer_kinds}},

      Field{"num_key_value_heads", Part::grouped, &C::num_key_value_heads, 1, kHeadsMax}
          .else_from([](const C& c) { return c.num_attention_heads; })
          .in_gguf({"attention.head_count_kv"}),
      Field{"head_dim", Part::grouped, &C::head_dim, 2, kHeadMax}
          .else_from([](const C& c) {
            return c.num_attention_heads > 0 ? c.hidden_size / c.num_attention_heads : 0;
          })
          .in_gguf({"attention.key_length"}),
      Field{"use_sliding_window", Part::grouped,
            Custom{refuse_windows,
                   [](const C& c) -> std::optional<Json> {
                     if (c.model_type.starts_with("qwen")) return false;
                     return std::nullopt;
                   }}},
      Field{kMlpBias, Part::grouped, Custom{must_be_off<kMlpBias>}},
      Field{"attention_bias", Part::every,
            Custom{[](ConfigReader& in, C& c) {
                     if (states_bias(c)) in.must_be_off("attention_bias");
                   },
                   [](const C& c) -> std::optional<Json> {
                     if (states_bias(c)) return false;
                     return std::nullopt;
                   }}},

      Field{kScaleEmbeddings, Part::minicpm, multiplier<kScaleEmbeddings, &C::scale_emb>()},
      Field{kScaleDepth, Part::minicpm, multiplier<kScaleDepth, &C::scale_depth>()},
      Field{"dim_model_base", Part::minicpm, &C::dim_model_base, 0, kWidthMax}.zero_if_null(),

      Field{"rope_theta", Part::every, &R::theta, 1, kThetaMax}.in_gguf({"rope.freq_base"}),
      Field{"rope_scaling", Part::dense,
            Custom{read_rope,
                   [](const C& c) -> std::optional<Json> { return rope_scaling_json(c); }}},

      Field{"n_routed_experts", Part::deepseek_count, &C::n_routed_experts, 0, kExpertsMax}
          .zero_if_null()  // older remote code: a dense model
          .in_gguf({"expert_count", Absent::number, 0, Use::read}),
      Field{"num_experts", Part::qwen_count, &C::n_routed_experts, 0, kExpertsMax}
          .also_called("num_local_experts")
          .in_gguf({"expert_count", Absent::number, 0, Use::read}),
      Field{"n_shared_experts", Part::deepseek_experts, &C::n_shared_experts, 0, kExpertsMax}
          .zero_if_null()
          .in_gguf({"expert_shared_count", Absent::number, 0}),
      Field{"num_experts_per_tok", Part::experts, &C::num_experts_per_tok, 1, kExpertsMax}
          .at_most([](const C& c) { return c.n_routed_experts; })
          .in_gguf({"expert_used_count", Absent::error}),
      Field{"moe_intermediate_size", Part::experts, &C::moe_intermediate_size, 1, kWidthMax}
          .in_gguf({"expert_feed_forward_length", Absent::error}),
      // Readers without the notion of 0 experts see that every layer is dense.
      Field{"first_k_dense_replace", Part::deepseek_experts, &C::first_k_dense_replace, 0,
            kLayersMax}
          .written_as([](const C& c) -> std::optional<Json> {
            return c.n_routed_experts == 0 ? c.num_hidden_layers : c.first_k_dense_replace;
          })
          .in_gguf({"leading_dense_block_count", Absent::number, 0, Use::read}),
      Field{"moe_layer_freq", Part::deepseek_experts, &C::moe_layer_freq, 1, kLayersMax},
      // Layer l has experts when l + 1 is a multiple of it and mlp_only_layers does not list l.
      Field{"decoder_sparse_step", Part::qwen_experts, &C::moe_layer_freq, 1, kLayersMax},
      Field{"mlp_only_layers", Part::qwen_experts, &C::mlp_only_layers, 0, kLayersMax}.at_most(
          [](const C& c) { return c.num_hidden_layers - 1; }),
      Field{"mlp_layer_types", Part::deepseek_experts, Custom{read_layer_kinds}},
      Field{"scoring_func", Part::deepseek_experts, Custom{read_scoring, written_scoring}},
      Field{"topk_method", Part::deepseek_experts, Custom{read_choice, written_choice}},
      Field{"n_group", Part::deepseek_experts, &C::n_group, 1, kGroupsMax}.at_most(
          [](const C& c) { return std::min(c.n_routed_experts, kGroupsMax); }),
      Field{"topk_group", Part::deepseek_experts, &C::topk_group, 1, kGroupsMax}.at_most(
          [](const C& c) { return c.n_group; }),
      Field{"norm_topk_prob", Part::deepseek_experts, &C::norm_topk_prob}.in_gguf(
          {"expert_weights_norm", Absent::number, 0}),
      Field{"norm_topk_prob", Part::qwen_experts, &C::norm_topk_prob}.in_gguf(
          {"expert_weights_norm", Absent::number, 1}),
      Field{"routed_scaling_factor", Part::deepseek_experts, &C::routed_scaling_factor, 1e-6, 1e6}
          .in_gguf({"expert_weights_scale", Absent::number, 1}),
      Field{"num_nextn_predict_layers", Part::mtp, &C::num_nextn_predict_layers, 0, kMtpMax}
          .also_called("num_mtp_layers"),
  };
}

}  // namespace

const std::vector<Field>& config_fields() {
  static const std::vector<Field> kFields = [] {
    std::vector<Field> fields = fields_of_all();
    for (const std::vector<Field>* more : {&compressed_fields(), &engram_fields()})
      fields.insert(fields.end(), more->begin(), more->end());
    return fields;
  }();
  return kFields;
}

}  // namespace weir
