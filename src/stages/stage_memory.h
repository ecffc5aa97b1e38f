// What memory a stage takes, known before any of it is taken.
#pragma once
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "stages/r1_recipe.h"

namespace weir {

struct StageMemory {
  double weights = 0;      // bytes, of every model that the stage holds; of a base as stored
  double learning = 0;     // gradients and moments
  double panels = 0;       // copies that the kernels walk
  double activations = 0;  // of a micro-batch
  double rounded = 0;      // weights that replies are drawn with
  double cache = 0;        // of replies that are drawn
  // Blocks are computed again in the backward pass, so that fewer activations are kept; the bits
  // are the same.
  bool recomputes = false;
  double total() const { return weights + learning + panels + activations + rounded + cache; }
  std::string text() const;  // "3.9 GiB: weights 0.5 GiB, ..."
};

// Replies of one step of a GRPO stage that are drawn at the same time.
int sequences_together(const GrpoRecipe& grpo);

// `available`: bytes; activations are kept when everything fits into nine tenths of it.
StageMemory stage_memory(const R1Recipe& recipe, const StageRecipe& stage,
                         const ModelConfig& config, double available);
// An error when it is more than there is; 0: nobody knows.
Result<void> check_memory(const StageMemory& memory, double available);

}  // namespace weir
