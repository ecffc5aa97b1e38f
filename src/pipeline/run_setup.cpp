#include "pipeline/run_setup.h"

#include <fmt/format.h>

#include <optional>

#include "base/atomic_output.h"
#include "base/options.h"
#include "base/sha256.h"
#include "chat/conversation.h"
#include "config/size.h"
#include "pretrain/model_setup.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

constexpr uint64_t kProblemsPerSource = 2000;

bool has_default_vocabulary(const R1Recipe& recipe) {
  const Json* section = recipe.json.find("tokenizer");
  return !section || !section->find("vocab_size");
}

// What the stages will say, as the tokenizer sees it: piece by piece, without control tokens.
Result<void> collect_text(const Mixture& data, uint64_t seed, std::vector<std::string>& texts) {
  for (const Mixture::Source& source : data.sources()) {
    const int64_t count = source.set->count(Split::train);
    const uint64_t problems =
        count < 0 ? kProblemsPerSource : std::min(kProblemsPerSource, uint64_t(count));
    for (uint64_t i = 0; i < problems; ++i) {
      Problem problem = TRY_IN(source.name, source.set->make(seed, Split::train, i));
      for (Message& message : problem.messages) {
        texts.push_back(std::move(message.content));
        if (message.has_thinking) texts.push_back(std::move(message.thinking));
      }
    }
  }
  return {};
}

Result<Tokenizer> learn_tokenizer(const R1Recipe& recipe, ThreadPool& pool) {
  std::vector<std::string> texts;
  for (const StageRecipe& stage : recipe.stages)
    TRY(collect_text(stage.data, uint64_t(recipe.seed), texts));
  TokenizerTrainOptions options;
  options.vocab_size = recipe.tokenizer.vocab_size;
  options.takes_fewer = has_default_vocabulary(recipe);
  options.pattern = recipe.tokenizer.pattern;
  options.isolate_digits = recipe.tokenizer.isolate_digits;
  options.added_tokens = deepseek_chat_tokens();
  options.bos = options.added_tokens[0].text;
  options.eos = options.added_tokens[1].text;
  const std::vector<std::string_view> documents(texts.begin(), texts.end());
  return train_tokenizer(documents, options, pool);
}

// A model's texts with what the recipe tells its chat template.
Result<ModelTexts> read_run_texts(const R1Recipe& recipe, const std::string& path) {
  ModelTexts texts = TRY(read_model_texts(path));
  texts.chat.thinking = recipe.thinking;
  return texts;
}

// The tokenizer that a run began with is kept; a recipe that asks for another is refused.
Result<void> check_tokenizer_section(const R1Recipe& recipe, const R1Folder& folder) {
  const std::string path = folder.file("recipe.yaml");
  if (!file_exists(path)) return {};
  const Recipe then = TRY(Recipe::read(path));
  const auto section = [](const Json& json) {
    const Json* found = json.find("tokenizer");
    return found ? found->dump() : std::string();
  };
  if (section(then.root) == section(recipe.json)) return {};
  return Error{folder.path() +
               " was begun with another tokenizer than 'tokenizer' describes now; set "
               "it back or choose another 'run'"};
}

Result<void> check_config(const R1Folder& folder, const ModelConfig& config) {
  const std::string path = folder.file("config.json");
  const std::string then = TRY(read_file(path));
  if (then == config_text(config)) return {};
  if (Result<Json> json = parse_json(then); !json)
    return Error{
        fmt::format("{} is damaged: {}; restore it (every finished stage has a copy in its "
                    "folder)",
                    path, json.error().message)};
  return Error{folder.path() +
               " was begun with another model than 'model' describes now; set it back or choose "
               "another 'run'"};
}

// Of a configuration that describes experts but has no layer with them; else "".
std::string experts_note(const ModelConfig& config) {
  if (config.n_routed_experts == 0) return "";
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    if (config.is_moe(layer)) return "";
  const int dense = config.first_k_dense_replace;
  if (dense >= config.num_hidden_layers)
    return fmt::format("no layer has experts: first_k_dense_replace {} of {} layers", dense,
                       config.num_hidden_layers);
  return fmt::format(
      "no layer has experts: moe_layer_freq {}, mlp_only_layers and "
      "first_k_dense_replace {} leave none of {} layers",
      config.moe_layer_freq, dense, config.num_hidden_layers);
}

}  // namespace

