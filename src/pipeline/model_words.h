// A model in one line, for the facts of a run.
#pragma once
#include <string>

#include "config/config.h"
#include "stages/r1_recipe.h"

namespace weir {

// "2.4 M parameters, 770 k active per token; 4 layers of width 128, vocabulary of 768"; what is
// probably not meant is added, and that a learned vocabulary is smaller than the recipe's size.
std::string model_words(const R1Recipe& recipe, const ModelConfig& config);

// "no layer has experts: ..." of a configuration that describes experts and has no layer with them;
// else "".
std::string experts_note(const ModelConfig& config);

}  // namespace weir
