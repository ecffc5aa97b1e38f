// The options of speculation, for commands that do not take all of a model's (model_flags.h).
#pragma once
#include "chat/model_options.h"
#include "cli/command_builder.h"

namespace weir {

void add_speculation_options(CommandBuilder& command, ModelOptions& options);

}  // namespace weir