Result<ModelTexts> make_r1_texts(const R1Recipe& recipe, ThreadPool& pool) {
  const std::string base = recipe.base;
  const std::string path = recipe.tokenizer.path.empty() ? base : recipe.tokenizer.path;
  if (path.empty()) return ModelTexts{TRY(named_vocabulary(learn_tokenizer(recipe, pool)))};
  ModelTexts texts = TRY_IN(base == path ? "parent" : "tokenizer", read_run_texts(recipe, path));
  if (!base.empty() || !ConversationFormat::create(texts.tokenizer)) return texts;
  return ModelTexts{std::move(texts.tokenizer)};
}

Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer) {
  TrainRecipe section;  // of which only the model is looked at
  section.data.sequence_length = 0;
  section.model = recipe.model;
  std::optional<ModelConfig> parent;
  if (const std::string folder = recipe.base; !folder.empty()) {
    if (!recipe.model.is_null())
      return Error{
          fmt::format("'model' is stated, but the stages begin from {}; leave it out", folder)};
    parent = TRY_IN("parent", read_parent_config(folder));
    if (parent->vocab_size < tokenizer.size())
      return Error{fmt::format("parent: {}: the model has {} tokens and its tokenizer {}", folder,
                               parent->vocab_size, tokenizer.size())};
    if (!is_directory(folder)) return *parent;
    section.model = Json(folder);
  } else if (recipe.model.is_null()) {
    return Error{"'model' is missing: a preset or the keys of a config.json (docs/config.md)"};
  }
  ModelConfig config =
      TRY(make_config(section, {tokenizer.size(), tokenizer.bos(), tokenizer.eos()}));
  if (!parent) return config;
  // What the folder holds counts, where its config.json says something else
  // (checkpoint/checkpoint.h).
  config.tie_word_embeddings = parent->tie_word_embeddings;
  config.num_nextn_predict_layers = parent->num_nextn_predict_layers;
  config.dspark_target_layer_ids = parent->dspark_target_layer_ids;
  return config;
}

std::string model_words(const R1Recipe& recipe, const ModelConfig& config) {
  std::string text = fmt::format("{}, vocabulary of {}", size_words(config), config.vocab_size);
  if (recipe.tokenizer.path.empty() && recipe.base.empty())
    text += vocabulary_note(config.vocab_size, recipe.tokenizer.vocab_size);
  if (const std::string note = experts_note(config); !note.empty()) text += "; " + note;
  return text;
}

Result<std::string> data_sha256(const Json& section) {
  std::string text = section.dump();
  const auto add_files = [&](const auto& self, const Json& json) -> Result<void> {
    for (const auto& [key, value] : json.members()) {
      if (key == "path" && value.is_string()) text += TRY(sha256_file(value.text()));
      TRY(self(self, value));
    }
    return {};
  };
  TRY(add_files(add_files, section));
  return sha256_hex(text);
}

Result<void> write_model_files(const RunSetup& setup, const std::string& folder) {
  TRY(make_directories(folder));
  TRY(write_file_atomic(join_path(folder, "config.json"), config_text(setup.config)));
  // tokenizer_config.json last: it ends the files of a run (prepare_run).
  for (const bool is_last : {false, true})
    for (const auto& [name, content] : setup.texts.files)
      if ((name == "tokenizer_config.json") == is_last)
        TRY(write_file_atomic(join_path(folder, name), content));
  if (!setup.texts.files.empty()) return {};
  TokenizerConfigOptions options;
  options.model_max_length = setup.config.max_position_embeddings;
  options.chat_template = conversation_chat_template();
  return write_tokenizer(setup.tokenizer(), folder, options);
}

Result<RunSetup> prepare_run(const R1Recipe& recipe, const R1Folder& folder, ThreadPool& pool) {
  // The last of the shared files to be written.
  const bool is_new = !folder.has_begun() || !file_exists(folder.file("tokenizer_config.json"));
  if (!is_new) TRY(check_tokenizer_section(recipe, folder));
  ModelTexts texts =
      is_new ? TRY(make_r1_texts(recipe, pool)) : TRY(read_run_texts(recipe, folder.path()));
  ModelConfig config = TRY(make_r1_config(recipe, texts.tokenizer));
  std::string sha256 = sha256_hex(tokenizer_json(texts.tokenizer));
  if (!is_new) TRY(check_config(folder, config));
  return RunSetup{std::move(texts), config, std::move(sha256), is_new};
}

}  // namespace weir
