// From a recipe to what every stage shares: the tokenizer and the model's configuration.
#pragma once
#include "base/result.h"
#include "base/thread_pool.h"
#include "config/config.h"
#include "pipeline/parent.h"
#include "stages/r1_recipe.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The folder or GGUF file whose tokenizer and weights the first stages start from: that of the
// first stage whose parent is one; "" when all begin with fresh weights.
std::string base_folder(const R1Recipe& recipe);

// The tokenizer as make_r1_tokenizer() finds it, with the chat template beside it: that of the base
// folder, or of `tokenizer.path` when its tokenizer lacks DeepSeek's conversation tokens.
Result<ModelTexts> make_r1_texts(const R1Recipe& recipe, ThreadPool& pool);

// The tokenizer of `tokenizer.path`, of the base folder, or learned from the first problems of all
// stages, in DeepSeek's conversation tokens. A vocabulary whose size the recipe does not state is
// as large as the text supports, up to the default. Errors name what to change.
Result<Tokenizer> make_r1_tokenizer(const R1Recipe& recipe, ThreadPool& pool);

// The configuration of the base folder or file, or what the recipe's `model` section describes with
// the tokenizer's vocabulary. The section is ignored when there is a base folder; stating both is
// an error.
Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer);

}  // namespace weir
