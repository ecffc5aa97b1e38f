// The commands of `weir knowledge` that are described in files of their own, and what they share.
#pragma once
#include "base/json.h"
#include "cli/command_builder.h"
#include "knowledge/knowledge_search.h"

namespace weir {

void add_knowledge_questions(CommandGroup& group);  // ask, calibrate, faq

Json found_json(const FoundChunk& chunk);

}  // namespace weir
