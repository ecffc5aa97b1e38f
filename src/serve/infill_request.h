// Requests to fill in the middle: 'suffix' in OpenAI's, DeepSeek's and Ollama's dialects, and
// llama.cpp's /infill.
#pragma once
#include "serve/llama_request.h"
#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// A 'suffix' that is not empty makes each prompt, which must be a text, the text before a hole.
void read_suffix(RequestFields& fields, ServeRequest& request);

// /infill: 'input_prefix', 'input_suffix', 'input_extra', 'prompt' (what was typed since the prefix
// was made), 'n_indent', 't_max_predict_ms', and the fields of /completion.
ApiResult<ServeRequest> read_llama_infill(const Json& body, const SamplingOptions& defaults,
                                          LlamaReplyOptions& options);

}  // namespace weir
