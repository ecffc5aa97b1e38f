// Whether a checkpoint may be continued by what is asked for now: same decisions, same data, same
// tokenizer, same model.
#pragma once
#include <string>

#include "base/result.h"
#include "pretrain/run_folder.h"
#include "train/training_checkpoint.h"
#include "train/training_recipe.h"

namespace weir {

// Recipe and data; cheap enough to be asked before anything is tokenized. Errors name the keys.
Result<void> check_same_run(const RunFolder& folder, const CheckpointState& state,
                            const TrainRecipe& recipe, const std::string& data_sha256);

// The file in the run's folder is still the one that was trained with.
Result<void> check_same_file(const RunFolder& folder, const std::string& name,
                             const std::string& sha256);

}  // namespace weir
