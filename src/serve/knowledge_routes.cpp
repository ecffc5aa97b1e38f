// Answers from knowledge bases: /knowledge lists them, /knowledge/NAME/search, ask and feedback.
// An answer is checked before it is shown, so it is never streamed.
#include <fmt/format.h>

#include <ctime>

#include "base/text.h"
#include "chat/chat_tools.h"
#include "knowledge/answer.h"
#include "serve/knowledge_chat.h"
#include "serve/openai_reply.h"
#include "serve/request_fields.h"
#include "serve/route.h"

namespace weir {
namespace {

constexpr int kCountMax = 50;
constexpr size_t kFeedbackBytesMax = 16384;

// "/knowledge/NAME/ask" -> NAME.
std::string name_in(const std::string& path) {
  const size_t begin = path.find("/knowledge/") + std::string_view("/knowledge/").size();
  return path.substr(begin, path.find('/', begin) - begin);
}

ApiResult<ServedBase*> base_of(const ServerState& server, const HttpRequest& http) {
  if (ServedBase* base = server.knowledge.find(name_in(http.path))) return base;
  std::string names;
  for (const auto& base : server.knowledge.bases)
    names += (names.empty() ? "" : ", ") + base->entry().name;
  return ApiError{.status = 404,
                  .message = names.empty()
                                 ? "this server has no knowledge base; start it with --knowledge"
                                 : "there is no such knowledge base; there are: " + names};
}

ApiResult<std::string> question_of(RequestFields& fields) {
  std::string question = fields.text("question");
  if (trim(question).empty() || question.size() > kKnowledgeQuestionBytes)
    fields.refuse("question",
                  fmt::format("must be a text of 1 to {} bytes", kKnowledgeQuestionBytes));
  if (fields.error()) return *fields.error();
  return question;
}

HttpReply list(const ServerState& server, const HttpRequest&) {
  Json names = Json::array(), reply = Json::object();
  for (const auto& base : server.knowledge.bases) names.push(base->entry().name);
  reply.set("knowledge", std::move(names));
  return {.body = reply.dump()};
}

HttpReply bot(const ServerState& server, const HttpRequest&) {
  if (server.knowledge.bot.empty())
    return openai_error({.status = 404, .message = "this server serves no bot"});
  return {.body = server.knowledge.bot};
}

HttpReply search(const ServerState& server, const HttpRequest& http) {
  ApiResult<ServedBase*> base = base_of(server, http);
  if (!base) return openai_error(base.error());
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return openai_error(body.error());
  RequestFields fields(*body);
  const int count = int(fields.whole("count", 5, 1, kCountMax));
  ApiResult<std::string> question = question_of(fields);
  if (!question) return openai_error(question.error());
  const auto found = (*base)->search(*question, count, readable_labels(http));
  if (!found) return openai_error({.status = 500, .message = found.error().message});
  Json results = Json::array(), reply = Json::object();
  for (const FoundChunk& chunk : *found) results.push(found_json(chunk));
  reply.set("results", std::move(results));
  return {.body = reply.dump()};
}

HttpReply feedback(const ServerState& server, const HttpRequest& http) {
  ApiResult<ServedBase*> base = base_of(server, http);
  if (!base) return openai_error(base.error());
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return openai_error(body.error());
  RequestFields fields(*body);
  Json line = Json::object();
  line.set("time", int64_t(std::time(nullptr)));
  line.set("question", fields.text("question"));
  line.set("answer", fields.text("answer"));
  line.set("helpful", fields.flag("helpful", false));
  if (!fields.has("helpful")) fields.refuse("helpful", "must be true or false");
  line.set("note", fields.text("note"));
  std::string text = line.dump();
  if (text.size() > kFeedbackBytesMax)
    fields.refuse("answer",
                  fmt::format("is too long: {} bytes are kept in all", kFeedbackBytesMax));
  if (fields.error()) return openai_error(*fields.error());
  if (auto noted = (*base)->note_verdict(text); !noted)
    return openai_error({.status = 500, .message = noted.error().message});
  return {.body = "{}"};
}

Json with_usage(Json json, const ReplyUsage& usage) {
  Json counts = Json::object();
  counts.set("prompt_tokens", usage.prompt);
  counts.set("completion_tokens", usage.completion);
  counts.set("total_tokens", usage.prompt + usage.completion);
  json.set("usage", std::move(counts));
  return json;
}

class AnswerReplyWriter : public ReplyWriter {
 public:
  AnswerReplyWriter(ServedBase& base, std::string question, Answer answer)
      : base_(base), question_(std::move(question)), answer_(std::move(answer)) {}
  void take_fits(std::span<const double> fits) override { order_by_fit(fits, answer_.passages); }
  std::string part(int, const ReplyParts&, const ReplyUsage&) override { return ""; }
  std::string end(const ReplyUsage&) override { return ""; }
  std::string failure(const ApiError& error) override { return openai_error(error).body; }
  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    check_reply(choices[0].answer, base_.options(), answer_);
    if (answer_.refusal != Refusal::none) base_.note_refusal(question_, answer_);
    return with_usage(answer_json(answer_, question_), usage).dump();
  }

