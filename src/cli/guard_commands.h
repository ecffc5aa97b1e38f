// The commands of `weir guard` that are described in files of their own.
#pragma once
#include "cli/command_builder.h"

namespace weir {

void add_guard_bank(CommandGroup& group);   // the red team's requests as rows
void add_guard_train(CommandGroup& group);  // heads from labelled rows
void add_guard_test(CommandGroup& group);   // the red team against rules, heads and a model

}  // namespace weir
