// From a recipe to what training needs: tokenizer and model configuration. Files in, values out.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "config/config.h"
#include "corpus/dataset.h"
#include "tokenizer/tokenizer.h"
#include "train/training_recipe.h"

namespace weir {

CorpusOptions corpus_options(const TrainRecipe& recipe);
DatasetOptions dataset_options(const TrainRecipe& recipe);

// The recipe's tokenizer: read from its path, or learned from the corpus.
Result<Tokenizer> make_tokenizer(const TrainRecipe& recipe, const Corpus& corpus, ThreadPool& pool);
// What learning a tokenizer gave; an error names the recipe's key, as in "'tokenizer.vocab_size'
// 4096 asked, but the text supports only 352".
Result<Tokenizer> named_vocabulary(Result<Tokenizer> learned);
// ", all that the data supports ..." where a learned vocabulary came out smaller than `wanted`, its
// default; else "".
std::string vocabulary_note(int size, int wanted);
// SHA-256 of the tokenizer.json that the recipe names; "" when it is learned.
Result<std::string> tokenizer_source_sha256(const TrainRecipe& recipe);

// What the model section describes. A model by name takes vocabulary size, BOS and EOS from the
// tokenizer unless the recipe states them; a config.json is taken as it is. The vocabulary must
// hold the tokenizer, the positions a window.
struct Vocabulary {
  int size = 0, bos = -1, eos = -1;
};
Result<ModelConfig> make_config(const TrainRecipe& recipe, const Vocabulary& vocabulary);
// config.json with -1 for a BOS or EOS that does not exist: readers take null for their family's
// default.
Json config_with_ids(const ModelConfig& config);
// The same as the text of the file.
std::string config_text(const ModelConfig& config);
// make_config() before there is a tokenizer, so that a wrong key is found at once.
Result<void> check_model_section(const TrainRecipe& recipe);

}  // namespace weir
