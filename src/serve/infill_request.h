// Requests to fill in the middle: 'suffix' in OpenAI's, DeepSeek's and Ollama's dialects, and
// llama.cpp's /infill.
#pragma once
#include "serve/request_fields.h"
#include "serve/route.h"
#include "serve/serve_request.h"

namespace weir {

// A 'suffix' that is not empty makes each prompt, which must be a text, the text before a hole.
void read_suffix(RequestFields& fields, ServeRequest& request);

// What /infill has beside the fields of /completion.
void read_infill(RequestFields& fields, ServeRequest& request);

// The route's function.
ApiResult<Generation> infill(const ServedModel& model, const HttpRequest& http,
                             const std::string& id);

}  // namespace weir
