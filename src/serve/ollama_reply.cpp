// Routes, replies and errors in Ollama's form: streams are JSON lines, without empty ones.
#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "base/file.h"
#include "base/text.h"
#include "serve/ollama_request.h"
#include "serve/route.h"
#include "serve/token_scores.h"

namespace weir {
namespace {

// Clients choose what they ask for by it: the version whose endpoints these are.
constexpr const char* kVersion = "0.12.0";

std::string time_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const std::time_t seconds = std::time_t(micros / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:06}Z", text, micros % 1'000'000);
}

std::string error_body(const ApiError& error) {
  Json body = Json::object();
  body.set("error", error.message);
  return body.dump();
}

HttpReply ollama_error(const ApiError& error) { return error_reply(error, error_body(error)); }

class OllamaWriter : public ReplyWriter {
 public:
  OllamaWriter(std::string model, const ServeRequest& request, const Tokenizer& tokenizer,
               bool is_chat)
      : model_(std::move(model)),
        tokenizer_(tokenizer),
        is_chat_(is_chat),
        wants_scores_(request.wants_scores) {}

  const char* content_type(bool streams) const override {
    return streams ? "application/x-ndjson" : "application/json";
  }
  std::string keep_alive() const override { return ""; }

  std::string part(int, const ReplyParts& parts, const ReplyUsage&) override {
    if (parts.is_last) reason_ = reason_of(parts);
    if (!parts.has_text() && parts.answer_scores.empty() && parts.thinking_scores.empty())
      return "";
    Json j = head();
    add_text(parts, j);
    j.set("done", false);
    return j.dump() + "\n";
  }

  std::string end(const ReplyUsage& usage) override {
    Json j = head();
    add_text({}, j);
    add_end(usage, j);
    return j.dump() + "\n";
  }

  std::string failure(const ApiError& error) override { return error_body(error) + "\n"; }

  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    Json j = head();
    add_text(choices[0], j);
    reason_ = reason_of(choices[0]);
    add_end(usage, j);
    return j.dump();
  }

 private:
  static const char* reason_of(const ReplyParts& parts) {
    return parts.reason == FinishReason::length ? "length" : "stop";
  }

  Json head() const {
    Json j = Json::object();
    j.set("model", model_);
    j.set("created_at", time_text());
    return j;
  }

  // Arguments of calls are objects here.
  void add_text(const ReplyParts& parts, Json& j) const {
    Json message = Json::object();
    Json& place = is_chat_ ? message : j;
    if (is_chat_) message.set("role", "assistant");
    place.set(is_chat_ ? "content" : "response", parts.answer);
    if (!parts.thinking.empty()) place.set("thinking", parts.thinking);
    if (parts.calls.size() > 0) place.set("tool_calls", parts.calls);
    if (is_chat_) j.set("message", std::move(message));
    if (!wants_scores_) return;
    std::vector<TokenScore> scores = parts.thinking_scores;
    scores.insert(scores.end(), parts.answer_scores.begin(), parts.answer_scores.end());
    if (!scores.empty()) j.set("logprobs", scores_json(tokenizer_, scores));
  }

  void add_end(const ReplyUsage& usage, Json& j) const {
    const auto ns = [](double seconds) { return int64_t(seconds * 1e9); };
    j.set("done", true);
    j.set("done_reason", reason_);
    j.set("total_duration", ns(usage.seconds));
    j.set("load_duration", 0);
    j.set("prompt_eval_count", usage.prompt);
    j.set("prompt_eval_duration", ns(usage.prompt_seconds));
    j.set("eval_count", usage.completion);
    j.set("eval_duration", ns(usage.seconds - usage.prompt_seconds));
  }

  const std::string model_;
  const Tokenizer& tokenizer_;
  const bool is_chat_, wants_scores_;
  const char* reason_ = "stop";
};

ApiResult<Generation> generate(ApiResult<ServeRequest> (*read)(const Json&, const SamplingOptions&),
                               const ServedModel& model, const HttpRequest& http, bool is_chat) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  ApiResult<ServeRequest> request = read(*body, model.sampling());
  if (!request) return std::move(request).error();
  if (auto error = model.check_name(request->model)) return *std::move(error);
  const std::string name = request->model.empty() ? model.name() : request->model;
  auto writer = std::make_unique<OllamaWriter>(name, *request, model.tokenizer(), is_chat);
  Generation made{*std::move(request), std::move(writer), {}};
  if (made.request.messages.is_array() || !made.request.prompts.empty()) return made;
  // Clients load a model so.
  Json loaded = Json::object();
  loaded.set("model", name);
  loaded.set("created_at", time_text());
  Json message = Json::object();
  message.set("role", "assistant");
  message.set("content", "");
  loaded.set(is_chat ? "message" : "response", is_chat ? std::move(message) : Json(""));
  loaded.set("done", true);
  loaded.set("done_reason", "load");
  made.reply = HttpReply{.body = loaded.dump()};
  return made;
}

