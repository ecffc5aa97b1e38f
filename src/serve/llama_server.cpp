// The endpoints of llama.cpp's server that tools around it use: health, tokens, properties.
#include <fmt/format.h>

#include "base/text.h"
#include "serve/openai_reply.h"
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
  if (!body) return openai_error(body.error());
  RequestFields fields(*body);
  const std::string text = fields.text("content");
  const bool adds = fields.flag("add_special", false), parses = fields.flag("parse_special", true);
  const bool with_pieces = fields.flag("with_pieces", false);
  if (fields.error()) return openai_error(*fields.error());
  const Tokenizer& tokenizer = context.model.tokenizer();
  const auto ids = tokenizer.encode(text, {.allow_special = parses, .framed = adds});
  if (!ids) return openai_error({.message = ids.error().message, .param = "content"});
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
  if (!body) return openai_error(body.error());
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
  if (fields.error()) return openai_error(*fields.error());
  Json reply = Json::object();
  if (auto text = context.model.tokenizer().decode(ids, true)) reply.set("content", *text);
  return {.body = reply.dump()};
}

// The names of llama.cpp for the sampling of requests that say nothing.
Json sampling_json(const SamplingOptions& s) {
  Json j = Json::object();
  j.set("temperature", s.temperature);
  j.set("top_k", s.top_k);
  j.set("top_p", s.top_p);
  j.set("min_p", s.min_p);
  j.set("typical_p", s.typical_p);
  j.set("xtc_probability", s.xtc_probability);
  j.set("xtc_threshold", s.xtc_threshold);
  j.set("repeat_penalty", s.repeat_penalty);
  j.set("repeat_last_n", s.repeat_last_n);
  j.set("presence_penalty", s.presence_penalty);
  j.set("frequency_penalty", s.frequency_penalty);
  j.set("dry_multiplier", s.dry_multiplier);
  j.set("dry_base", s.dry_base);
  j.set("dry_allowed_length", s.dry_allowed_length);
  j.set("dry_penalty_last_n", s.dry_last_n);
  return j;
}

HttpReply properties(const RouteContext& context, const HttpRequest&) {
  const ServedModel& model = context.model;
  Json settings = Json::object();
  settings.set("n_ctx", model.positions_max());
  settings.set("params", sampling_json(model.sampling()));
  Json reply = Json::object();
  reply.set("default_generation_settings", std::move(settings));
  reply.set("total_slots", context.engine.sequences_max());
  reply.set("model_alias", model.name());
  reply.set("chat_template", model.open().chat_template);
  reply.set("has_thinking_switch", model.form().has_thinking_switch());
  return {.body = reply.dump()};
}

constexpr Route kRoutes[] = {
    {"GET", "/health", openai_error, nullptr, nullptr, health},
    {"POST", "/tokenize", openai_error, tokenize},
    {"POST", "/detokenize", openai_error, detokenize},
    {"GET", "/props", openai_error, properties},
};

}  // namespace

std::span<const Route> llama_server_routes() { return kRoutes; }

}  // namespace weir
