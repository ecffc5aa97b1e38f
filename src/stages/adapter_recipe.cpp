#include "stages/adapter_recipe.h"

#include "adapter/adapter_folder.h"
#include "stages/r1_recipe.h"

namespace weir {
namespace {

constexpr double kAlphaMax = 1e6;

Result<void> visit(auto in, auto& adapter) {
  in.field("rank", adapter.rank, 1, kNewRankMax);
  in.field("alpha", adapter.alpha, 0, kAlphaMax);
  in.field("rank_stabilized", adapter.rank_stabilized);
  in.field("dora", adapter.dora);
  in.field("targets", adapter.targets);
  return in.finish();
}

}  // namespace

Result<void> read_adapter_recipe(OptionReader& in, std::optional<LoraRecipe>& adapter) {
  if (!in.has("adapter")) {
    OptionReader absent = in.section("adapter");  // so that the key is known
    return absent.finish();
  }
  return visit(in.section("adapter"), adapter.emplace());
}

Result<void> write_adapter_recipe(OptionWriter& out, const std::optional<LoraRecipe>& adapter) {
  if (!adapter) return {};
  return visit(out.section("adapter"), *adapter);
}

Result<std::string> base_of_parent(const std::string& parent) {
  return is_adapter_folder(parent) ? base_of_adapter(parent) : parent;
}

Result<void> find_base(const OptionReader& in, R1Recipe& recipe) {
  for (const StageRecipe& stage : recipe.stages) {
    if (!stage.has_folder_parent()) continue;
    Result<std::string> base = base_of_parent(stage.parent);
    const std::string key = "stages." + stage.name + ".parent";
    if (!base) return in.error(key, base.error().message);
    if (recipe.base.empty()) recipe.base = *base;
    if (recipe.adapter && recipe.base != *base)
      return in.error(key, "begins from '" + *base + "', and other stages from '" + recipe.base +
                               "'; the adapters of a run have one base");
  }
  return {};
}

Result<void> check_adapter_recipe(const OptionReader& in, const R1Recipe& recipe) {
  if (!recipe.adapter) return {};
  for (const StageRecipe& stage : recipe.stages) {
    const std::string key = "stages." + stage.name;
    if (stage.parent.empty())
      return in.error(
          key + ".parent",
          "is missing: with 'adapter' every stage begins from a model's folder or file, "
          "or from an earlier stage");
    if (stage.kind == StageKind::grpo && stage.grpo.rollouts == RolloutNumbers::rounded)
      return in.error(key + ".rollouts",
                      "'rounded' makes a copy of f32 weights, and with 'adapter' the base stays as "
                      "it is stored; leave it out");
  }
  return {};
}

}  // namespace weir
