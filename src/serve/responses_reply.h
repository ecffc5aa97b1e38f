// Replies in the form of OpenAI's /responses: a list of items, streamed as typed events.
#pragma once
#include <memory>
#include <string>

#include "serve/reply_writer.h"
#include "serve/serve_request.h"
#include "serve/served_model.h"

namespace weir {

// `body`: of the request, whose settings the response repeats. `id`: of the request, unique. The
// model outlives the writer.
std::unique_ptr<ReplyWriter> responses_writer(const ServeRequest& request, const Json& body,
                                              const ServedModel& model, const std::string& id);

}  // namespace weir
