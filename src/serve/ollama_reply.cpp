// Routes, replies and errors in Ollama's form: streams are JSON lines, without empty ones.
#include <fmt/format.h>

#include "base/text.h"
#include "serve/ollama_models.h"
#include "serve/ollama_request.h"
#include "serve/route.h"
#include "serve/token_scores.h"

namespace weir {
namespace {

// Clients choose what they ask for by it: the version whose endpoints these are.
constexpr const char* kVersion = "0.12.0";

std::string ollama_error_body(const ApiError& error) {
  Json body = Json::object();
  body.set("error", error.message);
  return body.dump();
}

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

  std::string failure(const ApiError& error) override { return ollama_error_body(error) + "\n"; }

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
    j.set("created_at", ollama_time());
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
  made.reply = HttpReply{.body = ollama_loaded(name, is_chat, "load").dump()};
  return made;
}

ApiResult<Generation> ollama_chat(const ServedModel& model, const HttpRequest& http,
                                  const std::string&) {
  return generate(read_ollama_chat, model, http, true);
}

ApiResult<Generation> ollama_generate(const ServedModel& model, const HttpRequest& http,
                                      const std::string&) {
  return generate(read_ollama_generate, model, http, false);
}

std::optional<HttpReply> version(ModelPool&, const HttpRequest&) {
  Json body = Json::object();
  body.set("version", kVersion);
  return HttpReply{.body = body.dump()};
}

HttpReply not_yet(const RouteContext&, const HttpRequest& http) {
  return ollama_error(
      {.status = 501, .message = printable(http.path) + " is not supported by this server yet"});
}

constexpr Route kOllamaRoutes[] = {
    {"POST", "/api/chat", ollama_error, nullptr, ollama_chat, ollama_unload_by_chat},
    {"POST", "/api/generate", ollama_error, nullptr, ollama_generate, ollama_unload_by_generate},
    {"GET", "/api/tags", ollama_error, nullptr, nullptr, ollama_tags},
    {"GET", "/api/ps", ollama_error, nullptr, nullptr, ollama_ps},
    {"POST", "/api/show", ollama_error, nullptr, nullptr, ollama_show},
    {"GET", "/api/version", ollama_error, nullptr, nullptr, version},
    embedding_route("/api/embed", ollama_error, read_ollama_embed),
    embedding_route("/api/embeddings", ollama_error, read_ollama_embeddings),
    {"POST", "/api/pull", ollama_error, not_yet},
};

}  // namespace

std::span<const Route> ollama_routes() { return kOllamaRoutes; }

}  // namespace weir
