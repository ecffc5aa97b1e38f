#include "train/training_recipe.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(TrainRecipe, N19ARecipeOfWeirR1IsRecognised) {
  Result<Recipe> file = Recipe::parse("run: r\nstages: {a: {kind: sft}}\n", "my.yaml");
  ASSERT_TRUE(file);
  Result<TrainRecipe> recipe = read_train_recipe(*file);
  ASSERT_FALSE(recipe);
  EXPECT_EQ(recipe.error().message,
            "my.yaml: this is a recipe of weir r1: it has 'stages'; use weir r1 my.yaml");
}

constexpr char kSmall[] = "run: runs/x\nmodel: demo\ndata:\n  paths: a.txt\n";

Result<TrainRecipe> read(const std::string& text, const std::vector<std::string>& sets = {}) {
  Recipe recipe = TRY(Recipe::parse(text, "r.yaml"));
  for (const std::string& set : sets) TRY(recipe.set(set));
  return read_train_recipe(recipe);
}

std::string error_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  auto result = read(text, sets);
  return result ? "" : result.error().message;
}

TEST(TrainRecipe, DefaultsFillWhatIsNotSaid) {
  auto recipe = read(kSmall);
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->run, "runs/x");
  EXPECT_EQ(recipe->data.paths, std::vector<std::string>{"a.txt"});
  EXPECT_EQ(recipe->optimizer.beta2, 0.95);
  EXPECT_EQ(recipe->micro_windows(), recipe->batch.windows);
}

TEST(TrainRecipe, SetOverridesTheFile) {
  auto recipe = read(kSmall, {"optimizer.lr=3e-4", "steps=7", "data.packing=windows"});
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->optimizer.lr, 3e-4);
  EXPECT_EQ(recipe->steps, 7);
  EXPECT_EQ(recipe->data.packing, "windows");
}

TEST(TrainRecipe, ResolvedYamlReadsBackAsTheSameRecipe) {
  auto recipe = read(std::string(kSmall) + "samples:\n  prompts: [\"a: \\\"b\\\"\", \"# c\\n\"]\n",
                     {"optimizer.lr=1e-5",
                      "model={preset: demo, hidden_size: 64, rope_scaling: null}", "run='007'"});
  ASSERT_TRUE(recipe) << recipe.error().message;
  Json resolved = recipe_json(*recipe);
  auto again = read(recipe_yaml(resolved));
  ASSERT_TRUE(again) << again.error().message << "\n" << recipe_yaml(resolved);
  EXPECT_EQ(recipe_json(*again).dump(), resolved.dump());
}

TEST(TrainRecipe, WrongRecipesAreNamedWithFileLineAndKey) {
  struct Case {
    std::string text;
    std::vector<std::string> sets, words;
  };
  const std::string small = kSmall;
  const Case cases[] = {
      {"model: demo\ndata: {paths: a}\n", {}, {"r.yaml", "'run'"}},
      {"run: x\ndata: {paths: a}\n", {}, {"r.yaml", "'model'"}},
      {"run: x\nmodel: 5\ndata: {paths: a}\n", {}, {"r.yaml:2", "'model'"}},
      {"run: x\nmodel: demo\n", {}, {"r.yaml", "data.paths"}},
      {small + "stps: 5\n", {}, {"r.yaml:5", "'stps'", "'steps'"}},
      {small + "steps: many\n", {}, {"r.yaml:5", "'steps'", "many"}},
      {small + "steps: 0\n", {}, {"r.yaml:5", "'steps'"}},
      {small + "steps: 1.5\n", {}, {"r.yaml:5", "'steps'"}},
      {small + "optimizer:\n  lr: fast\n", {}, {"r.yaml:6", "optimizer.lr"}},
      {small + "optimizer:\n  lr: -1\n", {}, {"r.yaml:6", "optimizer.lr"}},
      {small + "optimizer:\n  name: adam\n", {}, {"r.yaml:6", "optimizer.name", "adamw"}},
      {small + "optimizer:\n  learning: 1\n", {}, {"r.yaml:6", "optimizer.learning"}},
      {small + "schedule:\n  name: linear\n", {}, {"r.yaml:6", "schedule.name", "cosine"}},
      {small + "schedule: cosine\n", {}, {"r.yaml:5", "schedule"}},
      {small + "steps: 10\nschedule: {warmup_steps: 10}\n", {}, {"r.yaml:6", "warmup_steps"}},
      {small + "batch: {windows: 10, micro_windows: 4}\n", {}, {"r.yaml:5", "micro_windows", "10"}},
      {small + "recompute: 7\n", {}, {"r.yaml:5", "recompute"}},
      {small, {"data.sequence_length=1"}, {"data.sequence_length"}},
      {small, {"tokenizer.kind=word"}, {"tokenizer.kind", "char"}},
      {small, {"data.validation_fraction=1"}, {"validation_fraction"}},
  };
  for (const Case& c : cases) {
    std::string message = error_of(c.text, c.sets);
    EXPECT_NE(message, "") << c.text;
    for (const std::string& word : c.words)
      EXPECT_NE(message.find(word), std::string::npos) << "'" << message << "' lacks " << word;
  }
}

TEST(TrainRecipe, OnlyKeysThatDecideTheWeightsCountAsChanged) {
  auto base = read(kSmall);
  auto keys = [&](const std::string& set) {
    return changed_keys(recipe_json(*base), recipe_json(*read(kSmall, {set})));
  };
  for (const char* watching :
       {"threads=3", "run=elsewhere", "steps=5", "log_every=3", "evaluate_every=2",
        "checkpoint_every=9", "keep_checkpoints=5", "recompute=true", "evaluation.windows=3",
        "samples.tokens=5", "data.paths=[b.txt, c.txt]", "loss_limit_factor=0"})
    EXPECT_TRUE(keys(watching).empty()) << watching;
  for (const char* deciding : {"seed=2", "optimizer.lr=1", "model=other", "batch.windows=2",
                               "moe.bias_speed=0.5", "schedule.name=constant", "mtp.weight=0",
                               "data.sequence_length=9", "tokenizer.kind=char"}) {
    std::string key = std::string(deciding).substr(0, std::string(deciding).find('='));
    EXPECT_EQ(keys(deciding), std::vector<std::string>{key});
  }
  EXPECT_EQ(recipe_sha256(recipe_json(*base)),
            recipe_sha256(recipe_json(*read(kSmall, {"threads=2"}))));
  EXPECT_NE(recipe_sha256(recipe_json(*base)),
            recipe_sha256(recipe_json(*read(kSmall, {"seed=3"}))));
}

}  // namespace
}  // namespace weir