ApiResult<Generation> chat(const ServedModel& model, const HttpRequest& http, const std::string&) {
  return generate(read_ollama_chat, model, http, true);
}

ApiResult<Generation> complete(const ServedModel& model, const HttpRequest& http,
                               const std::string&) {
  return generate(read_ollama_generate, model, http, false);
}

Json details(const ServedModel& model) {
  const ModelConfig& config = model.open().model->config();
  Json j = Json::object();
  j.set("parent_model", "");
  j.set("format", model.path().ends_with(".gguf") ? "gguf" : "safetensors");
  j.set("family", config.model_type);
  Json families = Json::array();
  families.push(config.model_type);
  j.set("families", std::move(families));
  j.set("parameter_size", "");
  j.set("quantization_level", "");
  return j;
}

Json entry(const ServedModel& model, const std::string& name) {
  Json j = Json::object();
  j.set("name", name);
  j.set("model", name);
  j.set("modified_at", time_text());
  const auto size = file_size(model.path());
  j.set("size", int64_t(size ? *size : 0));
  j.set("digest", "");
  j.set("details", details(model));
  return j;
}

HttpReply list_models(const RouteContext& context, const HttpRequest&) {
  Json list = Json::array();
  for (const std::string& name : context.model.names()) list.push(entry(context.model, name));
  Json body = Json::object();
  body.set("models", std::move(list));
  return {.body = body.dump()};
}

HttpReply list_loaded(const RouteContext& context, const HttpRequest&) {
  Json loaded = entry(context.model, context.model.name());
  loaded.set("expires_at", "9999-12-31T23:59:59Z");
  loaded.set("size_vram", 0);
  loaded.set("context_length", context.model.positions_max());
  Json list = Json::array();
  list.push(std::move(loaded));
  Json body = Json::object();
  body.set("models", std::move(list));
  return {.body = body.dump()};
}

HttpReply show(const RouteContext& context, const HttpRequest& http) {
  const ServedModel& model = context.model;
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return ollama_error(body.error());
  RequestFields fields(*body);
  const std::string name = fields.text("model", fields.text("name"));
  if (fields.error()) return ollama_error(*fields.error());
  if (auto error = model.check_name(name)) return ollama_error(*error);
  const std::string family = model.open().model->config().model_type;
  Json info = Json::object();
  info.set("general.architecture", family);
  info.set(family + ".context_length", model.positions_max());
  Json abilities = Json::array();
  abilities.push("completion");
  if (model.open().infill.exist()) abilities.push("insert");
  if (model.form().reads("tools")) abilities.push("tools");
  if (model.form().has_thinking_switch()) abilities.push("thinking");
  Json reply = Json::object();
  reply.set("modelfile", "");
  reply.set("parameters", "");
  reply.set("template", model.open().chat_template);
  reply.set("details", details(model));
  reply.set("model_info", std::move(info));
  reply.set("capabilities", std::move(abilities));
  reply.set("modified_at", time_text());
  return {.body = reply.dump()};
}

HttpReply version(const RouteContext&, const HttpRequest&) {
  Json body = Json::object();
  body.set("version", kVersion);
  return {.body = body.dump()};
}

HttpReply not_yet(const RouteContext&, const HttpRequest& http) {
  return ollama_error(
      {.status = 501, .message = printable(http.path) + " is not supported by this server yet"});
}

constexpr Route kRoutes[] = {
    {"POST", "/api/chat", ollama_error, nullptr, chat},
    {"POST", "/api/generate", ollama_error, nullptr, complete},
    {"GET", "/api/tags", ollama_error, list_models},
    {"GET", "/api/ps", ollama_error, list_loaded},
    {"POST", "/api/show", ollama_error, show},
    {"GET", "/api/version", ollama_error, version},
    {"POST", "/api/embed", ollama_error, not_yet},
    {"POST", "/api/pull", ollama_error, not_yet},
};

}  // namespace

std::span<const Route> ollama_routes() { return kRoutes; }

}  // namespace weir
