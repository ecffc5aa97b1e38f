// The routes of OpenAI's dialect.
#include <fmt/format.h>

#include "base/text.h"
#include "serve/openai_reply.h"
#include "serve/openai_request.h"
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

HttpReply not_yet(const RouteContext&, const HttpRequest& http) {
  return openai_error(
      {.status = 501, .message = printable(http.path) + " is not supported by this server yet"});
}

constexpr Route kRoutes[] = {
    {"POST", "/chat/completions", openai_error, nullptr, chat},
    {"POST", "/completions", openai_error, nullptr, complete},
    {"POST", "/responses", openai_error, not_yet},
    {"POST", "/embeddings", openai_error, not_yet},
    {"POST", "/moderations", openai_error, not_yet},
};

}  // namespace

std::span<const Route> openai_routes() { return kRoutes; }

}  // namespace weir
