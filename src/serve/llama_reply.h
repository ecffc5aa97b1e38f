// Replies and errors in the form of llama.cpp's own server.
#pragma once
#include <memory>

#include "serve/http_exchange.h"
#include "serve/llama_request.h"
#include "serve/reply_writer.h"
#include "serve/served_model.h"

namespace weir {

// {"error": {"code": status, "message", "type"}}.
HttpReply llama_error(const ApiError& error);

// One object, or a list of them for several prompts or choices; a stream of parts ends with the
// object of each choice, without [DONE]. The model outlives the writer.
std::unique_ptr<ReplyWriter> llama_writer(const ServeRequest& request, LlamaReplyOptions options,
                                          const ServedModel& model);

// The names of llama.cpp for sampling options.
Json llama_sampling(const SamplingOptions& sampling);

}  // namespace weir
