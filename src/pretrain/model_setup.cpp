#include "pretrain/model_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/text.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

constexpr char kEnd[] = "<｜end▁of▁sentence｜>";
constexpr char kBegin[] = "<｜begin▁of▁sentence｜>";

std::vector<std::string_view> views(const Corpus& corpus) {
  return {corpus.documents.begin(), corpus.documents.end()};
}

bool needs_end_token(const TrainRecipe& recipe) {
  return recipe.data.packing == "documents" && recipe.data.end_of_document;
}

// The folder of recipe.tokenizer.path, which may name the file in it.
std::string tokenizer_folder(const TrainRecipe& recipe) {
  const std::string& path = recipe.tokenizer.path;
  if (is_directory(path) || base_name(path) != "tokenizer.json") return path;
  const size_t cut = path.size() - base_name(path).size();
  return cut == 0 ? "." : path.substr(0, cut);
}

Result<Tokenizer> learn_bytes(const TrainRecipe& recipe, const Corpus& corpus, ThreadPool& pool) {
  TokenizerTrainOptions options;
  options.vocab_size = recipe.tokenizer.vocab_size;
  options.takes_fewer = options.vocab_size == TokenizerRecipe().vocab_size;  // nobody's wish
  options.pattern = recipe.tokenizer.pattern;
  options.isolate_digits = recipe.tokenizer.isolate_digits;
  if (recipe.tokenizer.chat_tokens) {
    options.added_tokens = deepseek_chat_tokens();
    options.bos = kBegin;
    options.eos = kEnd;
  } else if (needs_end_token(recipe)) {
    options.added_tokens = {{kEnd}};
    options.eos = kEnd;
  }
  std::optional<Progress> progress;
  std::string shown;
  auto report = [&](const char* stage, int64_t done, int64_t total) {
    if (shown != stage) progress.emplace(std::string("tokenizer: ") + stage, double(total), "");
    shown = stage;
    progress->update(double(done));
  };
  const std::vector<std::string_view> documents = views(corpus);
  return train_tokenizer(documents, options, pool, report);
}

Result<Tokenizer> learn_characters(const TrainRecipe& recipe, const Corpus& corpus) {
  CharacterTokenizerOptions options;
  if (needs_end_token(recipe)) {
    options.added_tokens = {{kEnd}};
    options.eos = kEnd;
  }
  const std::vector<std::string_view> documents = views(corpus);
  return train_character_tokenizer(documents, options);
}

// Every key that config.json may have for some model type, and "preset".
std::vector<std::string> known_keys() {
  std::set<std::string> keys = {"preset"};
  for (const std::string& name : preset_names()) {
    Result<ModelConfig> config = preset(name);
    if (!config) continue;
    const Json json = config_json(*config);
    for (const auto& [key, value] : json.members()) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json") || is_directory(name);
}

// The configuration that the section names or builds upon.
Result<Json> base_config(const std::string& name, bool& from_file) {
  from_file = is_path(name);
  if (!from_file) return config_json(TRY(preset(name)));
  return read_json_file(is_directory(name) ? join_path(name, "config.json") : name);
}

Result<Json> config_of_section(const Json& model, const Vocabulary& vocabulary) {
  Json config = Json::object();
  bool keeps_vocabulary = false;
  if (model.is_string()) {
    config = TRY(base_config(model.text(), keeps_vocabulary));
  } else {
    if (const Json* name = model.find("preset")) {
      const std::string base = TRY_IN("'preset'", name->as_string());
      config = TRY(base_config(base, keeps_vocabulary));
    }
    const std::vector<std::string> known = known_keys();
    for (const auto& [key, value] : model.members()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        std::string near = nearest_word(key, known);
        return Error{fmt::format("'{}' is not a key of config.json{}", key,
                                 near.empty() ? "" : ", did you mean '" + near + "'?")};
      }
      if (key != "preset") config.set(key, value);
    }
  }
  auto fill = [&](const char* key, int value) {
    bool stated = keeps_vocabulary || (model.is_object() && model.find(key));
    if (!stated) config.set(key, value);
  };
  fill("vocab_size", vocabulary.size);
  fill("bos_token_id", vocabulary.bos);
  fill("eos_token_id", vocabulary.eos);
  return config;
}

