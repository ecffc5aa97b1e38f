// What a stage tries, as one sentence for people who watch it.
#pragma once
#include <string>

#include "stages/r1_recipe.h"

namespace weir {

// The recipe's `about`, or a sentence made from the stage's settings: "tries 8 answers to each of
// 32 questions a step, and learns from those that earn more than the others".
std::string stage_sentence(const StageRecipe& stage);

}  // namespace weir
