// An adapter as llama.cpp has it: a GGUF file with general.type "adapter", adapter.type "lora",
// adapter.lora.alpha, and tensors NAME.lora_a [rank, inputs] and NAME.lora_b [outputs, rank]; the
// experts of a layer are one tensor each. The scale of a module is alpha / its rank.
#pragma once
#include "adapter/lora.h"

namespace weir {

Result<LoraAdapter> read_lora_gguf(const std::string& path, const ModelConfig& config);

// An adapter with kv_b_proj is an error: llama.cpp splits that projection in two and changes
// nothing for either (it must be merged). Modules with another scale than the rest have it in B.
Result<void> write_lora_gguf(const std::string& path, const LoraAdapter& adapter,
                             const ModelConfig& config);

}  // namespace weir
