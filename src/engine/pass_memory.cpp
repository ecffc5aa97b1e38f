#include "engine/pass_memory.h"

#include "config/size.h"
#include "kernels/kernels.h"

namespace weir {

size_t pass_bytes(const ModelConfig& config, int rows, int threads) {
  const size_t per_row = 2 * size_t(activations_per_token(config, false)) +
                         size_t(config.vocab_size) + 4 * size_t(config.hidden_size) +
                         size_t(choices_per_token(config, config.max_position_embeddings, false)) +
                         size_t(config.index_n_heads + 3) * size_t(config.index_head_dim + 16);
  // Scores of 64 queries, packed operands; an indexer's scores and their ranks.
  const size_t scratch = 2 * kGemmScratch +
                         64 * size_t(config.key_head_width() + config.value_head_width() + 64) +
                         65 * (size_t(config.max_position_embeddings) + 64) +
                         4 * size_t(config.kv_lora_rank + config.qk_rope_head_dim) +
                         (config.is_sparse() ? 3 * size_t(config.max_position_embeddings) : 0) +
                         kPanel * size_t(config.index_n_heads + 2);
  return sizeof(float) * (size_t(rows) * per_row + size_t(threads) * scratch) + (size_t(256) << 20);
}

}  // namespace weir
