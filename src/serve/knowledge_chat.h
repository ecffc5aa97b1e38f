// A conversation that a knowledge base answers, in any dialect: the last message is the question,
// the model writes from what the base holds of it, and what no source supports leaves the answer
// before it is shown. A request asks for it with the field "knowledge", or with a model's name that
// ends in @NAME.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "serve/http_exchange.h"
#include "serve/knowledge_shelf.h"
#include "serve/route.h"

namespace weir {

constexpr int kKnowledgeReplyTokens = 400;        // of a reply that is checked against sources
constexpr size_t kKnowledgeQuestionBytes = 8192;  // at most

// The labels that a request's key may read, beside those of the server.
std::vector<std::string> readable_labels(const HttpRequest& http);

// "qwen@manuals" and "qwen@manuals:latest" -> "qwen", if the shelf has a base "manuals".
std::string without_base(const KnowledgeShelf& shelf, const std::string& model);
// The name of the base that the request asks for; "": none.
ApiResult<std::string> base_name_of(const KnowledgeShelf& shelf, const HttpRequest& http);

// Lets the model score the passages that the answer may quote (order_by_fit).
void score_passages(const ServedBase& base, const Answer& answer, const std::string& question,
                    ServeRequest& request);

// Puts the base's sources into the conversation and a writer that checks the answer before the
// generation's own. Sets its reply where the base has no answer. An error for what is no
// conversation, and for tools, forms and scores, which a checked answer cannot keep.
std::optional<ApiError> consult(ServedBase& base, const HttpRequest& http, Generation& generation);

}  // namespace weir
