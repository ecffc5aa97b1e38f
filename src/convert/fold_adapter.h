// A low-rank adapter folded into its base: W + scale B A in place of W, row by row as the tensors
// are written.
#pragma once
#include <memory>
#include <vector>

#include "adapter/lora.h"
#include "convert/conversion_plan.h"

namespace weir {

// `tensors`: of a GGUF file or a folder that will be written, under its names and in its order of
// rows. An error when a module of the adapter is in none of them.
Result<void> fold_adapter(std::shared_ptr<const LoraAdapter> adapter, const ModelConfig& config,
                          bool is_gguf, std::vector<PlannedTensor>& tensors);

}  // namespace weir
