// A whole training run: from a recipe to a folder with a model, resumable at any moment.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/training_recipe.h"

namespace weir {

struct TrainSummary {
  std::string folder;
  int64_t step = 0, steps = 0;
  bool stopped = false;  // by a signal, before the last step; everything is saved
  double loss = 0;       // of the last step of this process; 0 when it had none to do
  double validation_loss = 0, bits_per_byte = 0;  // the last held-out evaluation; 0: none
  double seconds = 0;                             // of training, earlier processes included
};

// Starts the run in recipe.run, or continues it from its newest checkpoint: then the bits are those
// of a run that was never interrupted. Continuing needs the same data and the same recipe but for
// keys that only watch (recipe.h); `steps` may change while no step done so far would have been
// different (schedule.h). Facts and progress go to stderr.
Result<TrainSummary> run_training(const TrainRecipe& recipe, ThreadPool& pool);

}  // namespace weir
