// The model that a stage learns with: all weights of its parent in f32, or the base as it is stored
// with an adapter (R1Recipe::adapter).
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "model/model.h"
#include "stages/r1_recipe.h"

namespace weir {

// `parent`: a model's folder or file, the folder of a finished stage or of an adapter, or "" for
// fresh weights. With an adapter the base is opened memory-mapped, and learning goes on from the
// adapter in `parent`, with its own rank and targets, or from a new one. Without, an adapter is
// folded into its base's weights. `config`: of the run.
Result<std::unique_ptr<Model>> make_stage_model(const R1Recipe& recipe, const ModelConfig& config,
                                                const std::string& parent);

// A second model to hold what `policy` is now (the reference of a KL term): its parameters() and
// buffers() are those of `policy`, in the same order. Of an adapter the base is mapped once more,
// and its repacked copy takes memory again.
Result<std::unique_ptr<Model>> make_reference(const Model& policy);

// The file with what a stage learned, in its folder.
const char* learned_file(const R1Recipe& recipe);

// Bytes of the files of weights at `path`.
double stored_bytes_of(const std::string& path);

}  // namespace weir
