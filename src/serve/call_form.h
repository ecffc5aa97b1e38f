// Calls of tools under a model's grammar: how its chat template writes them, and what a request's
// tool_choice makes of that.
#pragma once
#include "chat/chat_form.h"
#include "grammar/structured_output.h"
#include "serve/serve_request.h"

namespace weir {

// The form in which a model writes calls, found by rendering a conversation that has one; Llama's
// where none is known, which the parser of replies reads, too.
CallSpelling call_spelling(const OpenModel& open, const ChatForm& form);

// Whether the request's tools need a grammar: calls are forced, of some tools alone, or held to a
// schema.
bool needs_call_grammar(const ServeRequest& request);
// What the answer is held to then, its form included.
OutputForm call_output(const ServeRequest& request, CallSpelling spelling);

}  // namespace weir
