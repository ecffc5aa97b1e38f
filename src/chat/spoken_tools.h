// Tools for a model whose chat template has no place for them (DeepSeek-R1's, SmolLM2's): they are
// told in words, and calls and results are written into the texts in Hermes' form, which
// CallParser reads.
#pragma once
#include "base/json.h"

namespace weir {

// OpenAI's messages without 'tool_calls' and the role "tool". `tools`: check_tools(). They are told
// in the first system message, or, where the template has none (`has_system` false), before the
// first message of the user.
Json speak_tools(const Json& messages, const Json& tools, bool has_system);

}  // namespace weir
