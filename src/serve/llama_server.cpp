// The endpoints of llama.cpp's own server: completions, health, templates, properties.
#include "base/file.h"
#include "serve/infill_request.h"
#include "serve/llama_reply.h"
#include "serve/request_fields.h"
#include "serve/route.h"
#include "serve/token_routes.h"

namespace weir {
namespace {

std::optional<HttpReply> health(ModelPool&, const HttpRequest&) {
  return HttpReply{.body = R"({"status":"ok"})"};
}

// The text that a model with this template gets. A BOS that /completion would add is left out.
HttpReply apply_template(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return llama_error(body.error());
  const Tokenizer& tokenizer = context.model.tokenizer();
  ApiResult<std::vector<int>> tokens = templated_tokens(context.model, *body);
  if (!tokens) return llama_error(tokens.error());
  const auto frame = tokenizer.encode("", {.framed = true});
  if (frame && !frame->empty() && frame->front() == tokens->front()) tokens->erase(tokens->begin());
  Json reply = Json::object();
  if (auto text = tokenizer.decode(*tokens, true)) reply.set("prompt", *text);
  return {.body = reply.dump()};
}

Json settings_json(const RouteContext& context) {
  Json settings = Json::object();
  settings.set("n_ctx", context.model.positions_max());
  settings.set("params", llama_sampling(context.model.sampling()));
  return settings;
}

// A slot there is a place for one sequence; what others ask for is not shown.
HttpReply slots(const RouteContext& context, const HttpRequest&) {
  const int count = context.engine.sequences_max(), running = context.engine.sequences();
  Json list = Json::array();
  for (int i = 0; i < count; ++i) {
    Json slot = Json::object();
    slot.set("id", i);
    slot.set("is_processing", i < running);
    const Json settings = settings_json(context);
    for (const auto& [name, value] : settings.members()) slot.set(name, value);
    list.push(std::move(slot));
  }
  return {.body = list.dump()};
}

HttpReply properties(const RouteContext& context, const HttpRequest&) {
  const ServedModel& model = context.model;
  Json modalities = Json::object();
  modalities.set("vision", false);
  modalities.set("audio", false);
  Json reply = Json::object();
  reply.set("default_generation_settings", settings_json(context));
  reply.set("total_slots", context.engine.sequences_max());
  reply.set("model_alias", model.name());
  reply.set("model_path", base_name(model.path()));
  reply.set("modalities", std::move(modalities));
  reply.set("chat_template", model.open().chat_template);
  reply.set("bos_token", token_text(model.tokenizer(), model.tokenizer().bos()));
  reply.set("eos_token", token_text(model.tokenizer(), model.tokenizer().eos()));
  reply.set("build_info", "weir");
  reply.set("is_sleeping", false);
  reply.set("has_thinking_switch", model.form().has_thinking_switch());
  return {.body = reply.dump()};
}

template <auto read>
ApiResult<Generation> generate(const ServedModel& model, const HttpRequest& http,
                               const std::string&) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  LlamaReplyOptions options;
  ApiResult<ServeRequest> request = read(*body, model.sampling(), options);
  if (!request) return std::move(request).error();
  if (auto error = model.check_name(request->model)) return *std::move(error);
  auto writer = llama_writer(*request, std::move(options), model);
  return Generation{*std::move(request), std::move(writer), {}};
}

constexpr Route kLlamaRoutes[] = {
    {"GET", "/health", llama_error, nullptr, nullptr, health},
    {"POST", "/completion", llama_error, nullptr, generate<read_llama_completion>},
    {"POST", "/infill", llama_error, nullptr, generate<read_llama_infill>},
    {"POST", "/apply-template", llama_error, apply_template},
    embedding_route("/embedding", llama_error, read_llama_embedding),
    {"GET", "/slots", llama_error, slots},
    {"GET", "/props", llama_error, properties},
};

}  // namespace

std::span<const Route> llama_server_routes() { return kLlamaRoutes; }

}  // namespace weir
