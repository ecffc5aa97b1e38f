// The routes of OpenAI's dialect.
#include <fmt/format.h>

#include "serve/openai_reply.h"
#include "serve/openai_request.h"
#include "serve/responses_reply.h"
#include "serve/responses_request.h"
#include "serve/route.h"

namespace weir {
namespace {

using Reader = ApiResult<ServeRequest> (*)(const Json&, const SamplingOptions&);

// DeepSeek's names of its models are this one, with and without thinking.
std::optional<ApiError> take_name(const ServedModel& model, ServeRequest& request) {
  const bool thinks = request.model == "deepseek-reasoner";
  if (thinks || request.model == "deepseek-chat") {
    if (!request.thinking) request.thinking = thinks;
    return {};
  }
  return model.check_name(request.model);
}

ApiResult<Generation> generate(Reader read, const ServedModel& model, const HttpRequest& http,
                               const std::string& id) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  ApiResult<ServeRequest> request = read(*body, model.sampling());
  if (!request) return std::move(request).error();
  if (auto error = take_name(model, *request)) return *std::move(error);
  auto writer = openai_writer(*request, model, id);
  return Generation{*std::move(request), std::move(writer), {}};
}

ApiResult<Generation> chat(const ServedModel& model, const HttpRequest& http,
                           const std::string& id) {
  return generate(read_openai_chat, model, http, id);
}

ApiResult<Generation> complete(const ServedModel& model, const HttpRequest& http,
                               const std::string& id) {
  return generate(read_openai_text, model, http, id);
}

ApiResult<Generation> respond(const ServedModel& model, const HttpRequest& http,
                              const std::string& id) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  ApiResult<ServeRequest> request = read_responses(*body, model.sampling());
  if (!request) return std::move(request).error();
  if (auto error = take_name(model, *request)) return *std::move(error);
  auto writer = responses_writer(*request, *body, model, id);
  return Generation{*std::move(request), std::move(writer), {}};
}

HttpReply count_input(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return openai_error(body.error());
  ApiResult<ServeRequest> request = read_responses(*body, context.model.sampling());
  if (!request) return openai_error(request.error());
  if (auto error = take_name(context.model, *request)) return openai_error(*error);
  ApiResult<PreparedRequest> prepared = context.model.prepare(*request);
  if (!prepared) return openai_error(prepared.error());
  Json reply = Json::object();
  reply.set("object", "response.input_tokens");
  reply.set("input_tokens", prepared->prompt_tokens);
  return {.body = reply.dump()};
}

std::optional<HttpReply> no_response(ModelPool&, const HttpRequest&) {
  return openai_error({.status = 404,
                       .message = "this server keeps no responses; send the conversation in "
                                  "'input' of a new request"});
}

constexpr Route kOpenAiRoutes[] = {
    {"POST", "/chat/completions", openai_error, nullptr, chat},
    {"POST", "/completions", openai_error, nullptr, complete},
    {"POST", "/responses", openai_error, nullptr, respond},
    {"POST", "/responses/input_tokens", openai_error, count_input},
    {"GET", "/responses/*", openai_error, nullptr, nullptr, no_response},
    {"DELETE", "/responses/*", openai_error, nullptr, nullptr, no_response},
    embedding_route("/embeddings", openai_error, read_openai_embeddings),
};

}  // namespace

std::span<const Route> openai_routes() { return kOpenAiRoutes; }

}  // namespace weir
