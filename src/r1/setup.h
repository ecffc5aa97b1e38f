// From a recipe of R1's stages to what they all share: the tokenizer and the model's configuration.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/config.h"
#include "r1/recipe.h"
#include "text/tokenizer.h"

namespace weir {

// The recipe's tokenizer: read from its path, or learned from the first problems of all stages,
// with the control tokens of conversations first. The same recipe gives the same tokenizer.
Result<Tokenizer> make_r1_tokenizer(const R1Recipe& recipe, ThreadPool& pool);

// What the model section describes; vocabulary size, BOS and EOS are the tokenizer's unless stated.
// Fails when the vocabulary would not hold the tokenizer.
Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer);

}  // namespace weir
