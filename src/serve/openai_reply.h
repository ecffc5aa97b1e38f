// Replies and errors in OpenAI's form, with DeepSeek's reasoning_content and cache counts.
#pragma once
#include <memory>
#include <string>

#include "serve/http_exchange.h"
#include "serve/reply_writer.h"
#include "serve/serve_request.h"
#include "serve/served_model.h"

namespace weir {

// {"error": {"message", "type", "param", "code"}}.
HttpReply openai_error(const ApiError& error);
std::string openai_error_body(const ApiError& error);

// chat.completion and its chunks; text_completion where the request is no conversation. `id`: of
// the request, unique. The model outlives the writer.
std::unique_ptr<ReplyWriter> openai_writer(const ServeRequest& request, const ServedModel& model,
                                           const std::string& id);

}  // namespace weir
