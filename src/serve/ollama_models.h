// The models of the server in Ollama's form: what there is, what is loaded, what a model can do.
#pragma once
#include <optional>

#include "serve/model_pool.h"

namespace weir {

HttpReply ollama_error(const ApiError& error);
// RFC 3339, of a time in microseconds since 1970 and of now.
std::string ollama_time(int64_t microseconds);
std::string ollama_time();

// The reply to a request without a prompt; `reason`: "load" or "unload".
Json ollama_loaded(const std::string& name, bool is_chat, const char* reason);

// Handlers of routes (route.h).
std::optional<HttpReply> ollama_tags(ModelPool& pool, const HttpRequest& http);
std::optional<HttpReply> ollama_ps(ModelPool& pool, const HttpRequest& http);
std::optional<HttpReply> ollama_show(ModelPool& pool, const HttpRequest& http);
// A request without a prompt whose keep_alive is 0 unloads the model.
std::optional<HttpReply> ollama_unload_by_chat(ModelPool& pool, const HttpRequest& http);
std::optional<HttpReply> ollama_unload_by_generate(ModelPool& pool, const HttpRequest& http);

}  // namespace weir
