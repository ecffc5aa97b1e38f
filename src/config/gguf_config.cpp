// Reading; gguf_config_write.cpp writes.
#include "config/gguf_config.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "config/config_fields.h"
#include "config/rope_table.h"

namespace weir {
namespace {

// The shortest decimal of an f32: 1e-06 rather than 9.99999997e-07.
double shortest(double value) { return std::atof(fmt::format("{}", float(value)).c_str()); }

// Copies keys of the metadata into a config.json. The first error is kept.
class Translator {
 public:
  Translator(const GgufFile& file, const ModelFamily& family, const std::string& architecture)
      : file_(file),
        metadata_(file.metadata()),
        family_(family),
        architecture_(architecture),
        is_latent_(family.defaults.attention == AttentionKind::mla),
        present_(family.defaults) {
    if (has_part(present_, Part::experts))
      present_.n_routed_experts = integer("expert_count", 0) != 0;
  }

  std::string key(const char* name) const { return fmt::format("{}.{}", architecture_, name); }
  bool has(const char* name) const { return metadata_.find(key(name)) != nullptr; }

  int64_t integer(const char* name, int64_t otherwise) {
    if (!has(name)) return otherwise;
    auto value = metadata_.int_at(key(name));
    if (!value) fail(value.error());
    return value ? *value : otherwise;
  }
  int64_t needed(const char* name) {
    auto value = metadata_.int_at(key(name));
    if (!value) fail(value.error());
    return value ? *value : 0;
  }
  double real(const char* name, double otherwise) {
    if (!has(name)) return otherwise;
    auto value = metadata_.double_at(key(name));
    if (!value) fail(value.error());
    return value ? shortest(*value) : otherwise;
  }
  bool boolean(const char* name, bool otherwise) {
    if (!has(name)) return otherwise;
    auto value = metadata_.bool_at(key(name));
    if (!value) fail(value.error());
    return value ? *value : otherwise;
  }
  void fail(const Error& error) {
    if (error_.message.empty()) error_ = error;
  }

  Result<Json> config();

 private:
  void fields();
  void sizes();
  void tokens();
  void attention();
  void latent_attention();
  void compressed_attention();
  void indexer_kinds();
  void set_longrope();
  void rope();
  void set_linear();
  Json yarn();
  Json llama3(const GgufTensor& factors);
  void gate();
  void groups();
  void set(const char* name, Json value) { json_.set(name, std::move(value)); }

