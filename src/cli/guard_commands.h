// The commands of `weir guard` that are described in files of their own.
#pragma once
#include "cli/command_builder.h"

namespace weir {

void add_guard_check(CommandGroup& group);   // a policy, and what it says of a text
void add_guard_report(CommandGroup& group);  // the numbers of an assessment
void add_guard_label(CommandGroup& group);   // labels files as generated
void add_guard_audit(CommandGroup& group);   // verify, search, export, forget
void add_guard_bank(CommandGroup& group);   // the red team's requests as rows
void add_guard_train(CommandGroup& group);  // heads from labelled rows
void add_guard_test(CommandGroup& group);   // the red team against rules, heads and a model

}  // namespace weir
