// Routes, replies and errors in Anthropic's form.
#include <fmt/format.h>

#include "serve/anthropic_request.h"
#include "serve/route.h"

namespace weir {
namespace {

const char* messages_error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
  }
  return status >= 500 ? "api_error" : "invalid_request_error";
}

std::string messages_error_body(const ApiError& error) {
  Json inner = Json::object();
  inner.set("type", messages_error_type(error.status));
  inner.set("message", error.message);
  Json body = Json::object();
  body.set("type", "error");
  body.set("error", std::move(inner));
  return body.dump();
}

HttpReply anthropic_error(const ApiError& error) {
  return error_reply(error, messages_error_body(error));
}

const char* stop_reason(const ReplyParts& parts) {
  if (parts.has_calls) return "tool_use";
  if (parts.reason == FinishReason::length) return "max_tokens";
  if (parts.reason == FinishReason::filtered) return "refusal";
  return parts.reason == FinishReason::stop && !parts.stop.empty() ? "stop_sequence" : "end_turn";
}

// Tokens from the cache are counted apart from the others.
Json messages_usage_json(const ReplyUsage& usage) {
  Json j = Json::object();
  j.set("input_tokens", usage.prompt - usage.cached);
  j.set("cache_creation_input_tokens", 0);
  j.set("cache_read_input_tokens", usage.cached);
  j.set("output_tokens", usage.completion);
  return j;
}

Json typed_block(const char* type) {
  Json j = Json::object();
  j.set("type", type);
  return j;
}

// {"type": type, key: text}.
Json typed_block(const char* type, const char* key, std::string text) {
  Json j = typed_block(type);
  j.set(key, std::move(text));
  return j;
}

class AnthropicWriter : public ReplyWriter {
 public:
  AnthropicWriter(std::string model, std::string id)
      : model_(std::move(model)), id_(std::move(id)) {}

  std::string keep_alive() const override { return event(typed_block("ping")); }

  std::string begin(const ReplyUsage& usage) override {
    Json start = typed_block("message_start");
    start.set("message", message(Json::array(), nullptr, usage));
    return event(start);
  }

  std::string part(int, const ReplyParts& parts, const ReplyUsage&) override {
    std::string out;
    if (!parts.thinking.empty()) {
      if (open_ != Block::thinking) {
        Json block = typed_block("thinking", "thinking", "");
        block.set("signature", "");
        out += begin_block(Block::thinking, std::move(block));
      }
      out += delta(typed_block("thinking_delta", "thinking", parts.thinking));
    }
    if (!parts.answer.empty()) {
      if (open_ != Block::text) out += begin_block(Block::text, typed_block("text", "text", ""));
      out += delta(typed_block("text_delta", "text", parts.answer));
    }
    for (const CallPart& call : parts.call_parts) {
      if (!call.name.empty())
        out += begin_block(Block::call, call_block(size_t(call.index), call.name, Json::object()));
      if (!call.arguments.empty())
        out += delta(typed_block("input_json_delta", "partial_json", call.arguments));
    }
    if (!parts.is_last) return out;
    out += end_block();
    reason_ = stop_reason(parts);
    stop_ = parts.stop;
    return out;
  }

  std::string end(const ReplyUsage& usage) override {
    Json inner = Json::object();
    inner.set("stop_reason", reason_);
    inner.set("stop_sequence", stop_.empty() ? Json() : Json(stop_));
    Json last = typed_block("message_delta");
    last.set("delta", std::move(inner));
    last.set("usage", messages_usage_json(usage));
    return event(last) + event(typed_block("message_stop"));
  }

