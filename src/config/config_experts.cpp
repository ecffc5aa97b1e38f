// Experts in config.json: how many, in which layers, and how the gate chooses. DeepSeek's names and
// Qwen3's for the same things.
#include <algorithm>

#include "config/config_reader.h"

namespace weir {
namespace {

bool is_qwen(const ModelConfig& config) { return config.model_type == "qwen3_moe"; }

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

// mlp_layer_types, the newer spelling of first_k_dense_replace: "dense" layers, then "sparse" ones.
void read_layer_kinds(ConfigReader& in, ModelConfig& config) {
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
  // Both may stand in a file; one of them stating fewer layers than there are means all.
  if (std::min(config.first_k_dense_replace, config.num_hidden_layers) != dense &&
      !in.lacks("first_k_dense_replace"))
    return in.fail(kKey, fmt::format("has {} dense layers, 'first_k_dense_replace' {}", dense,
                                     config.first_k_dense_replace));
  config.first_k_dense_replace = dense;
}

void read_deepseek_experts(ConfigReader& in, ModelConfig& config) {
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
  read_layer_kinds(in, config);
  read_gate(in, config);
}

// Qwen3 MoE: softmax over all experts, no groups, none shared. Layer l has experts when l + 1 is a
// multiple of decoder_sparse_step and mlp_only_layers does not list it.
void read_qwen_experts(ConfigReader& in, ModelConfig& config) {
  in.integer("num_local_experts", config.n_routed_experts, 0, kExpertsMax);
  in.integer("num_experts", config.n_routed_experts, 0, kExpertsMax);
  if (config.n_routed_experts == 0) return clear_experts(config);
  in.integer("num_experts_per_tok", config.num_experts_per_tok, 1, kExpertsMax);
  in.integer("moe_intermediate_size", config.moe_intermediate_size, 1, kWidthMax);
  in.integer("decoder_sparse_step", config.moe_layer_freq, 1, kLayersMax);
  in.integers("mlp_only_layers", config.mlp_only_layers, 0, config.num_hidden_layers - 1,
              size_t(kLayersMax));
  in.boolean("norm_topk_prob", config.norm_topk_prob);
}

void write_qwen_experts(const ModelConfig& config, Json& json) {
  json.set("num_experts", config.n_routed_experts);
  json.set("num_experts_per_tok", config.num_experts_per_tok);
  json.set("moe_intermediate_size", config.moe_intermediate_size);
  json.set("decoder_sparse_step", config.moe_layer_freq);
  Json layers = Json::array();
  for (int layer : config.mlp_only_layers) layers.push(layer);
  json.set("mlp_only_layers", std::move(layers));
  json.set("norm_topk_prob", config.norm_topk_prob);
}

void write_deepseek_experts(const ModelConfig& config, Json& json) {
  json.set("n_routed_experts", config.n_routed_experts);
  json.set("n_shared_experts", config.n_shared_experts);
  json.set("num_experts_per_tok", config.num_experts_per_tok);
  json.set("moe_intermediate_size", config.moe_intermediate_size);
  // Readers without the notion of 0 experts see that every layer is dense.
  json.set("first_k_dense_replace",
           config.n_routed_experts == 0 ? config.num_hidden_layers : config.first_k_dense_replace);
  json.set("moe_layer_freq", config.moe_layer_freq);
  json.set("scoring_func", config.gate == GateKind::softmax ? "softmax" : "sigmoid");
  json.set("topk_method", config.has_gate_bias                  ? "noaux_tc"
                          : config.group_kind == GroupKind::max ? "group_limited_greedy"
                                                                : "greedy");
  json.set("n_group", config.n_group);
  json.set("topk_group", config.topk_group);
  json.set("norm_topk_prob", config.norm_topk_prob);
  json.set("routed_scaling_factor", config.routed_scaling_factor);
}

}  // namespace

void read_experts(ConfigReader& in, ModelConfig& config) {
  is_qwen(config) ? read_qwen_experts(in, config) : read_deepseek_experts(in, config);
}

void write_experts(const ModelConfig& config, Json& json) {
  is_qwen(config) ? write_qwen_experts(config, json) : write_deepseek_experts(config, json);
}

Result<void> validate_experts(const ModelConfig& c) {
  TRY(in_range("n_routed_experts", c.n_routed_experts, 1, kExpertsMax));
  TRY(in_range("n_shared_experts", c.n_shared_experts, 0, kExpertsMax));
  TRY(in_range("num_experts_per_tok", c.num_experts_per_tok, 1, c.n_routed_experts));
  TRY(in_range("moe_intermediate_size", c.moe_intermediate_size, 1, kWidthMax));
  TRY(require(int64_t(c.n_shared_experts) * c.moe_intermediate_size <= kWidthMax,
              "the shared experts are too wide together"));
  TRY(in_range("first_k_dense_replace", c.first_k_dense_replace, 0, kLayersMax));
  TRY(in_range("moe_layer_freq", c.moe_layer_freq, 1, kLayersMax));
  for (int layer : c.mlp_only_layers)
    TRY(in_range("mlp_only_layers", layer, 0, c.num_hidden_layers - 1));
  TRY(require(is_qwen(c) || c.mlp_only_layers.empty(),
              "'mlp_only_layers' goes with 'model_type' 'qwen3_moe' only"));
  TRY(require(is_qwen(c) == (c.moe_layer_phase == 1),
              "layers are counted from 1 in 'model_type' 'qwen3_moe' and in no other"));
  TRY(in_range("n_group", c.n_group, 1, std::min(c.n_routed_experts, kGroupsMax)));
  TRY(in_range("topk_group", c.topk_group, 1, c.n_group));
  TRY(require(c.routed_scaling_factor > 0, "'routed_scaling_factor' must be above 0"));
  TRY(require(!c.has_gate_bias || c.gate == GateKind::sigmoid,
              "'topk_method' 'noaux_tc' goes with 'scoring_func' 'sigmoid' only"));
  if (c.group_kind == GroupKind::none)
    return require(c.n_group == 1, "'n_group' must be 1 without a group-limited 'topk_method'");
  TRY(require((c.group_kind == GroupKind::top2_sum) == c.has_gate_bias,
              "groups are ranked by two scores with 'noaux_tc' and by one without"));
  TRY(require(c.n_routed_experts % c.n_group == 0,
              fmt::format("'n_routed_experts' {} must be a multiple of 'n_group' {}",
                          c.n_routed_experts, c.n_group)));
  int group = c.n_routed_experts / c.n_group;
  TRY(require(c.group_kind == GroupKind::max || group >= 2,
              "'noaux_tc' needs groups of at least two experts"));
  return require(c.num_experts_per_tok <= c.topk_group * group,
                 fmt::format("'num_experts_per_tok' {} must not exceed the {} experts of "
                             "'topk_group' groups",
                             c.num_experts_per_tok, c.topk_group * group));
}

}  // namespace weir
