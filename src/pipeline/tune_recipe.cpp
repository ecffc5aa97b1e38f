#include "pipeline/tune_recipe.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"

namespace weir {
namespace {

constexpr double kBytesOfToken = 4, kStepsOfEpoch = 16;
constexpr int kTokensMin = 256;
constexpr double kPlanningMinutes = 2;

// Rows of a step: few rows of data make many small steps, many make steps of a window.
int tokens_of(const TuneSettings& o) {
  if (o.tokens > 0) return o.tokens;
  std::error_code failed;
  const double bytes = double(std::filesystem::file_size(o.data, failed));
  const double wanted = failed ? 0 : bytes / kBytesOfToken / kStepsOfEpoch;
  return int(std::clamp(wanted, double(std::min(kTokensMin, o.window)), double(o.window)));
}

}  // namespace

Json tune_recipe(const TuneSettings& o) {
  Json adapter = Json::object();
  adapter.set("rank", o.rank);
  if (o.alpha > 0) adapter.set("alpha", o.alpha);
  if (o.rank_stabilized) adapter.set("rank_stabilized", true);
  if (o.dora) adapter.set("dora", true);
  Json targets = Json::array();
  for (const std::string& target : o.targets) targets.push(target);
  if (targets.size() > 0) adapter.set("targets", std::move(targets));

  Json rows = Json::object();
  rows.set("kind", "file");
  rows.set("path", o.data);
  rows.set("held_out", o.held_out);
  // Rows that are all learned from need no gold.
  rows.set("verifier", o.held_out > 0 ? o.verifier : "");
  Json data = Json::object();
  data.set("rows", rows);

  Json stage = Json::object();
  stage.set("kind", "sft");
  // A path with a slash is a model's, one without an earlier stage's.
  stage.set("parent", o.base.find('/') == std::string::npos ? "./" + o.base : o.base);
  if (o.steps > 0)
    stage.set("steps", o.steps);
  else
    stage.set("epochs", o.epochs);
  stage.set("tokens", tokens_of(o));
  stage.set("lr", o.lr);
  stage.set("warmup_steps", 5);
  stage.set("decay_fraction", 0.5);
  stage.set("weight_decay", 0.0);
  stage.set("data", std::move(data));
  Json stages = Json::object();
  stages.set("tuned", std::move(stage));

  Json evaluation = Json::object();
  evaluation.set("samples", 1);
  evaluation.set("temperature", 0.0);
  if (o.held_out > 0) {
    Json sets = Json::object();
    sets.set("rows", std::move(rows));
    evaluation.set("sets", std::move(sets));
  }

  Json recipe = Json::object();
  recipe.set("run", o.out);
  recipe.set("title", "An adapter of " + base_name(o.base));
  recipe.set("seed", o.seed);
  recipe.set("minutes", kPlanningMinutes);
  recipe.set("rows", o.window);
  recipe.set("checkpoint_every", 20);
  recipe.set("adapter", std::move(adapter));
  recipe.set("evaluation", std::move(evaluation));
  recipe.set("stages", std::move(stages));
  return recipe;
}

}  // namespace weir
