#include "convert/mix.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "formats/gguf_tables.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

using Extra = Mix::Extra;

const std::vector<Mix>& mixes() {
  static const std::vector<Mix> kMixes = {
      {"f32", WeightType::f32, 0, Extra::none},
      {"f16", WeightType::f16, 1, Extra::none},
      {"bf16", WeightType::bf16, 32, Extra::none},
      {"q8_0", WeightType::q8_0, 7, Extra::none},
      {"q6_k", WeightType::q6_k, 18, Extra::none},
      {"q5_k_m", WeightType::q5_k, 17, Extra::medium},
      {"q5_k_s", WeightType::q5_k, 16, Extra::small},
      {"q5_1", WeightType::q5_1, 9, Extra::none},
      {"q5_0", WeightType::q5_0, 8, Extra::none},
      {"q4_k_m", WeightType::q4_k, 15, Extra::medium},
      {"q4_k_s", WeightType::q4_k, 14, Extra::small},
      {"q4_1", WeightType::q4_1, 3, Extra::none},
      {"q4_0", WeightType::q4_0, 2, Extra::none},
      {"iq4_nl", WeightType::iq4_nl, 25, Extra::small},
      {"iq4_xs", WeightType::iq4_xs, 30, Extra::small},
      {"q3_k_l", WeightType::q3_k, 13, Extra::large},
      {"q3_k_m", WeightType::q3_k, 12, Extra::medium},
      {"q3_k_s", WeightType::q3_k, 11, Extra::small},
      {"q2_k", WeightType::q2_k, 10, Extra::small},
      {"mxfp4", WeightType::mxfp4, 38, Extra::none},
      {"tq2_0", WeightType::tq2_0, 37, Extra::none},
      {"tq1_0", WeightType::tq1_0, 36, Extra::none},
  };
  return kMixes;
}

bool is_ternary(WeightType type) { return type == WeightType::tq1_0 || type == WeightType::tq2_0; }

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

int layer_number(const std::string& name) {
  return name.rfind("blk.", 0) == 0 ? std::atoi(name.c_str() + 4) : 0;
}

// The first and last eighth of the layers and every third between.
bool wants_more(int layer, int layers) {
  const int eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

// Values carry more of the attention than their share of the bits.
WeightType values_type(const Mix& mix, const MixModel& model, int layer) {
  const bool more = wants_more(layer, model.layers), shares = model.heads_per_kv_head >= 4;
  switch (mix.base) {
    case WeightType::q2_k:
      return shares ? WeightType::q4_k : WeightType::q3_k;
    case WeightType::q3_k:
      if (mix.extra == Extra::medium) return layer < 2 ? WeightType::q5_k : WeightType::q4_k;
      return mix.extra == Extra::large ? WeightType::q5_k : mix.base;
    case WeightType::q4_k:
      if (mix.extra == Extra::medium) return more ? WeightType::q6_k : mix.base;
      return layer < 4 ? WeightType::q5_k : mix.base;
    case WeightType::q5_k:
      return mix.extra == Extra::medium && more ? WeightType::q6_k : mix.base;
    case WeightType::iq4_nl:
    case WeightType::iq4_xs:
      return shares ? WeightType::q5_k : mix.base;
    default:
      return mix.base;
  }
}

WeightType down_type(const Mix& mix, const MixModel& model, int layer) {
  const bool more = wants_more(layer, model.layers), is_early = layer < model.layers / 8;
  switch (mix.base) {
    case WeightType::q2_k:
      return WeightType::q3_k;
    case WeightType::q3_k:
      if (mix.extra == Extra::medium)
        return layer < model.layers / 16 ? WeightType::q5_k : WeightType::q4_k;
      return mix.extra == Extra::large ? WeightType::q5_k : mix.base;
    case WeightType::q4_k:
      if (mix.extra == Extra::medium) return more ? WeightType::q6_k : mix.base;
      return is_early ? WeightType::q5_k : mix.base;
    case WeightType::q5_k:
      return mix.extra == Extra::medium && more ? WeightType::q6_k : mix.base;
    case WeightType::iq4_nl:
    case WeightType::iq4_xs:
      return is_early && !mix.is_weighed ? WeightType::q5_k : mix.base;
    // Importance can lead these two astray in the first layers, where a minimum helps.
    case WeightType::q4_0:
      return is_early && mix.is_weighed ? WeightType::q4_1 : mix.base;
    case WeightType::q5_0:
      return is_early && mix.is_weighed ? WeightType::q5_1 : mix.base;
    default:
      return mix.base;
  }
}

WeightType output_type(const Mix& mix, uint64_t columns) {
  if (mix.base == WeightType::q8_0 || mix.base == WeightType::mxfp4) return WeightType::q8_0;
  return columns % uint64_t(type_traits(mix.base).block) == 0 ? WeightType::q6_k : WeightType::q8_0;
}

WeightType attention_output_type(const Mix& mix, const MixModel& model) {
  if (model.experts == 8) {
    const bool is_raised = mix.base == WeightType::q2_k || mix.base == WeightType::q4_k ||
                           mix.base == WeightType::iq4_nl || mix.base == WeightType::iq4_xs ||
                           (mix.base == WeightType::q3_k && mix.extra != Extra::large);
    return is_raised ? WeightType::q5_k : mix.base;
  }
  if (mix.base == WeightType::q2_k) return WeightType::q3_k;
  if (mix.base != WeightType::q3_k || mix.extra == Extra::small) return mix.base;
  return mix.extra == Extra::large ? WeightType::q5_k : WeightType::q4_k;
}

}  // namespace

