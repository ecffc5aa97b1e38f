// Where a model's guesses of the next tokens come from, of what the user chose.
#pragma once
#include "base/result.h"
#include "chat/model_options.h"
#include "engine/speculation_options.h"

namespace weir {

struct OpenModel;

// Of --draft from the open draft model; an error where there is none that was asked for.
Result<SpeculationOptions> choose_speculation(const ModelOptions& chosen, const OpenModel& open);

}  // namespace weir
