// What a dialect answers: its routes, each an immediate answer or a generation.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "serve/embedding_request.h"
#include "serve/engine_thread.h"
#include "serve/http_exchange.h"
#include "serve/model_pool.h"
#include "serve/reply_writer.h"
#include "serve/serve_job.h"
#include "serve/serve_request.h"
#include "serve/served_model.h"
#include "serve/server_state.h"

namespace weir {

// The model that a request is for.
struct RouteContext {
  const ServedModel& model;
  const EngineThread& engine;
};

// A request that was read, and who writes the reply.
struct Generation {
  ServeRequest request;
  std::unique_ptr<ReplyWriter> writer;
  std::optional<HttpReply> reply = {};  // instead: nothing has to be generated
};

struct Route {
  const char* method;
  const char* path;  // without /v1 and /beta; a * stands for one part
  ErrorWriter write_error;
  // One of the two; the model is loaded before. `id`: unique among requests.
  HttpReply (*answer)(const RouteContext&, const HttpRequest&) = nullptr;
  ApiResult<Generation> (*generate)(const ServedModel&, const HttpRequest&,
                                    const std::string& id) = nullptr;
  // Comes first: the answer if no model need be loaded for it. Alone it always has one.
  std::optional<HttpReply> (*before)(ModelPool&, const HttpRequest&) = nullptr;
  // Or this: of the server itself.
  HttpReply (*show)(const ServerState&, const HttpRequest&) = nullptr;
  // Or this: vectors of texts.
  ApiResult<EmbeddingRequest> (*embed)(const Json& body) = nullptr;
  // Or this: a generation from a knowledge base of the server.
  ApiResult<Generation> (*ask)(const ServerState&, const HttpRequest&) = nullptr;
  // The model's name where the request has none; null: the server's first.
  std::string (*model_of)(const ServerState&, const HttpRequest&) = nullptr;
};

constexpr Route embedding_route(const char* path, ErrorWriter write_error,
                                ApiResult<EmbeddingRequest> (*read)(const Json&)) {
  Route route{"POST", path, write_error};
  route.embed = read;
  return route;
}

std::span<const Route> openai_routes();
std::span<const Route> llama_server_routes();
std::span<const Route> anthropic_routes();
std::span<const Route> ollama_routes();
std::span<const Route> page_routes();
std::span<const Route> state_routes();
std::span<const Route> metrics_routes();
std::span<const Route> knowledge_routes();
std::span<const Route> guard_routes();
std::span<const Route> model_routes();  // of the pool: lists, loading, unloading

}  // namespace weir
