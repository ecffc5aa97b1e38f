#include "serve/knowledge_routes.h"

#include <fmt/format.h>

#include "serve/openai_reply.h"
#include "serve/request_fields.h"

namespace weir {
namespace {

constexpr size_t kQuestionBytesMax = 8192;
constexpr int kFoundMax = 50;
constexpr int kAnswerTokensMax = 300;

Json message(const char* role, const std::string& content) {
  Json json = Json::object();
  json.set("role", role);
  json.set("content", content);
  return json;
}

struct Question {
  std::string base, text;
  int count = 5;
};

// "/knowledge/NAME/ask", with a /v1 before it or not.
ApiResult<Question> read_question(const KnowledgeBases& bases, const HttpRequest& http) {
  Question question;
  const std::string_view mark = "/knowledge/";
  const size_t begin = http.path.find(mark) + mark.size();
  question.base = http.path.substr(begin, http.path.find('/', begin) - begin);
  if (!bases.has(question.base))
    return ApiError{.status = 404,
                    .message =
                        "there is no knowledge base of this name; weir serve --knowledge "
                        "NAME=FILE adds one"};
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return body.error();
  question.text = body->text_at("question");
  if (question.text.empty() || question.text.size() > kQuestionBytesMax)
    return ApiError{
        .message = fmt::format("'question' must be a text of 1 to {} bytes", kQuestionBytesMax),
        .param = "question"};
  if (const Json* count = body->find("count")) {
    const Result<int64_t> value = count->as_int();
    if (!value || *value < 1 || *value > kFoundMax)
      return ApiError{.message = fmt::format("'count' must be a number from 1 to {}", kFoundMax),
                      .param = "count"};
    question.count = int(*value);
  }
  return question;
}

// Checks the whole reply against the sources.
class AnswerWriterOfBase : public ReplyWriter {
 public:
  AnswerWriterOfBase(KnowledgeBases& bases, Question question, Answer answer)
      : bases_(bases), question_(std::move(question)), answer_(std::move(answer)) {}
  std::string part(int, const ReplyParts&, const ReplyUsage&) override { return ""; }
  std::string end(const ReplyUsage&) override { return ""; }
  std::string failure(const ApiError& error) override { return openai_error(error).body; }
  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage&) override {
    check_reply(choices[0].answer, {}, answer_);
    if (answer_.refusal != Refusal::none)
      bases_.note(question_.base, question_.text, answer_.refusal);
    return answer_json(answer_, question_.text).dump();
  }

 private:
  KnowledgeBases& bases_;
  Question question_;
  Answer answer_;
};

}  // namespace

HttpReply search_knowledge(KnowledgeBases& bases, const HttpRequest& http) {
  ApiResult<Question> question = read_question(bases, http);
  if (!question) return openai_error(question.error());
  const auto found = bases.search(question->base, question->text, question->count);
  if (!found) return openai_error({.status = 500, .message = found.error().message});
  Json list = Json::array();
  for (const FoundChunk& chunk : *found) list.push(found_json(chunk));
  Json reply = Json::object();
  reply.set("results", std::move(list));
  return {.body = reply.dump()};
}

ApiResult<Generation> ask_knowledge(KnowledgeBases& bases, const HttpRequest& http) {
  ApiResult<Question> question = read_question(bases, http);
  if (!question) return question.error();
  Result<Answer> answer = bases.find_sources(question->base, question->text);
  if (!answer) return ApiError{.status = 500, .message = answer.error().message};
  Generation generation;
  if (answer->refusal != Refusal::none) {
    bases.note(question->base, question->text, answer->refusal);
    generation.reply = HttpReply{.body = answer_json(*answer, question->text).dump()};
    return generation;
  }
  const AnswerPrompt prompt = answer_prompt(question->text, answer->sources);
  generation.request.messages = Json::array();
  generation.request.messages.push(message("system", prompt.system));
  generation.request.messages.push(message("user", prompt.user));
  generation.request.sampling.temperature = 0;
  generation.request.tokens_max = kAnswerTokensMax;
  generation.writer =
      std::make_unique<AnswerWriterOfBase>(bases, *std::move(question), *std::move(answer));
  return generation;
}

std::span<const Route> knowledge_routes() {
  static constexpr Route kRoutes[] = {
      {.method = "POST",
       .path = "/knowledge/*/search",
       .write_error = openai_error,
       .search = search_knowledge},
      {.method = "POST",
       .path = "/knowledge/*/ask",
       .write_error = openai_error,
       .ask = ask_knowledge},
  };
  return kRoutes;
}

}  // namespace weir
