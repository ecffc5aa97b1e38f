// The endpoints of llama.cpp's own server: completions, health, tokens, templates, properties.
#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "serve/infill_request.h"
#include "serve/llama_reply.h"
#include "serve/openai_request.h"
#include "serve/request_fields.h"
#include "serve/route.h"
#include "text/unicode.h"

namespace weir {
namespace {

std::optional<HttpReply> health(ModelPool&, const HttpRequest&) {
  return HttpReply{.body = R"({"status":"ok"})"};
}

// Pieces that are no UTF-8 by themselves are lists of bytes, as llama.cpp gives them.
Json piece_json(std::string_view bytes) {
  if (first_invalid_utf8(bytes) == std::string::npos) return std::string(bytes);
  Json list = Json::array();
  for (const char byte : bytes) list.push(int(uint8_t(byte)));
  return list;
}

HttpReply tokenize(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return llama_error(body.error());
  RequestFields fields(*body);
  const std::string text = fields.text("content");
  const bool adds = fields.flag("add_special", false), parses = fields.flag("parse_special", true);
  const bool with_pieces = fields.flag("with_pieces", false);
  if (fields.error()) return llama_error(*fields.error());
  const Tokenizer& tokenizer = context.model.tokenizer();
  const auto ids = tokenizer.encode(text, {.allow_special = parses, .framed = adds});
  if (!ids) return llama_error({.message = ids.error().message, .param = "content"});
  Json list = Json::array();
  for (const int id : *ids) {
    if (!with_pieces) {
      list.push(id);
      continue;
    }
    Json j = Json::object();
    j.set("id", id);
    j.set("piece", piece_json(tokenizer.token_bytes(id)));
    list.push(std::move(j));
  }
  Json reply = Json::object();
  reply.set("tokens", std::move(list));
  return {.body = reply.dump()};
}

HttpReply detokenize(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return llama_error(body.error());
  RequestFields fields(*body);
  const Json* tokens = fields.find("tokens");
  std::vector<int> ids;
  if (!tokens || !tokens->is_array()) fields.refuse("tokens", "must be a list of token ids");
  for (const Json& item : tokens ? tokens->items() : std::vector<Json>()) {
    const Result<int64_t> id = item.is_number() ? item.as_int() : Error{};
    if (!id || *id < 0 || *id >= context.model.tokenizer().size()) {
      fields.refuse("tokens",
                    fmt::format("must be ids from 0 to {}", context.model.tokenizer().size() - 1));
      break;
    }
    ids.push_back(int(*id));
  }
  if (fields.error()) return llama_error(*fields.error());
  Json reply = Json::object();
  if (auto text = context.model.tokenizer().decode(ids, true)) reply.set("content", *text);
  return {.body = reply.dump()};
}

// The text that a model with this template gets. A BOS that /completion would add is left out.
HttpReply apply_template(const RouteContext& context, const HttpRequest& http) {
  const ServedModel& model = context.model;
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return llama_error(body.error());
  ApiResult<ServeRequest> request = read_openai_chat(*body, model.sampling());
  if (!request) return llama_error(request.error());
  request->choices = 1;
  ApiResult<PreparedRequest> prepared = model.prepare(*request);
  if (!prepared) return llama_error(prepared.error());
  std::vector<int> tokens = prepared->sequences.front().prompt;
  const auto frame = model.tokenizer().encode("", {.framed = true});
  if (frame && !frame->empty() && frame->front() == tokens.front()) tokens.erase(tokens.begin());
  Json reply = Json::object();
  if (auto text = model.tokenizer().decode(tokens, true)) reply.set("prompt", *text);
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

std::string token_text(const Tokenizer& tokenizer, int id) {
  return id < 0 ? "" : std::string(tokenizer.token_bytes(id));
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

constexpr Route kRoutes[] = {
    {"GET", "/health", llama_error, nullptr, nullptr, health},
    {"POST", "/tokenize", llama_error, tokenize},
    {"POST", "/detokenize", llama_error, detokenize},
    {"POST", "/completion", llama_error, nullptr, generate<read_llama_completion>},
    {"POST", "/infill", llama_error, nullptr, generate<read_llama_infill>},
    {"POST", "/apply-template", llama_error, apply_template},
    embedding_route("/embedding", llama_error, read_llama_embedding),
    {"GET", "/slots", llama_error, slots},
    {"GET", "/props", llama_error, properties},
};

}  // namespace

std::span<const Route> llama_server_routes() { return kRoutes; }

}  // namespace weir
