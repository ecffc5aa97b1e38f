#include "embed/embedding_config.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "config/encoder_config.h"

namespace weir {
namespace {

constexpr const char* kModules = "modules.json";
constexpr JsonLimits kLimits = {.depth = 16, .bytes = size_t(4) << 20, .values = 100'000};
constexpr size_t kModulesMax = 16, kPromptsMax = 256;

// Null where the file is not there.
Result<Json> read_if_there(const std::string& path) {
  if (!file_exists(path)) return Json();
  const Json json = TRY(read_json_file(path, kLimits));
  if (!json.is_object()) return Error{path + ": must be a JSON object"};
  return json;
}

// "" or a plain name: nothing outside of the folder is read.
Result<std::string> module_folder(const Json& module, const std::string& place) {
  const std::string& name = module.text_at("path");
  if (name.find('/') != name.npos || name == "." || name == "..")
    return Error{place + ": 'path' must be a plain name, not '" + printable(name) + "'"};
  return name;
}

struct PoolingKey {
  const char* key;   // older files: true or false for each
  const char* word;  // of newer files' 'pooling_mode'
  int pooling;       // -1: not supported
};
constexpr PoolingKey kPoolings[] = {
    {"pooling_mode_mean_tokens", "mean", int(Pooling::mean)},
    {"pooling_mode_cls_token", "cls", int(Pooling::first)},
    {"pooling_mode_lasttoken", "lasttoken", int(Pooling::last)},
    {"pooling_mode_max_tokens", "max", -1},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", -1},
    {"pooling_mode_weightedmean_tokens", "weightedmean", -1}};

Error unsupported_pooling(const std::string& place, const std::string& what) {
  return {place + ": " + what + " is not supported; mean, cls and lasttoken are, one of them"};
}

Result<void> read_pooling(const Json& json, const std::string& place, EmbeddingConfig& config) {
  std::string wanted;
  if (const Json* mode = json.find("pooling_mode"); mode && !mode->is_null())
    wanted = TRY_IN(place + ": pooling_mode", mode->as_string());
  const bool has_word = !wanted.empty();
  for (const PoolingKey& row : kPoolings) {
    const Json* value = json.find(row.key);
    if (has_word || !value || value->is_null()) continue;
    if (!TRY_IN(place + ": " + row.key, value->as_bool())) continue;
    if (!wanted.empty()) return unsupported_pooling(place, "more than one pooling");
    wanted = row.word;
  }
  if (const Json* includes = json.find("include_prompt"); includes && !includes->is_null())
    if (!TRY_IN(place + ": include_prompt", includes->as_bool()))
      return Error{place + ": 'include_prompt' false is not supported"};
  if (wanted.empty()) return {};  // mean
  for (const PoolingKey& row : kPoolings)
    if (wanted == row.word && row.pooling >= 0) {
      config.pooling = Pooling(row.pooling);
      return {};
    }
  return unsupported_pooling(place, "the pooling '" + printable(wanted) + "'");
}

Result<void> read_modules(const std::string& folder, EmbeddingConfig& config) {
  const std::string path = join_path(folder, kModules);
  if (!file_exists(path)) return {};
  const Json modules = TRY(read_json_file(path, kLimits));
  if (!modules.is_array() || modules.size() == 0 || modules.size() > kModulesMax)
    return Error{path + ": must be a list of up to 16 modules"};
  for (const Json& module : modules.items()) {
    const std::string& type = module.text_at("type");
    const std::string kind = type.substr(type.rfind('.') + 1);
    const std::string name = TRY(module_folder(module, path));
    if (kind == "Transformer" && &module == &modules.items().front()) {
      if (!name.empty()) config.model_folder = join_path(folder, name);
    } else if (kind == "Pooling") {
      const std::string place = join_path(join_path(folder, name), "config.json");
      const Json json = TRY(read_if_there(place));
      TRY(read_pooling(json, place, config));
      config.is_stated = true;
    } else if (kind != "Normalize") {
      return Error{
          fmt::format("{}: the module '{}' is not supported; Transformer, Pooling and "
                      "Normalize are",
                      path, printable(type))};
    }
  }
  return {};
}

// A whole number of a file, if it has one from 1 to `high`. transformers writes 1e30 for no limit.
Result<int> read_limit(const Json& json, const char* key, const std::string& place) {
  const Json* value = json.find(key);
  if (!value || value->is_null()) return 0;
  const double number = TRY_IN(place + ": " + key, value->as_double());
  if (number > INT32_MAX) return 0;
  if (number < 1) return Error{place + ": '" + key + "' must be a whole number above 0"};
  return int(number);
}

Result<void> read_tokens_max(EmbeddingConfig& config) {
  const std::string& folder = config.model_folder;
  std::string place = join_path(folder, "sentence_bert_config.json");
  Json json = TRY(read_if_there(place));
  config.tokens_max = TRY(read_limit(json, "max_seq_length", place));
  if (config.tokens_max > 0) return {};
  place = join_path(folder, "tokenizer_config.json");
  json = TRY(read_if_there(place));
  config.tokens_max = TRY(read_limit(json, "model_max_length", place));
  return {};
}

Result<void> read_prompts(const std::string& folder, EmbeddingConfig& config) {
  const std::string place = join_path(folder, "config_sentence_transformers.json");
  const Json json = TRY(read_if_there(place));
  const Json* prompts = json.find("prompts");
  if (prompts && !prompts->is_null()) {
    if (!prompts->is_object() || prompts->size() > kPromptsMax)
      return Error{place + ": 'prompts' must be an object of up to 256 texts"};
    for (const auto& [name, text] : prompts->members())
      config.prompts.emplace_back(name, TRY_IN(place + ": prompts." + name, text.as_string()));
  }
  const Json* chosen = json.find("default_prompt_name");
  if (!chosen || chosen->is_null()) return {};
  const std::string name = TRY_IN(place + ": default_prompt_name", chosen->as_string());
  for (const auto& [known, text] : config.prompts)
    if (known == name) {
      config.default_prompt = text;
      return {};
    }
  return Error{place + ": 'default_prompt_name' is '" + printable(name) +
               "', which 'prompts' does not have"};
}

}  // namespace

const char* pooling_name(Pooling pooling) {
  for (const PoolingKey& row : kPoolings)
    if (row.pooling == int(pooling)) return row.word;
  return "";
}

Result<EmbeddingConfig> read_embedding_config(const std::string& folder) {
  EmbeddingConfig config{.model_folder = folder};
  TRY(read_modules(folder, config));
  TRY(read_tokens_max(config));
  TRY(read_prompts(folder, config));
  return config;
}

Result<EmbeddingConfig> read_embedding_config(const GgufMetadata& metadata) {
  EmbeddingConfig config;
  const std::string type = TRY(metadata.string_at("general.architecture"));
  const std::string key = type + ".pooling_type";
  if (!metadata.find(key)) return config;
  const int64_t pooling = TRY(metadata.int_at(key));
  constexpr int64_t kNone = 0, kMean = 1, kCls = 2, kLast = 3;  // llama.cpp's
  if (pooling == kNone) return config;
  config.is_stated = true;
  if (pooling == kMean)
    config.pooling = Pooling::mean;
  else if (pooling == kCls)
    config.pooling = Pooling::first;
  else if (pooling == kLast)
    config.pooling = Pooling::last;
  else
    return Error{
        fmt::format("key '{}' is {}; 1 (mean), 2 (cls) and 3 (last) are supported", key, pooling)};
  return config;
}

bool is_encoder_path(const std::string& path) {
  if (is_encoder(path)) return true;
  if (!is_directory(path) || file_exists(join_path(path, "config.json"))) return false;
  const auto config = read_embedding_config(path);
  return config && is_encoder(config->model_folder);
}

bool states_embeddings(const std::string& path) {
  if (is_directory(path)) return file_exists(join_path(path, kModules));
  const auto file = GgufFile::open(path, GgufUse::metadata);
  if (!file) return false;
  const auto config = read_embedding_config(file->metadata());
  return config && config->is_stated;
}

}  // namespace weir
