#include "serve/knowledge_chat.h"

#include <fmt/format.h>

#include "chat/chat_tools.h"
#include "knowledge/answer.h"
#include "serve/key_ring.h"
#include "serve/request_head.h"

namespace weir {
namespace {

// Where "@NAME" of a base begins; npos.
size_t base_mark(const KnowledgeShelf& shelf, const std::string& model) {
  const size_t at = model.rfind('@');
  if (at == std::string::npos) return at;
  std::string name = model.substr(at + 1);
  if (name.ends_with(":latest")) name.resize(name.size() - std::string_view(":latest").size());
  return shelf.find(name) ? at : std::string::npos;
}

ReplyParts last_part(const Answer& answer, const std::string& question) {
  ReplyParts parts;
  parts.answer = answer_text(answer, question);
  parts.citations = answer_citations(answer, parts.answer);
  parts.is_last = true;
  parts.reason = FinishReason::stop;
  return parts;
}

// Keeps a reply back until it is whole, and hands on what is left of it.
class CheckingWriter : public ReplyWriter {
 public:
  CheckingWriter(std::unique_ptr<ReplyWriter> writer, ServedBase& base, std::string question,
                 Answer answer, int choices)
      : writer_(std::move(writer)),
        base_(base),
        question_(std::move(question)),
        answer_(std::move(answer)),
        texts_(size_t(choices)) {}

  const char* content_type(bool streams) const override { return writer_->content_type(streams); }
  std::string keep_alive() const override { return writer_->keep_alive(); }
  void take_fits(std::span<const double> fits) override { order_by_fit(fits, answer_.passages); }
  std::string begin(const ReplyUsage& usage) override { return writer_->begin(usage); }
  std::string part(int choice, const ReplyParts& parts, const ReplyUsage& usage) override {
    texts_[size_t(choice)] += parts.answer;
    if (!parts.is_last) return "";
    return writer_->part(choice, checked(texts_[size_t(choice)], parts), usage);
  }
  std::string end(const ReplyUsage& usage) override { return writer_->end(usage); }
  std::string failure(const ApiError& error) override { return writer_->failure(error); }
  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    std::vector<ReplyParts> replies;
    for (const ReplyParts& parts : choices) replies.push_back(checked(parts.answer, parts));
    return writer_->whole(replies, usage);
  }

 private:
  ReplyParts checked(const std::string& text, const ReplyParts& parts) {
    Answer answer = answer_;
    check_reply(text, base_.options(), answer);
    if (answer.refusal != Refusal::none) base_.note_refusal(question_, answer);
    ReplyParts reply = last_part(answer, question_);
    reply.tokens = parts.tokens;
    reply.reason = parts.reason;
    return reply;
  }

  const std::unique_ptr<ReplyWriter> writer_;
  ServedBase& base_;  // of the server's state, which outlives requests
  const std::string question_;
  Answer answer_;                   // with its sources
  std::vector<std::string> texts_;  // of each choice of a stream, so far
};

HttpReply refusal_reply(const Generation& generation, const Answer& answer,
                        const std::string& question) {
  ReplyWriter& writer = *generation.writer;
  const bool streams = generation.request.streams;
  const std::vector<ReplyParts> choices(size_t(generation.request.choices),
                                        last_part(answer, question));
  const ReplyUsage usage{.prompts = std::vector<int64_t>(choices.size(), 0)};
  HttpReply reply{.content_type = writer.content_type(streams)};
  if (!streams) {
    reply.body = writer.whole(choices, usage);
    return reply;
  }
  reply.body = writer.begin(usage);
  for (size_t i = 0; i < choices.size(); ++i) reply.body += writer.part(int(i), choices[i], usage);
  reply.body += writer.end(usage);
  return reply;
}

std::optional<ApiError> check_request(const ServeRequest& request) {
  const auto refusal = [](const char* what, std::string param) {
    return ApiError{.message = fmt::format("answers from a knowledge base {}", what),
                    .param = std::move(param)};
  };
  if (!request.messages.is_array() || request.messages.size() == 0)
    return refusal("are for conversations; send messages", "knowledge");
  if (request.tools) return refusal("use no tools; leave them out", "tools");
  if (request.form) return refusal("have no form; leave it out", request.form_field);
  if (request.wants_scores) return refusal("have no log-probabilities; leave them out", "logprobs");
  const Json& last = request.messages.items().back();
  const std::string& question = last.text_at("content");
  if (request.continues || last.text_at("role") != "user" || question.empty() ||
      question.size() > kKnowledgeQuestionBytes)
    return ApiError{
        .message = fmt::format("the last message must be the user's question, of 1 to {} bytes",
                               kKnowledgeQuestionBytes),
        .param = "messages"};
  return {};
}

}  // namespace

