// The section `adapter` of a recipe: what stages learn where the model they begin from stays as it
// is stored.
#pragma once
#include <optional>

#include "adapter/lora.h"
#include "base/options.h"

namespace weir {

struct R1Recipe;

// Absent unless the recipe states it; `adapter: {}` is one with all defaults.
Result<void> read_adapter_recipe(OptionReader& in, std::optional<LoraRecipe>& adapter);
Result<void> write_adapter_recipe(OptionWriter& out, const std::optional<LoraRecipe>& adapter);
// The model that a stage from outside begins from: `parent` itself, or the base that an adapter's
// folder was made for.
Result<std::string> base_of_parent(const std::string& parent);
// Fills R1Recipe::base. An error when an adapter's base is not there, or when the adapters of a run
// would have several.
Result<void> find_base(const OptionReader& in, R1Recipe& recipe);
// What an adapter's stages cannot do.
Result<void> check_adapter_recipe(const OptionReader& in, const R1Recipe& recipe);

}  // namespace weir
