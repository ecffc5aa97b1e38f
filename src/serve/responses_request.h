// Requests of OpenAI's /responses: a conversation as a text or a list of items.
#pragma once
#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// `body`: an object. `defaults`: the sampling of requests that say nothing. Items are messages,
// calls with their outputs, and reasoning; what the server would have to keep or run (responses,
// conversations, prompts, its own tools) is refused by name.
ApiResult<ServeRequest> read_responses(const Json& body, const SamplingOptions& defaults);

}  // namespace weir
