#include "pipeline/tune_recipe.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string verifier_of(double held_out) {
  TuneSettings settings{.base = "model.gguf", .data = "rows.jsonl", .out = "run"};
  settings.held_out = held_out;
  const Json recipe = tune_recipe(settings);
  const Json* stages = recipe.find("stages");
  if (!stages || !stages->find("tuned")) return "no stage";
  return stages->find("tuned")->find("data")->find("rows")->text_at("verifier");
}

// Conversations have no gold to compare with.
TEST(TuneRecipe, OnlyHeldOutRowsAreJudged) {
  EXPECT_EQ(verifier_of(0), "");
  EXPECT_EQ(verifier_of(0.1), "exact");
}

}  // namespace
}  // namespace weir
