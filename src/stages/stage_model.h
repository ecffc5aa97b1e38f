// The model that a stage learns with: all weights of its parent in f32, or the base as it is stored
// with an adapter (R1Recipe::adapter).
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "model/model.h"
#include "stages/r1_recipe.h"

namespace weir {

// The folder or GGUF file that the first stages start from; "" when all begin with fresh weights.
std::string base_folder(const R1Recipe& recipe);

// `parent`: a model's folder or file, the folder of a finished stage, or "" for fresh weights. With
// an adapter the base is opened memory-mapped, and a stage's folder holds the adapter to start
// from. `config`: of the run.
Result<std::unique_ptr<Model>> make_stage_model(const R1Recipe& recipe, const ModelConfig& config,
                                                const std::string& parent);

// The file with what a stage learned, in its folder.
const char* learned_file(const R1Recipe& recipe);

// Bytes of the files of weights at `path`.
double stored_bytes_of(const std::string& path);

}  // namespace weir
