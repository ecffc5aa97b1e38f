// What the server answers from its knowledge bases.
#pragma once
#include "serve/knowledge_bases.h"
#include "serve/route.h"

namespace weir {

// GET or POST /knowledge/NAME/search.
HttpReply search_knowledge(KnowledgeBases& bases, const HttpRequest& http);
// POST /knowledge/NAME/ask: what the model is asked, or the refusal.
ApiResult<Generation> ask_knowledge(KnowledgeBases& bases, const HttpRequest& http);

std::span<const Route> knowledge_routes();

}  // namespace weir
