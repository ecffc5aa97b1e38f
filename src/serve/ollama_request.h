// Requests in Ollama's form: /api/chat and /api/generate.
#pragma once
#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// `body`: an object. They stream unless told otherwise. Neither messages nor prompts: the model is
// to be loaded.
ApiResult<ServeRequest> read_ollama_chat(const Json& body, const SamplingOptions& defaults);
// Without `raw` the prompt is a user's question.
ApiResult<ServeRequest> read_ollama_generate(const Json& body, const SamplingOptions& defaults);

}  // namespace weir
