// Any bytes as a recipe of R1's stages: an error of one line, or a recipe whose stages can be run
// in order and which says the same when it is written and read again. Recipes that name files are
// passed over: what is in them is the business of other targets.
#include <cstdlib>

#include "base/text.h"
#include "stages/r1_recipe.h"

namespace {

bool names_files(const weir::Json& json) {
  for (const auto& [key, value] : json.members())
    if (key == "path" || names_files(value)) return true;
  for (const weir::Json& item : json.items())
    if (names_files(item)) return true;
  return false;
}

// Everything that a stage refers to stands before it.
void check_order(const weir::R1Recipe& recipe) {
  for (const weir::StageRecipe& stage : recipe.stages) {
    const auto is_earlier = [&](const std::string& name) {
      const weir::StageRecipe* found = recipe.find(name);
      return found && found < &stage;
    };
    if (!stage.parent.empty() && !stage.has_folder_parent() && !is_earlier(stage.parent))
      std::abort();
    if (!stage.samples.from.empty() && !is_earlier(stage.samples.from)) std::abort();
    for (const auto& [name, part] : stage.grpo.rewards)
      if (!part.model.empty() && !is_earlier(part.model)) std::abort();
    if (stage.data.empty() && stage.samples.from.empty()) std::abort();
    if ((stage.steps > 0) == (stage.share > 0)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto file = weir::Recipe::parse(text, "r.yaml");
  if (!file || names_files(file->root)) return 0;
  auto recipe = weir::read_r1_recipe(*file);
  if (!recipe) {
    const std::string& message = recipe.error().message;
    if (message.empty() || message.find('\n') != std::string::npos) std::abort();
    if (weir::first_invalid_utf8(message) != std::string::npos) std::abort();
    return 0;
  }
  if (recipe->stages.empty() || recipe->run.empty()) std::abort();
  check_order(*recipe);
  auto again = weir::Recipe::parse(weir::recipe_yaml(recipe->json), "written.yaml");
  if (!again || again->root.dump() != recipe->json.dump()) std::abort();
  if (!weir::read_r1_recipe(*again)) std::abort();
  return 0;
}
