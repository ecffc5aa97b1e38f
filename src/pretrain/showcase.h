// What a freshly trained model writes after the recipe's prompts, for people to look at.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"
#include "train/training_recipe.h"

namespace weir {

// Prompt and continuation. The same weights, recipe and seed give the same text. A prompt without
// tokens is left out.
Result<std::vector<std::pair<std::string, std::string>>> generate_samples(
    const TrainRecipe& recipe, const Model& model, const Tokenizer& tokenizer, ThreadPool& pool);

}  // namespace weir
