// The arena that one pass over a model needs.
#pragma once
#include <cstddef>

#include "config/config.h"

namespace weir {

// Address space for a pass of at most `rows` tokens with their logits: twice what its operations
// leave behind, and their scratch per thread. Only what is touched costs memory.
size_t pass_bytes(const ModelConfig& config, int rows, int threads);

}  // namespace weir
