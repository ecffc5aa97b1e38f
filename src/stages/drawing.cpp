#include "stages/drawing.h"

#include "stages/stage_memory.h"

namespace weir {
namespace {

// Eight bits a weight, read by integer products, and half the bytes of a cache (docs/r1.md has what
// was measured).
constexpr WeightType kWeights = WeightType::q8_0;
constexpr CacheType kCache = CacheType::f16;

}  // namespace

Result<Drawing> make_drawing(const R1Context& context, const GrpoRecipe& recipe,
                             const Model& model) {
  EngineOptions options;
  options.sequences_max = sequences_together(recipe);
  options.joins_equal = true;
  options.speculation.ngrams = recipe.speculate != RolloutGuesses::off;
  options.speculation.adapts = recipe.speculate != RolloutGuesses::always;
  options.exact = learns_exactly(model);
  Drawing drawing;
  if (recipe.rollouts == RolloutNumbers::rounded) {
    drawing.rounded = std::make_unique<RoundedModel>(model, kWeights);
    drawing.rounded->round(context.pool);
    options.exact = false;
    // Odd widths, which only f32 can hold, are those of toys.
    if (CacheLayout::make(cache_widths(model.config()), options.cache, kCache))
      options.cache_type = kCache;
  }
  drawing.generator = TRY(Generator::create(drawing.rounded ? drawing.rounded->model() : model,
                                            context.tokenizer, context.pool, options));
  return drawing;
}

double rounded_bytes(const GrpoRecipe& recipe, const ModelConfig& config) {
  return recipe.rollouts == RolloutNumbers::rounded ? RoundedModel::bytes_of(config, kWeights) : 0;
}

}  // namespace weir