  const GgufFile& file_;
  const GgufMetadata& metadata_;
  const ModelFamily& family_;
  const std::string& architecture_;
  const bool is_latent_;
  ModelConfig present_;  // tells which parts the model has
  Json json_ = Json::object();
  Error error_;
  int64_t layers_ = 0;  // without those of multi-token prediction
};

// The keys that the table of fields names.
void Translator::fields() {
  for (const Field& field : config_fields()) {
    const GgufKey& gguf = field.gguf;
    if (!gguf.name || gguf.use == GgufKey::Use::write || !uses_part(present_, field.part)) continue;
    if (gguf.absent == GgufKey::Absent::family && !has(gguf.name)) continue;
    const bool is_needed = gguf.absent == GgufKey::Absent::error;
    const double otherwise = gguf.number;
    std::visit(
        [&](auto member) {
          if constexpr (std::is_member_pointer_v<decltype(member)>) {
            using T = std::remove_cvref_t<decltype(member_of(family_.defaults, member))>;
            if constexpr (std::is_same_v<T, int>)
              set(field.key,
                  is_needed ? needed(gguf.name) : integer(gguf.name, int64_t(otherwise)));
            else if constexpr (std::is_same_v<T, double>)
              set(field.key, real(gguf.name, otherwise));
            else if constexpr (std::is_same_v<T, bool>)
              set(field.key, boolean(gguf.name, otherwise != 0));
          }
        },
        field.value);
  }
}

void Translator::sizes() {
  const GgufTensor* embedding = file_.find("token_embd.weight");
  if (!embedding || embedding->shape.size() != 2)
    return fail(
        {"tensor 'token_embd.weight' is missing or has no two dimensions; this is no "
         "language model"});
  int64_t nextn = integer("nextn_predict_layers", 0);
  layers_ = needed("block_count") - nextn;
  // llama.cpp's converter counts deepseek4's modules apart from the blocks, and leaves them out of
  // the file.
  if (family_.defaults.is_compressed() &&
      !file_.find(fmt::format("blk.{}.nextn.eh_proj.weight", layers_)))
    layers_ += std::exchange(nextn, 0);
  const bool has_nextn =
      nextn > 0 && file_.find(fmt::format("blk.{}.nextn.eh_proj.weight", layers_)) != nullptr;
  set("vocab_size", int64_t(embedding->shape[0]));
  set("num_hidden_layers", layers_);
  set("tie_word_embeddings", file_.find("output.weight") == nullptr);
  if (is_latent_ || family_.defaults.is_compressed())
    set("num_nextn_predict_layers", has_nextn ? nextn : 0);
}

void Translator::tokens() {
  for (const char* name : {"bos", "eos"}) {
    const std::string from = fmt::format("tokenizer.ggml.{}_token_id", name);
    if (!metadata_.find(from)) continue;
    auto id = metadata_.int_at(from);
    if (!id) return fail(id.error());
    set(name[0] == 'b' ? "bos_token_id" : "eos_token_id", *id);
  }
}

void Translator::attention() {
  const int64_t width = integer("attention.key_length", 0);
  if (integer("attention.value_length", width) != width ||
      (width > 0 && integer("rope.dimension_count", width) != width))
    fail({fmt::format("'{}', '{}' and '{}' differ, which is not supported",
                      key("attention.key_length"), key("attention.value_length"),
                      key("rope.dimension_count"))});
}

void Translator::latent_attention() {
  const int64_t rope = needed("rope.dimension_count");
  const char* keys =
      has("attention.key_length_mla") ? "attention.key_length_mla" : "attention.key_length";
  const char* values =
      has("attention.value_length_mla") ? "attention.value_length_mla" : "attention.value_length";
  set("qk_nope_head_dim", needed(keys) - rope);
  set("qk_rope_head_dim", rope);
  // MiniCPM3's files leave it to follow from the width.
  if (has(values) || !family_.traits.turns_halves) set("v_head_dim", needed(values));
  if (has("attention.indexer.types")) indexer_kinds();
  const bool has_latent = file_.find("blk.0.attn_q_a.weight") != nullptr;
  set("q_lora_rank", has_latent ? Json(needed("attention.q_lora_rank")) : Json());
}

// GLM-5.2: for every layer whether it chooses tokens. Of files without the key all layers do,
// unless tensors of indexers are missing, which find() then says.
void Translator::indexer_kinds() {
  const std::string name = key("attention.indexer.types");
  const GgufValue& value = *metadata_.find(name);
  std::vector<bool> full;
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value))
    for (int64_t number : *numbers) full.push_back(number != 0);
  else if (const auto* words = std::get_if<std::vector<bool>>(&value))
    full = *words;
  else
    return fail({fmt::format("'{}' must be a list of bools or whole numbers", name)});
  full.resize(std::min(full.size(), size_t(layers_)));  // without modules of prediction
  Json list = Json::array();
  for (bool is_full : full) list.push(is_full ? "full" : "shared");
  set("indexer_types", std::move(list));
}

// llama.cpp's deepseek4: a number for every layer, of which those of modules for drafts are left
// out.
void Translator::compressed_attention() {
  const int64_t width = needed("attention.key_length");
  if (integer("attention.value_length", width) != width)
    fail({fmt::format("'{}' and '{}' differ, which is not supported", key("attention.key_length"),
                      key("attention.value_length"))});
  auto ratios = metadata_.ints_at(key("attention.compress_ratios"));
  if (!ratios) return fail(ratios.error());
  Json list = Json::array();
  for (int64_t ratio : **ratios) list.push(ratio);
  set("compress_ratios", std::move(list));
  set("compress_rope_theta", real("attention.compress_rope_freq_base", 160000));
  set("num_hash_layers", integer("hash_layer_count", 0));
  set("qk_rope_head_dim", needed("rope.dimension_count"));
  double limit = 0;
  for (const char* name : {"swiglu_clamp_exp", "swiglu_clamp_shexp"}) {
    auto limits = metadata_.doubles_at(key(name));
    if (!limits) return fail(limits.error());
    for (double each : **limits) {
      if (limit != 0 && each != limit)
        return fail(
            {fmt::format("'{}' differs between layers, which is not supported", key(name))});
      limit = each;
    }
  }
  set("swiglu_limit", shortest(limit));
  set("scoring_func", "sqrtsoftplus");
  set("topk_method", "noaux_tc");
}

