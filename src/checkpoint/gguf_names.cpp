#include "checkpoint/gguf_names.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string_view>

namespace weir {
namespace {

constexpr std::string_view kLayers = "model.layers.", kExperts = ".mlp.experts.";

// Between "model.layers.N." and ".weight" or ".bias".
const std::map<std::string_view, std::string_view>& layer_names() {
  static const std::map<std::string_view, std::string_view> kNames = {
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", "ffn_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
      {"self_attn.q_a_proj", "attn_q_a"},
      {"self_attn.q_a_layernorm", "attn_q_a_norm"},
      {"self_attn.q_b_proj", "attn_q_b"},
      {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
      {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
      {"self_attn.kv_b_proj", "attn_kv_b"},
      {"self_attn.indexer.wq_b", "indexer.attn_q_b"},
      {"self_attn.indexer.wk", "indexer.attn_k"},
      {"self_attn.indexer.k_norm", "indexer.k_norm"},
      {"self_attn.indexer.weights_proj", "indexer.proj"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
      {"mlp.gate", "ffn_gate_inp"},
      {"mlp.experts.{}.gate_proj", "ffn_gate_exps"},
      {"mlp.experts.{}.up_proj", "ffn_up_exps"},
      {"mlp.experts.{}.down_proj", "ffn_down_exps"},
      {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
      {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
      {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
      {"enorm", "nextn.enorm"},
      {"hnorm", "nextn.hnorm"},
      {"eh_proj", "nextn.eh_proj"},
      {"shared_head.norm", "nextn.shared_head_norm"},
      {"shared_head.head", "nextn.shared_head_head"},
      {"embed_tokens", "nextn.embed_tokens"},
  };
  return kNames;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 6 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ExpertName split_expert_name(const std::string& name) {
  const size_t at = name.find(kExperts);
  if (at == std::string::npos) return {name, -1};
  const size_t begin = at + kExperts.size(), end = name.find('.', begin);
  if (end == std::string::npos) return {name, -1};
  const std::string digits = name.substr(begin, end - begin);
  if (!is_digits(digits)) return {name, -1};
  return {name.substr(0, begin) + "{}" + name.substr(end), std::atoi(digits.c_str())};
}

std::string expert_name(const std::string& pattern, int expert) {
  std::string name = pattern;
  if (size_t at = name.find("{}"); at != std::string::npos)
    name.replace(at, 2, std::to_string(expert));
  return name;
}

bool has_rope_rows(const std::string& name) {
  return name.find(".self_attn.q_proj.") != std::string::npos ||
         name.find(".self_attn.k_proj.") != std::string::npos;
}

int layer_of(const std::string& name) {
  if (name.rfind(kLayers, 0) != 0) return -1;
  const size_t end = name.find('.', kLayers.size());
  const std::string digits = name.substr(kLayers.size(), end - kLayers.size());
  return end != std::string::npos && is_digits(digits) ? std::atoi(digits.c_str()) : -1;
}

std::string gguf_name(const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  const int layer = layer_of(name);
  if (layer < 0) return "";
  const std::string pattern = split_expert_name(name).pattern;
  const size_t begin = pattern.find('.', kLayers.size()) + 1, end = pattern.rfind('.');
  if (end <= begin) return "";
  const std::string inner = pattern.substr(begin, end - begin), ending = pattern.substr(end);
  if (inner == "mlp.gate" && ending == ".e_score_correction_bias")
    return fmt::format("blk.{}.exp_probs_b.bias", layer);
  const auto found = layer_names().find(inner);
  if (found == layer_names().end() || (ending != ".weight" && ending != ".bias")) return "";
  return fmt::format("blk.{}.{}{}", layer, found->second, ending);
}

}  // namespace weir
