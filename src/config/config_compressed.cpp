// The keys of compressed attention (DeepSeek-V4, V4.1) in both spellings: DeepSeek's own files, and
// transformers 5, which names kinds of layers and nests rotary positions.
#include <algorithm>
#include <string_view>
#include <tuple>

#include "config/config_fields.h"
#include "config/config_reader.h"

namespace weir {
namespace {

using C = ModelConfig;

constexpr int kRatioOverlapping = 4, kRatioMost = 1024, kBlockMost = 32, kStreamsMost = 8,
              kIterationsMost = 1000;
constexpr const char *kSliding = "sliding_attention", *kSparse = "compressed_sparse_attention",
                     *kHeavy = "heavily_compressed_attention";

// layer_types and compress_rates, the newer spelling of compress_ratios.
void read_kinds(ConfigReader& in, C& c, const Json& kinds) {
  constexpr const char* kKey = "layer_types";
  if (!kinds.is_array() || kinds.size() != size_t(c.num_hidden_layers))
    return in.fail(kKey, "must be a list with a word for each of 'num_hidden_layers'");
  int sparse = kRatioOverlapping, heavy = 128;
  if (const Json* rates = in.find("compress_rates")) {
    if (!rates->is_object()) return in.fail("compress_rates", "must be an object");
    ConfigReader inner(*rates, fmt::format("{}: compress_rates", in.path()));
    inner.integer(kSparse, sparse, 1, kRatioMost);
    inner.integer(kHeavy, heavy, 1, kRatioMost);
    in.adopt(inner);
  }
  c.compress_ratios.clear();
  for (const Json& kind : kinds.items()) {
    const std::string_view word = kind.text();
    if (word != kSliding && word != kSparse && word != kHeavy)
      return in.fail(kKey, fmt::format("has '{}', but only {}, {} and {} are known", word, kSliding,
                                       kSparse, kHeavy));
    c.compress_ratios.push_back(word == kSliding ? 0 : word == kSparse ? sparse : heavy);
  }
  if (sparse != kRatioOverlapping)
    in.fail("compress_rates", fmt::format("of {} must be {}", kSparse, kRatioOverlapping));
}

// Entries beyond the layers belong to multi-token prediction, which sees the window alone.
void read_ratios(ConfigReader& in, C& c) {
  if (const Json* kinds = in.find("layer_types")) return read_kinds(in, c, *kinds);
  constexpr const char* kKey = "compress_ratios";
  if (in.lacks(kKey)) return in.fail(kKey, "is missing");
  std::vector<int> ratios;
  in.integers(kKey, ratios, 0, kRatioMost, kLayersMax + kMtpMax);
  const size_t layers = size_t(c.num_hidden_layers);
  if (ratios.size() < layers)
    return in.fail(kKey, fmt::format("has {} numbers for {} layers", ratios.size(), layers));
  for (size_t i = layers; i < ratios.size(); ++i)
    if (ratios[i] != 0)
      return in.fail(kKey,
                     "must be 0 for the modules of multi-token "
                     "prediction after the layers");
  ratios.resize(layers);
  c.compress_ratios = std::move(ratios);
}

// With a 0 for every module, which DeepSeek's own code looks up by its layer.
std::optional<Json> written_ratios(const C& c) {
  Json list = Json::array();
  for (int ratio : c.compress_ratios) list.push(ratio);
  for (int i = 0; i < c.num_nextn_predict_layers; ++i) list.push(0);
  return list;
}

// transformers knows the ratios 0, 4 and 128 by number, others by name only.
int unusual_ratio(const C& c) {
  for (int ratio : c.compress_ratios)
    if (ratio != 0 && ratio != kRatioOverlapping && ratio != 128) return ratio;
  return 0;
}

std::optional<Json> written_kinds(const C& c) {
  if (c.shares_entries() || unusual_ratio(c) == 0) return std::nullopt;
  Json list = Json::array();
  for (int ratio : c.compress_ratios)
    list.push(ratio == 0 ? kSliding : ratio == kRatioOverlapping ? kSparse : kHeavy);
  return list;
}

std::optional<Json> written_rates(const C& c) {
  if (c.shares_entries() || unusual_ratio(c) == 0) return std::nullopt;
  Json rates = Json::object();
  rates.set(kSparse, kRatioOverlapping);
  rates.set(kHeavy, unusual_ratio(c));
  return rates;
}

// num_hash_layers, or mlp_layer_types, the newer spelling: "hash_moe" layers, then "moe" ones.
void read_hash_layers(ConfigReader& in, C& c) {
  c.num_hash_layers = std::min(c.num_hash_layers, c.num_hidden_layers);
  in.integer("num_hash_layers", c.num_hash_layers, 0, kLayersMax);
  constexpr const char* kKey = "mlp_layer_types";
  const Json* kinds = in.find(kKey);
  if (!kinds) return;
  if (!kinds->is_array() || kinds->size() != size_t(c.num_hidden_layers))
    return in.fail(kKey, "must be a list with a word for each of 'num_hidden_layers'");
  int hashed = 0;
  for (const Json& kind : kinds->items()) hashed += kind.text() == "hash_moe";
  for (int layer = 0; layer < c.num_hidden_layers; ++layer)
    if (kinds->items()[size_t(layer)].text() != (layer < hashed ? "hash_moe" : "moe"))
      return in.fail(kKey, "must name hash_moe layers first and moe ones after them");
  c.num_hash_layers = hashed;
}

// The rotated columns of a head: their number, or their share.
void read_rotated(ConfigReader& in, C& c) {
  constexpr const char* kKey = "partial_rotary_factor";
  double share = 0.125;
  in.real(kKey, share, 0, 1);
  for (const char* section : {"rope_parameters", "rope_scaling"})
    if (const Json* found = in.find(section); found && found->is_object())
      if (const Json* main = found->find("main"); main && main->is_object()) {
        ConfigReader inner(*main, fmt::format("{}: {}: main", in.path(), section));
        inner.real(kKey, share, 0, 1);
        in.adopt(inner);
      }
  c.qk_rope_head_dim = int(c.head_dim * share);
  in.integer("qk_rope_head_dim", c.qk_rope_head_dim, 2, kHeadMax);
}

template <int ModelConfig::*kMember>
std::optional<Json> written_if_set(const C& c) {
  if (c.*kMember <= 0) return std::nullopt;
  return c.*kMember;
}

template <std::vector<int> ModelConfig::*kMember>
void read_layers(ConfigReader& in, C& c, const char* key) {
  in.integers(key, c.*kMember, 0, kLayersMax, kLayersMax);
}

constexpr char kTargets[] = "dspark_target_layer_ids", kKvSources[] = "kv_source_layer_ids",
               kIndexSources[] = "index_source_layer_ids";

// DSpark's keys; without them V4.1's 'num_nextn_predict_layers' means nothing.
void read_dspark(ConfigReader& in, C& c) {
  in.integers("dspark_target_layer_ids", c.dspark_target_layer_ids, 0, kLayersMax, kLayersMax);
  if (!c.has_dspark()) {
    if (c.shares_entries()) c.num_nextn_predict_layers = 0;
    return;
  }
  c.dspark_block_size = 5, c.dspark_markov_rank = 256;
  c.dspark_n_routed_experts = c.n_routed_experts;
  c.dspark_num_experts_per_tok = c.num_experts_per_tok;
  for (const auto& [key, member, most] :
       {std::tuple("dspark_block_size", &C::dspark_block_size, kBlockMost),
        {"dspark_noise_token_id", &C::dspark_noise_token_id, kVocabularyMax},
        {"dspark_markov_rank", &C::dspark_markov_rank, kWidthMax},
        {"dspark_n_routed_experts", &C::dspark_n_routed_experts, kExpertsMax},
        {"dspark_num_experts_per_tok", &C::dspark_num_experts_per_tok, kExpertsMax}})
    in.integer(key, c.*member, member == &C::dspark_noise_token_id ? 0 : 1, most);
  if (c.dspark_noise_token_id < 0) in.fail("dspark_noise_token_id", "is missing");
}

template <int ModelConfig::*kMember>
std::optional<Json> written_of_dspark(const C& c) {
  if (!c.has_dspark()) return std::nullopt;
  return c.*kMember;
}

template <const char* kKey, std::vector<int> ModelConfig::*kMember>
Custom layer_list() {
  return {[](ConfigReader& in, C& c) { read_layers<kMember>(in, c, kKey); },
          [](const C& c) -> std::optional<Json> {
            if ((c.*kMember).empty()) return std::nullopt;
            Json list = Json::array();
            for (int layer : c.*kMember) list.push(layer);
            return list;
          }};
}

}  // namespace

const std::vector<Field>& compressed_fields() {
  static const std::vector<Field> kFields = {
      Field{"num_key_value_heads", Part::compressed, &C::num_key_value_heads, 1, 1}.in_gguf(
          {"attention.head_count_kv"}),
      Field{"head_dim", Part::compressed, &C::head_dim, 2, kHeadMax}.in_gguf(
          {"attention.key_length"}),
      Field{"q_lora_rank", Part::compressed, &C::q_lora_rank, 1, kWidthMax}.in_gguf(
          {"attention.q_lora_rank"}),
      Field{"qk_rope_head_dim", Part::compressed,
            Custom{read_rotated,
                   [](const C& c) -> std::optional<Json> { return c.qk_rope_head_dim; }}},
      Field{"sliding_window", Part::compressed, &C::sliding_window, 1, kPositionsMax}.in_gguf(
          {"attention.sliding_window"}),
      Field{kKvSources, Part::shared, layer_list<kKvSources, &C::kv_source_layer_ids>()},
      Field{kIndexSources, Part::shared, layer_list<kIndexSources, &C::index_source_layer_ids>()},
      Field{"candidate_source_layer_id", Part::shared, &C::candidate_source_layer_id, -1,
            kLayersMax},
      Field{"candidate_topk_blocks", Part::shared, &C::candidate_topk_blocks, 0, kPositionsMax},
      Field{"candidate_block_size", Part::shared, &C::candidate_block_size, 0, kPositionsMax},
      Field{"compress_ratios", Part::compressed, Custom{read_ratios, written_ratios}},
      Field{"layer_types", Part::compressed, Custom{nullptr, written_kinds}},
      Field{"compress_rates", Part::compressed, Custom{nullptr, written_rates}},
      Field{"compress_rope_theta", Part::compressed,
            Custom{[](ConfigReader& in, C& c) {
                     in.real("compress_rope_theta", c.compress_rope.theta, 1, kThetaMax);
                   },
                   [](const C& c) -> std::optional<Json> { return c.compress_rope.theta; }}},
      Field{"rope_scaling", Part::compressed,
            Custom{read_compressed_rope,
                   [](const C& c) -> std::optional<Json> {
                     C copy = c;
                     copy.rope = c.compress_rope;
                     return rope_scaling_json(copy);
                   }}},
      Field{"o_groups", Part::compressed, &C::o_groups, 1, kHeadsMax}.in_gguf(
          {"attention.output_group_count"}),
      Field{"o_lora_rank", Part::compressed, &C::o_lora_rank, 1, kWidthMax}.in_gguf(
          {"attention.output_lora_rank"}),
      Field{"num_hash_layers", Part::two_pass,
            Custom{read_hash_layers,
                   [](const C& c) -> std::optional<Json> { return c.num_hash_layers; }}},
      Field{"swiglu_limit", Part::compressed, &C::swiglu_limit, 0, kFactorMax},
      Field{"hc_mult", Part::compressed, &C::hc_mult, 1, kStreamsMost}.in_gguf(
          {"hyper_connection.count"}),
      Field{"hc_sinkhorn_iters", Part::compressed, &C::hc_sinkhorn_iters, 1, kIterationsMost}
          .in_gguf({"hyper_connection.sinkhorn_iterations"}),
      Field{"hc_eps", Part::compressed, &C::hc_eps, 0, 0.1}.in_gguf({"hyper_connection.epsilon"}),
      Field{"gate_temp", Part::shared, Custom{[](ConfigReader& in, C&) {
              double temperature = 1;
              in.real("gate_temp", temperature, 0, kFactorMax);
              if (temperature != 1) in.fail("gate_temp", "is not supported: only 1 is");
            }}},
      Field{kTargets, Part::compressed,
            Custom{read_dspark, layer_list<kTargets, &C::dspark_target_layer_ids>().write}},
      Field{"dspark_block_size", Part::compressed,
            Custom{nullptr, written_of_dspark<&C::dspark_block_size>}},
      Field{"dspark_noise_token_id", Part::compressed,
            Custom{nullptr, written_of_dspark<&C::dspark_noise_token_id>}},
      Field{"dspark_markov_rank", Part::compressed,
            Custom{nullptr, written_of_dspark<&C::dspark_markov_rank>}},
      Field{"dspark_n_routed_experts", Part::compressed,
            Custom{nullptr, written_of_dspark<&C::dspark_n_routed_experts>}},
      Field{"dspark_num_experts_per_tok", Part::compressed,
            Custom{nullptr, written_of_dspark<&C::dspark_num_experts_per_tok>}},
  };
  return kFields;
}

// rope_parameters of transformers 5 has "main" and "compress"; rope_scaling of DeepSeek's files is
// of the layers that have entries. No factor multiplies cos and sin, unlike V2 and V3.
void read_compressed_rope(ConfigReader& in, ModelConfig& c) {
  const char* key = in.lacks("rope_scaling") ? "rope_parameters" : "rope_scaling";
  const Json* section = in.find(key);
  if (!section) return;
  if (!section->is_object()) return in.fail(key, "must be an object");
  const Json *main = section->find("main"), *compress = section->find("compress");
  const bool is_nested = main && compress && main->is_object() && compress->is_object();
  const Json& of_entries = is_nested ? *compress : *section;
  if (is_nested) {
    C plain = c;
    ConfigReader inner(*main, fmt::format("{}: {}: main", in.path(), key));
    read_rope_section(inner, plain, true);
    if (plain.rope.scaling != RopeScaling::none)
      inner.fail("rope_type", "of layers without entries must be default");
    in.adopt(inner);
    c.rope = plain.rope;
  }
  C copy = c;
  copy.rope = c.compress_rope;
  ConfigReader inner(of_entries,
                     fmt::format("{}: {}{}", in.path(), key, is_nested ? ": compress" : ""));
  // Beside 'rope_theta' of the other layers: only a nested section has its own.
  read_rope_section(inner, copy, true);
  if (!is_nested) copy.rope.theta = c.compress_rope.theta;
  if (copy.rope.scaling == RopeScaling::yarn && inner.lacks("attention_factor"))
    copy.rope.attention_factor = 1;
  in.adopt(inner);
  c.compress_rope = copy.rope;
}

}  // namespace weir