 private:
  ServedBase& base_;  // of the server's state, which outlives requests
  const std::string question_;
  Answer answer_;
};

std::string model_of(const ServerState& server, const HttpRequest& http) {
  const ServedBase* base = server.knowledge.find(name_in(http.path));
  return base ? base->entry().model : "";
}

ApiResult<Generation> ask(const ServerState& server, const HttpRequest& http) {
  ApiResult<ServedBase*> base = base_of(server, http);
  if (!base) return base.error();
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return body.error();
  RequestFields fields(*body);
  if (fields.flag("stream", false))
    fields.refuse("stream", "must be false: an answer is checked before it is shown");
  ApiResult<std::string> question = question_of(fields);
  if (!question) return question.error();
  Result<Answer> answer = (*base)->begin(*question, readable_labels(http));
  if (!answer) return ApiError{.status = 500, .message = answer.error().message};
  Generation made;
  if (answer->refusal != Refusal::none) {
    (*base)->note_refusal(*question, *answer);
    made.reply = HttpReply{.body = with_usage(answer_json(*answer, *question), {}).dump()};
    return made;
  }
  if (server.guard) {
    GuardedRequest who{.id = "knowledge " + name_in(http.path),
                       .subject = {http.key ? http.key->id() : "", ""}};
    std::vector<FoundChunk> kept;
    for (FoundChunk& source : answer->sources)
      if (auto text = server.guard->screen_document(source.text, who, made.request.is_injected)) {
        source.text = *std::move(text);
        kept.push_back(std::move(source));
      }
    answer->sources = std::move(kept);
    keep_passages_of(answer->sources, answer->passages);
  }
  const AnswerPrompt prompt = answer_prompt(*question, answer->sources);
  made.request.asked = *question;
  made.request.model = fields.text("model", (*base)->entry().model);
  made.request.messages = Json::array();
  made.request.messages.push(chat_message("system", prompt.system));
  made.request.messages.push(chat_message("user", prompt.user));
  made.request.sampling.temperature = 0;
  made.request.thinking = false;
  made.request.tokens_max = kKnowledgeReplyTokens;
  score_passages(**base, *answer, *question, made.request);
  made.writer =
      std::make_unique<AnswerReplyWriter>(**base, *std::move(question), *std::move(answer));
  return made;
}

constexpr Route kKnowledgeRoutes[] = {
    {.method = "GET", .path = "/knowledge", .write_error = openai_error, .show = list},
    {.method = "GET", .path = "/bot.json", .write_error = openai_error, .show = bot},
    {.method = "POST", .path = "/knowledge/*/search", .write_error = openai_error, .show = search},
    {.method = "POST",
     .path = "/knowledge/*/feedback",
     .write_error = openai_error,
     .show = feedback},
    {.method = "POST",
     .path = "/knowledge/*/ask",
     .write_error = openai_error,
     .ask = ask,
     .model_of = model_of},
};

}  // namespace

std::span<const Route> knowledge_routes() { return kKnowledgeRoutes; }

}  // namespace weir
