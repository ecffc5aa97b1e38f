#include "train/training_memory.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {

Result<void> check_memory(const TrainingMemory& plan, double available) {
  if (available <= 0 || plan.total() <= available) return {};
  return Error{fmt::format(
      "training needs about {} of memory (weights {}, gradients {}, moments {}, packed weights {}, "
      "activations {}), but {} are free; choose a smaller 'model', fewer 'batch.micro_windows', or "
      "'recompute: true'",
      format_bytes(plan.total()), format_bytes(plan.weights), format_bytes(plan.gradients),
      format_bytes(plan.moments), format_bytes(plan.panels), format_bytes(plan.activations),
      format_bytes(available))};
}

}  // namespace weir