WeightType fitting_type(WeightType type, uint64_t columns) {
  const auto divides = [&](WeightType t) { return columns % uint64_t(type_traits(t).block) == 0; };
  if (divides(type)) return type;
  const WeightType smaller = type_row(type).stand_in;
  return divides(smaller) ? smaller : WeightType::f16;
}

namespace {

// A matrix of one row counts as a vector.
bool is_vector(const std::vector<uint64_t>& shape) {
  return shape.size() < 2 || std::all_of(shape.begin(), shape.end() - 1,
                                         [](uint64_t dimension) { return dimension == 1; });
}

bool stays_f32(const std::string& name, const std::vector<uint64_t>& shape) {
  return is_vector(shape) || !name.ends_with("weight") || contains(name, "_norm.weight") ||
         contains(name, "ffn_gate_inp.weight") || is_expert_table(name) || contains(name, ".hc_") ||
         contains(name, "output_hc_") || contains(name, "compressor_ape.weight");
}

}  // namespace

bool is_float(WeightType type) {
  return type == WeightType::f32 || type == WeightType::f16 || type == WeightType::bf16;
}

Result<Mix> find_mix(const std::string& name) {
  for (const Mix& mix : mixes())
    if (mix.name == name) return mix;
  if (const TypeTraits* traits = find_type(name.c_str()); traits && traits->block > 1)
    return Error{fmt::format("'{}' is read and multiplied with, but not written; there are {}",
                             name, fmt::join(mix_names(), ", "))};
  return Error{
      fmt::format("'{}' is no type of weights; there are {}", name, fmt::join(mix_names(), ", "))};
}

std::vector<std::string> mix_names() {
  std::vector<std::string> names;
  for (const Mix& mix : mixes()) names.push_back(mix.name);
  return names;
}

MixModel mix_model(const ModelConfig& config) {
  MixModel model;
  model.layers = config.num_hidden_layers + config.num_nextn_predict_layers;
  model.experts = config.n_routed_experts;
  if (config.attention == AttentionKind::gqa && config.num_key_value_heads > 0)
    model.heads_per_kv_head = config.num_attention_heads / config.num_key_value_heads;
  model.is_tied = config.tie_word_embeddings;
  const bool is_llama = config.model_type == "llama" && model.heads_per_kv_head > 1;
  model.is_70b = config.num_hidden_layers == 80 && (is_llama || config.model_type == "qwen2");
  return model;
}

WeightType wanted_type(const Mix& mix, const MixModel& model, const std::string& name,
                       const std::vector<uint64_t>& shape) {
  if (stays_f32(name, shape)) return WeightType::f32;
  if (is_float(mix.base)) return mix.base;
  const int layer = layer_number(name);
  if (name == "output.weight" || (model.is_tied && name == "token_embd.weight"))
    return output_type(mix, shape.back());
  if (is_ternary(mix.base) && name == "token_embd.weight") return WeightType::q4_k;
  // Four bits are for experts where there are any, as in the files that DeepSeek and OpenAI
  // trained; dense models keep the embedding fine, which no product averages.
  if (mix.base == WeightType::mxfp4) {
    const bool is_narrow =
        model.experts > 0 ? contains(name, "_exps.") : name != "token_embd.weight";
    return is_narrow ? mix.base : WeightType::q8_0;
  }
  // Models of eight experts spend little on attention, so keys and values may as well be fine.
  const bool are_values = contains(name, "attn_v.weight") || contains(name, "attn_kv_b.weight");
  if (model.experts == 8 && (are_values || contains(name, "attn_k.weight")))
    return WeightType::q8_0;
  if (are_values) {
    const WeightType type = values_type(mix, model, layer);
    const bool is_low = type == WeightType::q3_k || type == WeightType::q4_k;
    return model.is_70b && is_low ? WeightType::q5_k : type;
  }
  if (contains(name, "ffn_down")) return down_type(mix, model, layer);
  if (contains(name, "attn_output.weight")) return attention_output_type(mix, model);
  return mix.base;
}

WeightType choose_type(const Mix& mix, const MixModel& model, const std::string& name,
                       const std::vector<uint64_t>& shape) {
  return fitting_type(wanted_type(mix, model, name, shape), shape.empty() ? 1 : shape.back());
}

}  // namespace weir
