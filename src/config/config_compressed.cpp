// The keys of compressed attention (DeepSeek-V4, V4.1) in both spellings: DeepSeek's own files, and
// transformers 5, which names kinds of layers and nests rotary positions.
#include <algorithm>
#include <string_view>

#include "config/config_fields.h"
#include "config/config_reader.h"

namespace weir {
namespace {

using C = ModelConfig;

constexpr int kRatioOverlapping = 4, kRatioMost = 1024, kStreamsMost = 8, kIterationsMost = 1000;
constexpr const char *kSliding = "sliding_attention", *kSparse = "compressed_sparse_attention",
                     *kHeavy = "heavily_compressed_attention";

bool is_power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

bool is_ratio(const C& c, int ratio) {
  if (ratio == 0) return true;
  if (c.shares_entries()) return ratio == 1 || ratio == 2;
  return is_power_of_two(ratio) && ratio >= kRatioOverlapping && ratio <= kRatioMost;
}

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

std::optional<Json> written_ratios(const C& c) {
  Json list = Json::array();
  for (int ratio : c.compress_ratios) list.push(ratio);
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

constexpr char kKvSources[] = "kv_source_layer_ids", kIndexSources[] = "index_source_layer_ids",
               kEngramLayers[] = "engram_layer_ids";

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
      Field{kEngramLayers, Part::shared, layer_list<kEngramLayers, &C::engram_layer_ids>()},
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

namespace {

Result<void> validate_sources(const C& c) {
  const auto are_layers = [&](const std::vector<int>& layers) {
    return std::is_sorted(layers.begin(), layers.end()) &&
           std::adjacent_find(layers.begin(), layers.end()) == layers.end() &&
           (layers.empty() || layers.back() < c.num_hidden_layers);
  };
  for (const auto& [key, layers] : {std::pair(kKvSources, &c.kv_source_layer_ids),
                                    std::pair(kIndexSources, &c.index_source_layer_ids)}) {
    TRY(require(are_layers(*layers),
                fmt::format("'{}' must name layers of the model in rising order", key)));
    for (int layer : *layers)
      TRY(require(
          c.compress_ratio(layer) > 0,
          fmt::format("'{}' names layer {}, whose number in 'compress_ratios' is 0", key, layer)));
  }
  for (int layer : c.kv_source_layer_ids)
    TRY(require(std::find(c.index_source_layer_ids.begin(), c.index_source_layer_ids.end(),
                          layer) != c.index_source_layer_ids.end(),
                fmt::format("layer {} of '{}' must be in '{}' too: choices are of its entries",
                            layer, kKvSources, kIndexSources)));
  TRY(require(c.candidate_source_layer_id < 0 ||
                  (int64_t(c.candidate_topk_blocks) - 1) * c.candidate_block_size >= c.index_topk,
              fmt::format("'candidate_topk_blocks' blocks of {} hold fewer "
                          "than the 'index_topk' {} "
                          "entries that are chosen of them",
                          c.candidate_block_size, c.index_topk)));
  int source_ratio = 0;
  bool has_choice = false;
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    const auto names = [&](const std::vector<int>& ids) {
      return std::find(ids.begin(), ids.end(), layer) != ids.end();
    };
    if (names(c.kv_source_layer_ids)) source_ratio = c.compress_ratio(layer);
    if (names(c.index_source_layer_ids)) has_choice = true;
    const int ratio = c.compress_ratio(layer);
    TRY(require(ratio == 0 || ratio == source_ratio,
                fmt::format("layer {} has the number {} in 'compress_ratios', "
                            "but the source of "
                            "entries at or before it has {}",
                            layer, ratio, source_ratio)));
    TRY(require(ratio == 0 || has_choice,
                fmt::format("no layer of '{}' stands at or before layer {}, which has entries",
                            kIndexSources, layer)));
  }
  return {};
}

}  // namespace

Result<void> validate_compressed(const ModelConfig& c) {
  TRY(require(c.head_dim % 2 == 0, "'head_dim' must be even"));
  TRY(require(c.qk_rope_head_dim % 2 == 0 && c.qk_rope_head_dim >= 2 &&
                  c.qk_rope_head_dim <= c.head_dim && c.qk_rope_head_dim <= c.index_head_dim,
              "'qk_rope_head_dim' must be even, at least 2 and not above "
              "'head_dim' and "
              "'index_head_dim'"));
  TRY(require(c.num_attention_heads % c.o_groups == 0,
              fmt::format("'num_attention_heads' {} must be a multiple of 'o_groups' {}",
                          c.num_attention_heads, c.o_groups)));
  TRY(require(int64_t(c.o_groups) * c.o_lora_rank <= kWidthMax &&
                  int64_t(c.hc_mult) * c.hidden_size <= kWidthMax,
              "'o_groups' times 'o_lora_rank' and 'hc_mult' times "
              "'hidden_size' are too wide"));
  TRY(require(c.compress_ratios.size() == size_t(c.num_hidden_layers),
              fmt::format("'compress_ratios' has {} numbers for {} layers",
                          c.compress_ratios.size(), c.num_hidden_layers)));
  for (int ratio : c.compress_ratios)
    TRY(require(is_ratio(c, ratio),
                c.shares_entries()
                    ? fmt::format("'compress_ratios' has {}, but 0, 1 and 2 are known", ratio)
                    : fmt::format("'compress_ratios' has {}, but 0 (the window alone), 4 "
                                  "(overlapping groups) and powers of two from 8 to {} are "
                                  "known",
                                  ratio, kRatioMost)));
  TRY(require(c.n_routed_experts > 0 && c.first_k_dense_replace == 0 && c.moe_layer_freq == 1,
              fmt::format("'model_type' '{}' has experts in every layer", c.model_type)));
  TRY(require(c.num_hash_layers >= 0 && c.num_hash_layers <= c.num_hidden_layers,
              fmt::format("'num_hash_layers' {} must be from 0 to {}, the number of layers",
                          c.num_hash_layers, c.num_hidden_layers)));
  TRY(require(c.gate == GateKind::sqrt_softplus && c.has_gate_bias && c.norm_topk_prob,
              fmt::format("'model_type' '{}' goes with 'scoring_func' "
                          "sqrtsoftplus, 'topk_method' "
                          "noaux_tc and 'norm_topk_prob' true",
                          c.model_type)));
  TRY(require(!c.tie_word_embeddings,
              fmt::format("'tie_word_embeddings' is false with 'model_type' '{}'", c.model_type)));
  TRY(validate_rope(c.compress_rope));
  return c.shares_entries() ? validate_sources(c) : Result<void>{};
}

}  // namespace weir
