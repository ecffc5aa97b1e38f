// Requests in OpenAI's form, with DeepSeek's and llama.cpp's further fields: /chat/completions and
// /completions.
#pragma once
#include "serve/request_fields.h"
#include "serve/serve_request.h"

namespace weir {

// `body`: an object. `defaults`: the sampling of requests that say nothing.
ApiResult<ServeRequest> read_openai_chat(const Json& body, const SamplingOptions& defaults);
ApiResult<ServeRequest> read_openai_text(const Json& body, const SamplingOptions& defaults);

// What dialects share: temperature, top_p, seed, penalties, and weir's own options under the names
// of llama.cpp.
void read_sampling(RequestFields& fields, ServeRequest& request);
void read_bias(RequestFields& fields, SamplingOptions& sampling);
// The switches for thinking: 'thinking', 'enable_thinking', 'chat_template_kwargs' and
// 'reasoning_effort'.
void read_openai_thinking(RequestFields& fields, ServeRequest& request);
// 'budget_tokens' of an object 'thinking' whose type was read.
void read_budget(RequestFields& fields, const Json& thinking, ServeRequest& request);
// "none" and "off": without thinking.
void set_effort(ServeRequest& request, const std::string& effort);

}  // namespace weir
