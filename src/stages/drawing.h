// What a stage draws its rollouts with: a generator over the learner's weights, or over rounded
// copies of them.
#pragma once
#include <memory>

#include "chat/generator.h"
#include "model/rounded_model.h"
#include "stages/stage.h"

namespace weir {

struct Drawing {
  std::unique_ptr<RoundedModel> rounded;  // null: the model's own weights
  std::unique_ptr<Generator> generator;
};

// The model and the context's members outlive it. Rounded weights are those of now: call
// RoundedModel::round after every update.
Result<Drawing> make_drawing(const R1Context& context, const GrpoRecipe& recipe,
                             const Model& model);
// Bytes of the rounded weights; 0 where rollouts are exact.
double rounded_bytes(const GrpoRecipe& recipe, const ModelConfig& config);

}  // namespace weir