  std::string failure(const ApiError& error) override {
    return "event: error\ndata: " + messages_error_body(error) + "\n\n";
  }

  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    const ReplyParts& parts = choices[0];
    Json content = Json::array();
    if (!parts.thinking.empty()) {
      Json block = typed_block("thinking", "thinking", parts.thinking);
      block.set("signature", "");
      content.push(std::move(block));
    }
    if (!parts.answer.empty()) content.push(typed_block("text", "text", parts.answer));
    for (size_t i = 0; i < parts.calls.size(); ++i) {
      const Json* function = parts.calls.items()[i].find("function");
      const std::string& name = function->find("name")->text();
      content.push(call_block(i, name, *function->find("arguments")));
    }
    return message(std::move(content), &parts, usage).dump();
  }

 private:
  enum class Block { none, thinking, text, call };

  static std::string event(const Json& data) {
    return fmt::format("event: {}\ndata: {}\n\n", data.find("type")->text(), data.dump());
  }

  Json message(Json content, const ReplyParts* parts, const ReplyUsage& usage) const {
    Json j = Json::object();
    j.set("id", "msg_" + id_);
    j.set("type", "message");
    j.set("role", "assistant");
    j.set("model", model_);
    j.set("content", std::move(content));
    j.set("stop_reason", parts ? Json(stop_reason(*parts)) : Json());
    j.set("stop_sequence", parts && !parts->stop.empty() ? Json(parts->stop) : Json());
    j.set("usage", messages_usage_json(usage));
    return j;
  }

  Json call_block(size_t i, std::string name, Json input) const {
    Json block = typed_block("tool_use", "id", fmt::format("toolu_{}_{}", id_, i));
    block.set("name", std::move(name));
    block.set("input", std::move(input));
    return block;
  }

  std::string begin_block(Block kind, Json block) {
    std::string out = end_block();
    open_ = kind;
    Json start = typed_block("content_block_start");
    start.set("index", index_);
    start.set("content_block", std::move(block));
    return out + event(start);
  }

  std::string delta(Json inner) const {
    Json j = typed_block("content_block_delta");
    j.set("index", index_);
    j.set("delta", std::move(inner));
    return event(j);
  }

  std::string end_block() {
    if (open_ == Block::none) return "";
    std::string out;
    if (open_ == Block::thinking) out = delta(typed_block("signature_delta", "signature", ""));
    Json stop = typed_block("content_block_stop");
    stop.set("index", index_++);
    open_ = Block::none;
    return out + event(stop);
  }

  const std::string model_, id_;
  Block open_ = Block::none;
  int index_ = 0;
  std::string reason_ = "end_turn", stop_;
};

// Clients of Anthropic's API name its own models.
std::optional<ApiError> check_name(const ServedModel& model, const std::string& name) {
  if (name.starts_with("claude-")) return {};
  return model.check_name(name);
}

ApiResult<Generation> generate(const ServedModel& model, const HttpRequest& http,
                               const std::string& id) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  ApiResult<ServeRequest> request = read_anthropic(*body, model.sampling());
  if (!request) return std::move(request).error();
  if (auto error = check_name(model, request->model)) return *std::move(error);
  const std::string name = request->model.empty() ? model.name() : request->model;
  return Generation{*std::move(request), std::make_unique<AnthropicWriter>(name, id), {}};
}

HttpReply count_tokens(const RouteContext& context, const HttpRequest& http) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return anthropic_error(body.error());
  ApiResult<ServeRequest> request = read_anthropic_count(*body, context.model.sampling());
  if (!request) return anthropic_error(request.error());
  if (auto error = check_name(context.model, request->model)) return anthropic_error(*error);
  ApiResult<PreparedRequest> prepared = context.model.prepare(*request);
  if (!prepared) return anthropic_error(prepared.error());
  Json reply = Json::object();
  reply.set("input_tokens", prepared->prompt_tokens);
  return {.body = reply.dump()};
}

constexpr Route kAnthropicRoutes[] = {
    {"POST", "/messages", anthropic_error, nullptr, generate},
    {"POST", "/messages/count_tokens", anthropic_error, count_tokens},
};

}  // namespace

std::span<const Route> anthropic_routes() { return kAnthropicRoutes; }

}  // namespace weir
