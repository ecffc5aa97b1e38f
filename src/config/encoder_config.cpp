#include "config/encoder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/file.h"
#include "config/config_reader.h"

namespace weir {
namespace {

constexpr int kKindsMax = 1 << 16;
constexpr JsonLimits kEncoderConfigLimits = {.depth = 16, .bytes = size_t(8) << 20};
constexpr const char* kEncoderTypes[] = {
    "bert",         "roberta",    "xlm-roberta", "mpnet",           "distilbert", "albert",
    "electra",      "deberta-v2", "modernbert",  "nomic_bert",      "nomic-bert", "nomic-bert-moe",
    "jina-bert-v2", "camembert",  "modern-bert", "gemma-embedding", "new"};

Result<EncoderConfig> checked_encoder(const EncoderConfig& c, const std::string& place) {
  for (const auto& [name, value] : {std::pair{"vocab_size", c.vocab_size},
                                    {"hidden_size", c.hidden_size},
                                    {"intermediate_size", c.intermediate_size},
                                    {"num_hidden_layers", c.num_hidden_layers},
                                    {"num_attention_heads", c.num_attention_heads},
                                    {"max_position_embeddings", c.max_position_embeddings}})
    if (value < 1) return Error{fmt::format("{}: '{}' is missing", place, name)};
  if (c.hidden_size % c.num_attention_heads != 0)
    return Error{
        fmt::format("{}: 'hidden_size' ({}) must be a multiple of 'num_attention_heads' ({})",
                    place, c.hidden_size, c.num_attention_heads)};
  return c;
}

}  // namespace

bool is_encoder_type(const std::string& type) {
  return std::find(std::begin(kEncoderTypes), std::end(kEncoderTypes), type) !=
         std::end(kEncoderTypes);
}

bool is_encoder(const std::string& path) {
  if (is_directory(path)) {
    const auto json = read_json_file(join_path(path, "config.json"), kEncoderConfigLimits);
    return json && is_encoder_type(json->text_at("model_type"));
  }
  if (!file_exists(path) || !is_gguf(path)) return false;
  const auto file = GgufFile::open(path, GgufUse::metadata);
  const auto type = file ? file->metadata().string_at("general.architecture") : Error{};
  return type && is_encoder_type(*type);
}

int64_t EncoderConfig::parameters() const {
  const int64_t h = hidden_size, f = intermediate_size;
  const int64_t rows = int64_t(vocab_size) + max_position_embeddings + type_vocab_size + 2;
  return rows * h + num_hidden_layers * (4 * (h * h + h) + 2 * h * f + f + h + 4 * h);
}

Result<EncoderConfig> read_encoder_config(const Json& json, const std::string& place) {
  EncoderConfig c;
  ConfigReader in(json, place);
  c.model_type.clear();
  in.word("model_type", c.model_type);
  if (c.model_type != "bert")
    return Error{
        fmt::format("{}: encoders of the type '{}' are not supported; BERT's are, such as "
                    "all-MiniLM-L6-v2 and the bge models",
                    place, c.model_type.substr(0, 60))};
  in.integer("vocab_size", c.vocab_size, 1, kVocabularyMax);
  in.integer("hidden_size", c.hidden_size, 1, kWidthMax);
  in.integer("intermediate_size", c.intermediate_size, 1, kWidthMax);
  in.integer("num_hidden_layers", c.num_hidden_layers, 1, kLayersMax);
  in.integer("num_attention_heads", c.num_attention_heads, 1, kWidthMax);
  in.integer("max_position_embeddings", c.max_position_embeddings, 1, kPositionsMax);
  in.integer("type_vocab_size", c.type_vocab_size, 1, kKindsMax);
  in.real("layer_norm_eps", c.layer_norm_eps, 0, 1);
  std::string activation = "gelu", positions = "absolute";
  in.word("hidden_act", activation);
  if (activation != "gelu") in.fail("hidden_act", "must be \"gelu\"; no other is supported");
  in.word("position_embedding_type", positions);
  if (positions != "absolute")
    in.fail("position_embedding_type", "must be \"absolute\"; no other is supported");
  in.must_be_off("is_decoder");
  in.must_be_off("add_cross_attention");
  TRY(in.finish());
  return checked_encoder(c, place);
}

Result<EncoderConfig> read_encoder_config(const GgufMetadata& metadata, const std::string& place) {
  const std::string type = TRY_IN(place, metadata.string_at("general.architecture"));
  Json json = Json::object();
  json.set("model_type", type);
  const auto take = [&](const std::string& key, const char* name) {
    if (const auto value = metadata.int_at(type + "." + key)) json.set(name, *value);
  };
  take("embedding_length", "hidden_size");
  take("feed_forward_length", "intermediate_size");
  take("block_count", "num_hidden_layers");
  take("attention.head_count", "num_attention_heads");
  take("context_length", "max_position_embeddings");
  if (const auto epsilon = metadata.double_at(type + ".attention.layer_norm_epsilon"))
    json.set("layer_norm_eps", *epsilon);
  if (const auto tokens = metadata.strings_at("tokenizer.ggml.tokens"))
    json.set("vocab_size", int64_t((*tokens)->size()));
  return read_encoder_config(json, place);
}

}  // namespace weir
