// Texts to tokens and back, in the forms of llama.cpp's server ("content") and of vLLM's ("prompt",
// "messages", and what the tokenizer is), on the same paths: the fields tell which one is meant.
#include "serve/token_routes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "serve/llama_reply.h"
#include "serve/openai_request.h"
#include "serve/request_fields.h"
#include "serve/route.h"
#include "text/unicode.h"

namespace weir {

ApiResult<std::vector<int>> templated_tokens(const ServedModel& model, const Json& body) {
  ApiResult<ServeRequest> request = read_openai_chat(body, model.sampling());
  if (!request) return std::move(request).error();
  request->choices = 1;
  ApiResult<PreparedRequest> prepared = model.prepare(*request);
  if (!prepared) return std::move(prepared).error();
  return std::move(prepared->sequences.front().prompt);
}

std::string token_text(const Tokenizer& tokenizer, int id) {
  return id < 0 ? "" : std::string(tokenizer.token_bytes(id));
}

namespace {

// Pieces that are no UTF-8 by themselves are lists of bytes, as llama.cpp gives them.
Json piece_json(std::string_view bytes) {
  if (first_invalid_utf8(bytes) == std::string::npos) return std::string(bytes);
  Json list = Json::array();
  for (const char byte : bytes) list.push(int(uint8_t(byte)));
  return list;
}

HttpReply tokenize_content(const Tokenizer& tokenizer, RequestFields& fields) {
  const std::string text = fields.text("content");
  const bool adds = fields.flag("add_special", false), parses = fields.flag("parse_special", true);
  const bool with_pieces = fields.flag("with_pieces", false);
  if (fields.error()) return llama_error(*fields.error());
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

// vLLM's form: with the tokens that frame a text unless asked otherwise.
HttpReply tokenize_prompt(const ServedModel& model, const Json& body, RequestFields& fields) {
  const bool is_chat = fields.has("messages");
  const std::string text = is_chat ? "" : fields.text("prompt");
  const bool adds = fields.flag("add_special_tokens", true);
  const bool with_texts = fields.flag("return_token_strs", false);
  if (fields.error()) return llama_error(*fields.error());
  std::vector<int> ids;
  if (is_chat) {
    ApiResult<std::vector<int>> made = templated_tokens(model, body);
    if (!made) return llama_error(made.error());
    ids = *std::move(made);
  } else {
    auto made = model.tokenizer().encode(text, {.allow_special = true, .framed = adds});
    if (!made) return llama_error({.message = made.error().message, .param = "prompt"});
    ids = *std::move(made);
  }
  Json tokens = Json::array(), texts = Json::array();
  for (const int id : ids) {
    tokens.push(id);
    if (with_texts) texts.push(replace_invalid_utf8(model.tokenizer().token_bytes(id)));
  }
  Json reply = Json::object();
  reply.set("count", int64_t(ids.size()));
  reply.set("max_model_len", model.positions_max());
  reply.set("tokens", std::move(tokens));
  reply.set("token_strs", with_texts ? std::move(texts) : Json());
  return {.body = reply.dump()};
}

HttpReply tokenize(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return llama_error(body.error());
  RequestFields fields(*body);
  const bool is_prompt = !fields.has("content") && (fields.has("prompt") || fields.has("messages"));
  return is_prompt ? tokenize_prompt(context.model, *body, fields)
                   : tokenize_content(context.model.tokenizer(), fields);
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
  if (auto text = context.model.tokenizer().decode(ids, true)) {
    reply.set("content", *text);
    reply.set("prompt", *text);
  }
  return {.body = reply.dump()};
}

// What a client needs to tokenize on the server and to render chats by itself.
HttpReply tokenizer_info(const RouteContext& context, const HttpRequest&) {
  const ServedModel& model = context.model;
  const auto token = [&](int id) -> Json {
    if (id < 0) return {};
    return token_text(model.tokenizer(), id);
  };
  Json reply = Json::object();
  reply.set("tokenizer_class", "weir");
  reply.set("model_max_length", model.positions_max());
  reply.set("bos_token", token(model.tokenizer().bos()));
  reply.set("eos_token", token(model.tokenizer().eos()));
  reply.set("pad_token", token(model.tokenizer().eos()));
  reply.set("chat_template", model.open().chat_template);
  return {.body = reply.dump()};
}

constexpr Route kTokenRoutes[] = {
    {"POST", "/tokenize", llama_error, tokenize},
    {"POST", "/detokenize", llama_error, detokenize},
    {"GET", "/tokenizer_info", llama_error, tokenizer_info},
};

}  // namespace

std::span<const Route> token_routes() { return kTokenRoutes; }

}  // namespace weir