std::vector<std::string> readable_labels(const HttpRequest& http) {
  return http.key ? http.key->labels() : std::vector<std::string>();
}

std::string without_base(const KnowledgeShelf& shelf, const std::string& model) {
  return model.substr(0, base_mark(shelf, model));
}

ApiResult<std::string> base_name_of(const KnowledgeShelf& shelf, const HttpRequest& http) {
  const RequestHead head = read_head(http.body);
  if (head.knowledge.is_null()) {
    const std::string model = head.model.empty() ? head.name : head.model;
    const size_t at = base_mark(shelf, model);
    if (at == std::string::npos) return std::string();
    const std::string name = model.substr(at + 1);
    return name.substr(0, name.find(':'));
  }
  const std::string name = head.knowledge.is_string() ? head.knowledge.text() : "";
  if (shelf.find(name)) return name;
  return ApiError{.status = 404,
                  .message =
                      "'knowledge' must be the name of a base of this server; GET "
                      "/knowledge lists them",
                  .param = "knowledge"};
}

void score_passages(const ServedBase& base, const Answer& answer, const std::string& question,
                    ServeRequest& request) {
  if (base.options().quotes == Quotes::none) return;
  request.scored_reply = question;
  for (const FoundChunk& passage : passages_to_score(question, answer.passages, answer.sources)) {
    const AnswerPrompt prompt = question_prompt(question, passage);
    Json messages = Json::array();
    messages.push(chat_message("system", prompt.system));
    messages.push(chat_message("user", prompt.user));
    request.scored.push_back(std::move(messages));
  }
}

std::optional<ApiError> consult(ServedBase& base, const HttpRequest& http, Generation& generation) {
  ServeRequest& request = generation.request;
  if (auto error = check_request(request)) return error;
  const std::string question = request.messages.items().back().text_at("content");
  Result<Answer> answer = base.begin(question, readable_labels(http));
  if (!answer) return ApiError{.status = 500, .message = answer.error().message};
  if (answer->refusal != Refusal::none) {
    base.note_refusal(question, *answer);
    generation.reply = refusal_reply(generation, *answer, question);
    return {};
  }
  const AnswerPrompt prompt = answer_prompt(question, answer->sources);
  Json messages = Json::array();
  std::string system = prompt.system;
  for (const Json& message : request.messages.items())
    if (message.text_at("role") == "system") system += "\n\n" + message.text_at("content");
  messages.push(chat_message("system", system));
  for (const Json& message : request.messages.items())
    if (message.text_at("role") != "system") messages.push(message);
  messages.items().back() = chat_message("user", prompt.user);
  request.messages = std::move(messages);
  request.sampling.temperature = 0;
  request.thinking = false;
  if (request.tokens_max == 0) request.tokens_max = kKnowledgeReplyTokens;
  score_passages(base, *answer, question, request);
  generation.writer = std::make_unique<CheckingWriter>(std::move(generation.writer), base, question,
                                                       *std::move(answer), request.choices);
  return {};
}

}  // namespace weir
