#include "stages/stage_model.h"

#include <filesystem>

#include "adapter/adapter_folder.h"
#include "adapter/peft.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"

namespace weir {
namespace {

// The adapter's base with it, to be trained.
Result<std::unique_ptr<Model>> open_with(const LoraAdapter& adapter) {
  auto checkpoint = TRY_IN("parent", Checkpoint::open(adapter.base));
  std::unique_ptr<Model> model = TRY(Model::open(std::move(checkpoint)));
  model->default_adapter = TRY(model->add_adapter(adapter, true));
  return model;
}

Result<std::unique_ptr<Model>> make_adapted(const R1Recipe& recipe, const ModelConfig& config,
                                            const std::string& parent) {
  LoraAdapter adapter;
  if (parent == recipe.base)
    adapter = TRY_IN("adapter", make_lora(config, *recipe.adapter, uint64_t(recipe.seed)));
  else
    adapter = TRY(read_lora(parent, config));
  adapter.base = recipe.base;
  return open_with(adapter);
}

}  // namespace

Result<std::unique_ptr<Model>> make_stage_model(const R1Recipe& recipe, const ModelConfig& config,
                                                const std::string& parent) {
  if (recipe.adapter) return make_adapted(recipe, config, parent);
  std::unique_ptr<Model> model = Model::create(config, true);
  if (parent.empty())
    model->initialize(uint64_t(recipe.seed));
  else
    TRY(load_weights(*model, parent));
  model->weights_changed();
  return model;
}

Result<std::unique_ptr<Model>> make_reference(const Model& policy) {
  if (!policy.trains_adapter()) return Model::create(policy.config(), false);
  return open_with(policy.adapter(policy.default_adapter));
}

const char* learned_file(const R1Recipe& recipe) {
  return recipe.adapter ? kPeftWeights : "model.safetensors";
}

double stored_bytes_of(const std::string& path) {
  std::error_code failed;
  if (!is_directory(path)) return double(std::filesystem::file_size(path, failed));
  double bytes = 0;
  const auto names = list_directory(path);
  if (names)
    for (const std::string& name : *names)
      if (name.ends_with(".safetensors"))
        bytes += double(std::filesystem::file_size(join_path(path, name), failed));
  return bytes;
}

}  // namespace weir
