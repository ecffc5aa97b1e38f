// The commands of `weir knowledge` that are described in files of their own.
#pragma once
#include "cli/command_builder.h"

namespace weir {

void add_knowledge_questions(CommandGroup& group);  // ask, calibrate, faq

}  // namespace weir
