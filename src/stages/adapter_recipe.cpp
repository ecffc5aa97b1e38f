#include "stages/adapter_recipe.h"

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

Result<void> check_adapter_recipe(const OptionReader& in, const R1Recipe& recipe) {
  if (!recipe.adapter) return {};
  std::string base;
  for (const StageRecipe& stage : recipe.stages) {
    const std::string key = "stages." + stage.name;
    if (stage.parent.empty())
      return in.error(
          key + ".parent",
          "is missing: with 'adapter' every stage begins from a model's folder or file, "
          "or from an earlier stage");
    if (stage.has_folder_parent()) {
      if (!base.empty() && base != stage.parent)
        return in.error(key + ".parent", "is '" + stage.parent +
                                             "', and other stages begin from '" + base +
                                             "'; the adapters of a run have one base");
      base = stage.parent;
    }
    if (stage.kind != StageKind::grpo) continue;
    if (stage.grpo.kl_weight > 0)
      return in.error(key + ".kl_weight",
                      "needs a second model, which is not supported with 'adapter'; set it to 0");
    if (stage.grpo.rollouts == RolloutNumbers::rounded)
      return in.error(key + ".rollouts",
                      "'rounded' makes a copy of f32 weights, and with 'adapter' the base stays as "
                      "it is stored; leave it out");
  }
  return {};
}

}  // namespace weir
