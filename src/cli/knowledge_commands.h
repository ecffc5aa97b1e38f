// The commands of `weir knowledge` that are described in files of their own.
#pragma once
#include "cli/command_builder.h"

namespace weir {

constexpr const char* kRerankHelp =
    "let the model order the best ten chunks by how well each leads to the question";

void add_knowledge_questions(CommandGroup& group);  // ask, calibrate, faq

}  // namespace weir
