// What a model can do, from the chat template and the vocabulary of its files, without loading it.
#pragma once
#include "checkpoint/checkpoint.h"

namespace weir {

struct Abilities {
  bool has_template = false, tools = false, thinking = false, fill_in = false;
};
Abilities find_abilities(const Checkpoint& checkpoint);

}  // namespace weir