// The multiplier in the file is 0.1 * mscale_all_dim (convert_hf_to_gguf.py); cos and sin are not
// scaled, so mscale equals mscale_all_dim. Before the key existed there was V2-Lite with 0.707.
Json Translator::yarn() {
  Json json = Json::object();
  json.set("type", "yarn");
  json.set("factor", real("rope.scaling.factor", 1));
  json.set("original_max_position_embeddings", needed("rope.scaling.original_context_length"));
  json.set("beta_fast", real("rope.scaling.yarn_beta_fast", 32));
  json.set("beta_slow", real("rope.scaling.yarn_beta_slow", 1));
  if (family_.defaults.is_compressed()) return json;
  if (is_latent_ && has("attention.temperature_scale")) {
    const double original = real("rope.scaling.original_context_length", 0);
    if (real("attention.temperature_length", original) != original)
      fail({fmt::format("'{}' differs from '{}', which is not supported",
                        key("attention.temperature_length"),
                        key("rope.scaling.original_context_length"))});
    json.set("llama_4_scaling_beta", real("attention.temperature_scale", 0));
  }
  if (!is_latent_) {
    // llama.cpp multiplies its own amplitude, 1 + 0.1 ln(factor), by this.
    const double factor = real("rope.scaling.factor", 1);
    if (has("rope.scaling.attn_factor"))
      json.set("attention_factor",
               shortest(real("rope.scaling.attn_factor", 1) * (0.1 * std::log(factor) + 1)));
    return json;
  }
  const double otherwise = layers_ == 27 ? 0.0707 : 0.1;
  const double mscale =
      shortest(real("rope.scaling.yarn_log_multiplier", otherwise) / double(0.1f));
  json.set("mscale", mscale);
  json.set("mscale_all_dim", mscale);
  return json;
}

// MiniCPM3's two tensors of factors (LongRoPE).
void Translator::set_longrope() {
  Json json = Json::object();
  json.set("rope_type", "longrope");
  json.set("original_max_position_embeddings",
           integer("rope.scaling.original_context_length", needed("context_length")));
  for (const char* kind : {"short", "long"}) {
    const std::string name = fmt::format("rope_factors_{}.weight", kind);
    const GgufTensor* tensor = file_.find(name);
    if (!tensor || tensor->type != WeightType::f32)
      return fail({fmt::format("tensor '{}' is missing or not F32", name)});
    const auto data = file_.whole_data(*tensor);
    if (!data) return fail({fmt::format("tensor '{}': {}", name, data.error().message)});
    Json list = Json::array();
    for (size_t i = 0; i < data->size() / sizeof(float); ++i) {
      float factor = 0;
      std::memcpy(&factor, data->data() + i * sizeof factor, sizeof factor);
      list.push(shortest(factor));
    }
    json.set(fmt::format("{}_factor", kind), std::move(list));
  }
  set("rope_scaling", std::move(json));
}

// Llama 3's scaling is a tensor of factors here. They are those of the published parameters or of
// none that this program knows.
Json Translator::llama3(const GgufTensor& tensor) {
  const auto data = file_.whole_data(tensor);
  if (!data) {
    fail({"tensor 'rope_freqs.weight': " + data.error().message});
    return {};
  }
  const std::span<const std::byte> bytes = *data;
  std::vector<float> factors(bytes.size() / sizeof(float));
  std::memcpy(factors.data(), bytes.data(), factors.size() * sizeof(float));
  RopeConfig rope;
  rope.theta = real("rope.freq_base", 10000);
  rope.scaling = RopeScaling::llama3;
  rope.factor = factors.empty() ? 1 : shortest(factors.back());
  rope.original_positions = int(integer("rope.scaling.original_context_length", 8192));
  const int width = int(factors.size()) * 2;
  const bool is_plausible = tensor.type == WeightType::f32 && width > 0 && rope.factor >= 1;
  const std::vector<double> scaled =
      is_plausible ? rope_frequencies(rope, width) : std::vector<double>();
  for (size_t i = 0; i < scaled.size(); ++i) {
    const double plain = std::pow(rope.theta, -2.0 * double(i) / width);
    if (std::abs(plain / scaled[i] / double(factors[i]) - 1) < 1e-4) continue;
    fail(
        {fmt::format("tensor 'rope_freqs.weight': element {} is {}, {} belongs to Llama 3's "
                     "scaling by {}; other scalings are not supported",
                     i, factors[i], plain / scaled[i], rope.factor)});
    break;
  }
  if (!is_plausible) fail({"tensor 'rope_freqs.weight': is no scaling that is supported"});
  Json json = Json::object();
  json.set("rope_type", "llama3");
  json.set("factor", rope.factor);
  json.set("original_max_position_embeddings", rope.original_positions);
  json.set("low_freq_factor", rope.low_frequency_factor);
  json.set("high_freq_factor", rope.high_frequency_factor);
  return json;
}

