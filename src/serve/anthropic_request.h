// Requests in Anthropic's form: /v1/messages.
#pragma once
#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// `body`: an object. System text, blocks and tool results become OpenAI's messages.
ApiResult<ServeRequest> read_anthropic(const Json& body, const SamplingOptions& defaults);
// The same without 'max_tokens', for counting.
ApiResult<ServeRequest> read_anthropic_count(const Json& body, const SamplingOptions& defaults);

}  // namespace weir
