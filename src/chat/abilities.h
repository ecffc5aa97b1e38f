// What a model can do, from the chat template and the vocabulary of its files, without loading it.
#pragma once
#include <string>

#include "checkpoint/checkpoint.h"

namespace weir {

struct Abilities {
  bool has_template = false, tools = false, thinking = false, fill_in = false;
  bool writes_text = true;  // false: an encoder
  bool embedding = false;   // made for embeddings, and its files say so
};
// `chat_template`: chat_template_of() the checkpoint; "": it has none.
Abilities find_abilities(const Checkpoint& checkpoint, const std::string& chat_template);

}  // namespace weir
