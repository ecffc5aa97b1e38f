#include "pipeline/model_words.h"

#include <fmt/format.h>

#include "config/size.h"
#include "pipeline/r1_setup.h"
#include "pretrain/model_setup.h"

namespace weir {

std::string experts_note(const ModelConfig& config) {
  if (config.n_routed_experts == 0) return "";
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    if (config.is_moe(layer)) return "";
  const int dense = config.first_k_dense_replace;
  if (dense >= config.num_hidden_layers)
    return fmt::format("no layer has experts: first_k_dense_replace {} of {} layers", dense,
                       config.num_hidden_layers);
  return fmt::format(
      "no layer has experts: moe_layer_freq {}, mlp_only_layers and "
      "first_k_dense_replace {} leave none of {} layers",
      config.moe_layer_freq, dense, config.num_hidden_layers);
}

std::string model_words(const R1Recipe& recipe, const ModelConfig& config) {
  std::string text = fmt::format("{}, vocabulary of {}", size_words(config), config.vocab_size);
  if (recipe.tokenizer.path.empty() && base_folder(recipe).empty())
    text += vocabulary_note(config.vocab_size, recipe.tokenizer.vocab_size);
  if (const std::string note = experts_note(config); !note.empty()) text += "; " + note;
  return text;
}

}  // namespace weir
