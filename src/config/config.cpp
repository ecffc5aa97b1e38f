// config.json as a whole: reading with the defaults of transformers, and writing.
#include "config/config.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "config/config_fields.h"
#include "config/config_notes.h"
#include "config/config_reader.h"
#include "config/encoder_config.h"
#include "config/rope_table.h"

namespace weir {
namespace {

constexpr std::string_view kFsdpPrefix = "FSDP";
constexpr std::string_view kHeadSuffix = "ForCausalLM", kBareSuffix = "Model";
constexpr size_t kConfigBytesMax = size_t(4) << 20;  // published files have 1-3 KB

// "Qwen3ForCausalLM" and "Qwen3Model": the same without a head, as models for embeddings are saved.
bool is_bare_class(std::string_view name, std::string_view architecture) {
  if (!architecture.ends_with(kHeadSuffix) || !name.ends_with(kBareSuffix)) return false;
  architecture.remove_suffix(kHeadSuffix.size());
  name.remove_suffix(kBareSuffix.size());
  return name == architecture;
}

Result<void> check_architectures(const Json& json, const std::string& path) {
  const Json* names = json.find("architectures");
  if (!names || names->size() == 0) return {};
  const Json* type = json.find("model_type");
  const std::string own(type ? type->text() : "");
  const ModelFamily* family = find_family(own);
  const TextPart* part = find_text_part(own);
  std::vector<std::string_view> known;
  if (family) known.push_back(family->architecture);
  if (part)
    for (const char* name : part->architectures)
      if (name) known.push_back(name);
  if (known.empty()) return {};  // parse_config says so
  for (const Json& name : names->items()) {
    std::string_view text = name.text();
    // FSDP2 put its wrapper's name before the class's for some months; the weights are ordinary.
    if (text.starts_with(kFsdpPrefix)) text.remove_prefix(kFsdpPrefix.size());
    for (std::string_view architecture : known)
      if (text == architecture || is_bare_class(text, architecture)) return {};
  }
  return Error{fmt::format(
      "{}: 'architectures' has '{}', but 'model_type' '{}' goes with '{}'; if the weights are of "
      "that kind, correct the file",
      path, names->items().empty() ? "" : names->items()[0].text(), own, known[0])};
}

// The text's part of a model that also sees images, as a configuration of its own; null where the
// file has none, as V4.1's without images.
Result<std::optional<Json>> text_part(const Json& json, const std::string& path,
                                      const TextPart& part) {
  const Json* section = json.find(part.key);
  if (!section && find_family(part.model_type)) return std::optional<Json>();
  if (!section || !section->is_object())
    return Error{fmt::format("{}: '{}' must be an object: 'model_type' '{}' keeps its text there",
                             path, part.key, part.model_type)};
  const Json* type = section->find("model_type");
  const std::string inner(type && type->is_string() ? std::string_view(type->text())
                                                    : std::string_view(part.inner[0]));
  const bool is_known = inner == part.inner[0] || (part.inner[1] && inner == part.inner[1]);
  if (!is_known)
    return Error{fmt::format(
        "{}: '{}' has 'model_type' '{}', which is not supported inside of '{}': only {} is", path,
        part.key, inner, part.model_type, part.inner[0])};
  Json text = *section;
  text.set("model_type", part.family);
  const Json* latent = section->find("use_mla");
  const auto uses_latent = latent ? latent->as_bool() : Result<bool>(true);
  if (std::string_view(part.family) == "deepseek_v2" && uses_latent && !*uses_latent)
    text.set("model_type", "deepseek");
  for (const char* key : {"quantization_config", "tie_word_embeddings"})
    if (const Json* outer = json.find(key); outer && !section->find(key)) text.set(key, *outer);
  return std::optional<Json>(std::move(text));
}

}  // namespace

bool ModelConfig::is_moe(int layer) const {
  const auto& dense = mlp_only_layers;
  return n_routed_experts > 0 && layer >= first_k_dense_replace &&
         (layer + moe_layer_phase) % moe_layer_freq == 0 &&
         std::find(dense.begin(), dense.end(), layer) == dense.end();
}

bool ModelConfig::chooses_tokens(int layer) const {
  const auto& sources = index_source_layer_ids;
  return attention == AttentionKind::mla && is_sparse() &&
         (sources.empty() || layer >= num_hidden_layers ||
          std::find(sources.begin(), sources.end(), layer) != sources.end());
}

double ModelConfig::residual_scale() const {
  return scale_depth > 0 ? scale_depth / std::sqrt(double(num_hidden_layers)) : 1;
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
  if (const TextPart* part = find_text_part(type))
    if (const std::optional<Json> text = TRY(text_part(json, path, *part)))
      return parse_config(*text, fmt::format("{}: {}", path, part->key));
  if (!family)
    return Error{
        is_encoder_type(type)
            ? fmt::format("{}: 'model_type' '{}' is an encoder, which writes no text; weir "
                          "embed and weir serve take those of the type 'bert'",
                          path, type)
            : fmt::format("{}: 'model_type' '{}' is not supported: only {} are", path, type,
                          fmt::join(family_names(), ", "))};
  ModelConfig config = family->defaults;
  read_fields(config_fields(), in, config);
  if (family->experts != ExpertKeys::none && config.n_routed_experts == 0) clear_experts(config);
  if (config.group_kind == GroupKind::none || config.n_group == 1) {
    config.n_group = config.topk_group = 1;
    config.group_kind = GroupKind::none;
  }
  TRY(in.finish());
  TRY_IN(path, validate(config));
  return config;
}

Result<NotedConfig> read_noted_config(const std::string& path) {
  JsonLimits limits;
  limits.bytes = kConfigBytesMax;
  Json json = TRY(read_json_file(path, limits));
  TRY(check_architectures(json, path));
  NotedConfig read{TRY(parse_config(json, path)), {}};
  const TextPart* part = find_text_part(std::string(json.find("model_type")->text()));
  const Json* section = part ? json.find(part->key) : nullptr;
  read.sees_images = section != nullptr;
  read.notes = config_notes(section ? *section : json, read.config);
  return read;
}

Result<ModelConfig> read_config(const std::string& path) {
  return TRY(read_noted_config(path)).config;
}

Json config_json(const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  Json json = Json::object();
  Json architectures = Json::array();
  architectures.push(family ? family->architecture : "");
  json.set("architectures", std::move(architectures));
  json.set("model_type", config.model_type);
  write_fields(config_fields(), config, json);
  return json;
}

}  // namespace weir