Result<ModelConfig> parse_section(const TrainRecipe& recipe, const Vocabulary& vocabulary) {
  const Json json = TRY_IN("model", config_of_section(recipe.model, vocabulary));
  ModelConfig config = TRY(parse_config(json, "model"));
  if (config.max_position_embeddings >= recipe.data.sequence_length) return config;
  return Error{
      fmt::format("'data.sequence_length' {} exceeds the model's 'max_position_embeddings' {}; "
                  "lower the one or raise "
                  "the other",
                  recipe.data.sequence_length, config.max_position_embeddings)};
}

}  // namespace

CorpusOptions corpus_options(const TrainRecipe& recipe) {
  CorpusOptions options;
  options.paths = recipe.data.paths;
  options.jsonl_field = recipe.data.jsonl_field;
  options.skip_bad_lines = recipe.data.skip_bad_lines;
  return options;
}

DatasetOptions dataset_options(const TrainRecipe& recipe) {
  DatasetOptions options;
  options.packing = recipe.data.packing == "windows" ? Packing::windows : Packing::documents;
  options.sequence_length = recipe.data.sequence_length;
  options.validation_fraction = recipe.data.validation_fraction;
  options.seed = uint64_t(recipe.seed);
  options.end_of_document = recipe.data.end_of_document;
  return options;
}

std::string vocabulary_note(int size, int wanted) {
  if (size >= wanted) return "";
  return fmt::format(", all that the data supports (tokenizer.vocab_size is {} by default)",
                     wanted);
}

Result<Tokenizer> named_vocabulary(Result<Tokenizer> learned) {
  if (learned) return learned;
  const std::string& message = learned.error().message;
  if (message.starts_with("vocab_size "))
    return Error{"'tokenizer.vocab_size'" + message.substr(10)};
  return Error{"tokenizer: " + message};
}

Result<Tokenizer> make_tokenizer(const TrainRecipe& recipe, const Corpus& corpus,
                                 ThreadPool& pool) {
  if (!recipe.tokenizer.path.empty())
    return TRY_IN("tokenizer", read_tokenizer(tokenizer_folder(recipe)));
  if (recipe.tokenizer.kind == "char") return TRY_IN("tokenizer", learn_characters(recipe, corpus));
  return named_vocabulary(learn_bytes(recipe, corpus, pool));
}

Result<std::string> tokenizer_source_sha256(const TrainRecipe& recipe) {
  if (recipe.tokenizer.path.empty()) return std::string();
  return TRY_IN("tokenizer", sha256_file(join_path(tokenizer_folder(recipe), "tokenizer.json")));
}

Result<ModelConfig> make_config(const TrainRecipe& recipe, const Vocabulary& vocabulary) {
  ModelConfig config = TRY(parse_section(recipe, vocabulary));
  if (config.vocab_size >= vocabulary.size) return config;
  return Error{fmt::format(
      "model: 'vocab_size' {} is smaller than the tokenizer's {} tokens; leave it out or raise it",
      config.vocab_size, vocabulary.size)};
}

Json config_with_ids(const ModelConfig& config) {
  Json json = config_json(config);
  json.set("bos_token_id", config.bos_token_id);
  json.set("eos_token_id", config.eos_token_id);
  return json;
}

std::string config_text(const ModelConfig& config) {
  return config_with_ids(config).dump(2) + "\n";
}

Result<void> check_model_section(const TrainRecipe& recipe) {
  constexpr int kAnyVocabulary = 1 << 20;  // the real one is compared when it is known
  TRY(parse_section(recipe, {kAnyVocabulary, -1, -1}));
  return {};
}

}  // namespace weir