void Translator::rope() {
  if (const GgufTensor* factors = file_.find("rope_freqs.weight"))
    return set("rope_scaling", llama3(*factors));
  if (file_.find("rope_factors_short.weight")) return set_longrope();
  if (!has("rope.scaling.type")) return set_linear();
  auto type = metadata_.string_at(key("rope.scaling.type"));
  if (!type) return fail(type.error());
  if (*type == "none") return;
  if (*type == "yarn") return set("rope_scaling", yarn());
  if (*type == "linear") return set_linear();
  Json json = Json::object();
  json.set("rope_type", *type);
  json.set("factor", real("rope.scaling.factor", 1));
  set("rope_scaling", std::move(json));
}

// What a factor means without a type, to llama.cpp too; files of 2023 have it under another name.
void Translator::set_linear() {
  const double factor = real("rope.scaling.factor", real("rope.scale_linear", 1));
  if (factor == 0 || factor == 1) return;
  Json json = Json::object();
  json.set("rope_type", "linear");
  json.set("factor", factor);
  set("rope_scaling", std::move(json));
}

// Files from before expert_group_count have DeepSeek's published groups.
void Translator::groups() {
  struct Published {
    int64_t experts, layers, groups, kept;
  };
  constexpr Published kPublished[] = {{160, 60, 8, 3}, {256, 61, 8, 4}};
  int64_t groups = integer("expert_group_count", 0), kept = integer("expert_group_used_count", 0);
  const int64_t experts = integer("expert_count", 0);
  for (const Published& model : kPublished)
    if (!has("expert_group_count") && experts == model.experts && layers_ == model.layers) {
      groups = model.groups;
      kept = model.kept;
    }
  set("n_group", groups > 0 ? groups : 1);
  set("topk_group", kept > 0 ? kept : 1);
}

// How the gate scores and chooses, which GGUF states in numbers and by the tensors there are.
void Translator::gate() {
  const bool is_sigmoid = integer("expert_gating_func", kSoftmaxGate) == kSigmoidGate;
  const int64_t dense = integer("leading_dense_block_count", 0);
  const bool has_bias = file_.find(fmt::format("blk.{}.exp_probs_b.bias", dense)) != nullptr;
  groups();
  const bool is_grouped = json_.find("n_group")->as_int() && *json_.find("n_group")->as_int() > 1;
  set("scoring_func", is_sigmoid ? "sigmoid" : "softmax");
  set("topk_method", has_bias ? "noaux_tc" : is_grouped ? "group_limited_greedy" : "greedy");
}

Result<Json> Translator::config() {
  std::string type = family_.model_type;
  const bool is_sigmoid = integer("expert_gating_func", kSoftmaxGate) == kSigmoidGate;
  if (type == "deepseek_v2" && is_sigmoid) type = "deepseek_v3";
  set("model_type", type);
  sizes();
  fields();
  tokens();
  if (is_latent_)
    latent_attention();
  else if (family_.defaults.is_compressed())
    compressed_attention();
  else
    attention();
  rope();
  if (uses_part(present_, Part::deepseek_experts) && !family_.defaults.is_compressed()) gate();
  if (!error_.message.empty()) return error_;
  return json_;
}

}  // namespace

Result<GgufConfig> read_gguf_config(const GgufFile& file) {
  const std::string name = TRY_IN(file.path(), file.metadata().string_at("general.architecture"));
  const ModelFamily* family = TRY_IN(file.path(), find_gguf_family(name));
  if (family->traits.shares_entries)
    return Error{
        fmt::format("{}: 'general.architecture' '{}' is not read from GGUF files yet; use "
                    "the HuggingFace folder",
                    file.path(), name)};
  Translator translator(file, *family, name);
  const Json json = TRY_IN(file.path(), translator.config());
  GgufConfig read;
  read.config = TRY(parse_config(json, file.path()));
  // llama.cpp turns halves of deepseek2-ocr, as the folder does.
  read.rope_rows_permuted = family->traits.permutes_gguf_rows && name == family->gguf_architecture;
  if (read.rope_rows_permuted) read.config.rope.interleaved = true;
  return read;
}

}  // namespace weir
