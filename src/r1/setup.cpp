#include "r1/setup.h"

#include <vector>

#include "tasks/kinds.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_train.h"
#include "train/setup.h"

namespace weir {
namespace {

constexpr uint64_t kLearnedProblems = 4000;  // of all stages together
constexpr char kBegin[] = "<｜begin▁of▁sentence｜>", kEnd[] = "<｜end▁of▁sentence｜>";

// Questions, thinking and answers, each a document of its own as conversations encode them.
Result<std::vector<std::string>> learning_text(const R1Recipe& recipe) {
  std::vector<const StageRecipe*> stages;
  for (const StageRecipe& stage : recipe.stages)
    if (!stage.data.empty()) stages.push_back(&stage);
  std::vector<std::string> documents;
  for (const StageRecipe* stage : stages) {
    const uint64_t seed = kind_seed(kind_seed(uint64_t(recipe.seed), stage->name), "data");
    for (uint64_t i = 0; i < kLearnedProblems / stages.size(); ++i) {
      Problem problem = TRY_IN(stage->name, stage->data.make(seed, Split::train, i));
      for (Message& message : problem.messages) {
        if (message.has_thinking) documents.push_back(std::move(message.thinking));
        documents.push_back(std::move(message.content));
      }
    }
  }
  if (documents.empty()) return Error{"no stage has data to learn a tokenizer from"};
  return documents;
}

Result<Tokenizer> learn(const R1Recipe& recipe, ThreadPool& pool) {
  const std::vector<std::string> documents = TRY(learning_text(recipe));
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  TokenizerTrainOptions options;
  options.vocab_size = recipe.tokenizer.vocab_size;
  options.pattern = recipe.tokenizer.pattern;
  options.isolate_digits = recipe.tokenizer.isolate_digits;
  options.added_tokens = deepseek_chat_tokens();
  options.bos = kBegin;
  options.eos = kEnd;
  return train_tokenizer(views, options, pool);
}

}  // namespace

Result<Tokenizer> make_r1_tokenizer(const R1Recipe& recipe, ThreadPool& pool) {
  if (recipe.tokenizer.path.empty()) return TRY_IN("tokenizer", learn(recipe, pool));
  std::string folder = recipe.tokenizer.path;
  constexpr std::string_view kFile = "/tokenizer.json";
  if (folder.ends_with(kFile)) folder.resize(folder.size() - kFile.size());
  return TRY_IN("tokenizer", read_tokenizer(folder));
}

Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer) {
  TrainRecipe training;
  training.model = recipe.model;
  training.data.sequence_length = 1;  // what fits is known when conversations are rendered
  return make_config(training, {tokenizer.size(), tokenizer.bos(), tokenizer.eos()});
}

}  // namespace weir
