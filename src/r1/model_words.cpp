#include "r1/model_words.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/size.h"
#include "r1/setup.h"

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
  const ModelSize size = model_size(config);
  std::string text =
      fmt::format("{} parameters, {} active per token; {} layers of width {}, vocabulary of {}",
                  format_count(double(size.total + size.mtp)), format_count(double(size.active)),
                  config.num_hidden_layers, config.hidden_size, config.vocab_size);
  const bool is_learned = recipe.tokenizer.path.empty() && base_folder(recipe).empty();
  if (is_learned && config.vocab_size < recipe.tokenizer.vocab_size)
    text += fmt::format(", all that the data supports (tokenizer.vocab_size is {} by default)",
                        recipe.tokenizer.vocab_size);
  if (const std::string note = experts_note(config); !note.empty()) text += "; " + note;
  return text;
}

}  // namespace weir
