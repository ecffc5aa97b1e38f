#include "pipeline/r1_setup.h"

#include <fmt/format.h>

#include <optional>

#include "base/file.h"
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

}  // namespace

std::string base_folder(const R1Recipe& recipe) {
  for (const StageRecipe& stage : recipe.stages)
    if (stage.has_folder_parent()) return stage.parent;
  return "";
}

Result<ModelTexts> make_r1_texts(const R1Recipe& recipe, ThreadPool& pool) {
  const std::string base = base_folder(recipe);
  const std::string path = recipe.tokenizer.path.empty() ? base : recipe.tokenizer.path;
  if (path.empty()) return ModelTexts{TRY(named_vocabulary(learn_tokenizer(recipe, pool)))};
  ModelTexts texts = TRY_IN(base == path ? "parent" : "tokenizer", read_model_texts(path));
  texts.chat.thinking = recipe.thinking;
  if (!base.empty() || !ConversationFormat::create(texts.tokenizer)) return texts;
  return ModelTexts{std::move(texts.tokenizer)};
}

Result<Tokenizer> make_r1_tokenizer(const R1Recipe& recipe, ThreadPool& pool) {
  return TRY(make_r1_texts(recipe, pool)).tokenizer;
}

Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer) {
  TrainRecipe section;  // of which only the model is looked at
  section.data.sequence_length = 0;
  section.model = recipe.model;
  std::optional<ModelConfig> parent;
  if (const std::string folder = base_folder(recipe); !folder.empty()) {
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
  return config;
}

}  // namespace weir
