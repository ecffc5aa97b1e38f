// The options of a model (chat/model_options.h), for every command that generates.
#pragma once
#include "chat/model_options.h"
#include "cli/command_builder.h"

namespace weir {

void add_model_options(CommandBuilder& command, ModelOptions& options);
// Without those that a measurement of plain generation has no use for: speculation, the prefix
// cache and the limit of the KV cache.
void add_plain_model_options(CommandBuilder& command, ModelOptions& options);

}  // namespace weir
