#include "serve/openai_reply.h"

#include <fmt/format.h>

#include <ctime>

#include "chat/chat_tools.h"
#include "serve/token_scores.h"
#include "text/unicode.h"

namespace weir {
namespace {

const char* error_type(int status) {
  if (status == 429) return "rate_limit_error";
  if (status >= 500) return "server_error";
  return "invalid_request_error";
}

const char* finish_reason(const ReplyParts& parts) {
  if (parts.has_calls) return "tool_calls";
  if (parts.reason == FinishReason::length) return "length";
  if (parts.reason == FinishReason::filtered) return "content_filter";
  return "stop";
}

Json usage_json(const ReplyUsage& usage) {
  Json j = Json::object();
  j.set("prompt_tokens", usage.prompt);
  j.set("completion_tokens", usage.completion);
  j.set("total_tokens", usage.prompt + usage.completion);
  j.set("prompt_cache_hit_tokens", usage.cached);
  j.set("prompt_cache_miss_tokens", usage.prompt - usage.cached);
  Json prompt = Json::object(), completion = Json::object();
  prompt.set("cached_tokens", usage.cached);
  completion.set("reasoning_tokens", usage.thinking);
  j.set("prompt_tokens_details", std::move(prompt));
  j.set("completion_tokens_details", std::move(completion));
  return j;
}

std::string call_id(const std::string& id, int choice, size_t index) {
  return fmt::format("call_{}_{}_{}", id, choice, index);
}

// Arguments as text.
Json calls_json(const Json& calls, const std::string& id, int choice) {
  Json list = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    const Json* function = calls.items()[i].find("function");
    list.push(tool_call(call_id(id, choice, i), function->find("name")->text(),
                        function->find("arguments")->dump()));
  }
  return list;
}

// Clients add the texts of a call's deltas up: id and name come once, with the first.
Json call_deltas(const std::vector<CallPart>& parts, const std::string& id, int choice) {
  Json list = Json::array();
  for (const CallPart& part : parts) {
    Json delta = Json::object();
    delta.set("index", part.index);
    if (part.name.empty()) {
      Json function = Json::object();
      function.set("arguments", part.arguments);
      delta.set("function", std::move(function));
    } else {
      const Json call =
          tool_call(call_id(id, choice, size_t(part.index)), part.name, part.arguments);
      for (const auto& [key, value] : call.members()) delta.set(key, value);
    }
    list.push(std::move(delta));
  }
  return list;
}

// Citations as the annotations that OpenAI's search models give.
Json annotations_json(const Json& citations) {
  Json list = Json::array();
  for (const Json& citation : citations.items()) {
    Json inner = Json::object();
    inner.set("start_index", *citation.find("begin"));
    inner.set("end_index", *citation.find("end"));
    inner.set("title", *citation.find("title"));
    inner.set("url", *citation.find("document"));
    inner.set("quote", *citation.find("quote"));
    Json one = Json::object();
    one.set("type", "url_citation");
    one.set("url_citation", std::move(inner));
    list.push(std::move(one));
  }
  return list;
}

class OpenAiWriter : public ReplyWriter {
 public:
  OpenAiWriter(const ServeRequest& request, const ServedModel& model, const std::string& id)
      : tokenizer_(model.tokenizer()),
        model_(request.model.empty() ? model.name() : request.model),
        id_(id),
        created_(int64_t(std::time(nullptr))),
        is_chat_(request.messages.is_array()),
        includes_usage_(request.includes_usage),
        wants_scores_(request.wants_scores),
        top_(request.sampling.top_log_probabilities),
        roles_(is_chat_ ? size_t(request.choices) : 0),
        offsets_(size_t(request.choices) * std::max<size_t>(1, request.prompts.size())) {}

  std::string part(int choice, const ReplyParts& parts, const ReplyUsage& usage) override {
    std::string out;
    if (is_chat_ && !roles_[size_t(choice)]) {
      roles_[size_t(choice)] = 1;
      Json delta = Json::object();
      delta.set("role", "assistant");
      delta.set("content", parts.thinking.empty() ? Json("") : Json());
      if (!parts.thinking.empty()) delta.set("reasoning_content", "");
      out += chunk(choice, std::move(delta), nullptr, nullptr);
    }
    if (parts.has_text() || !parts.answer_scores.empty()) {
      Json delta = Json::object();
      if (!parts.thinking.empty()) delta.set("reasoning_content", parts.thinking);
      if (!parts.answer.empty() || (parts.thinking.empty() && parts.call_parts.empty()))
        delta.set("content", parts.answer);
      if (!parts.call_parts.empty())
        delta.set("tool_calls", call_deltas(parts.call_parts, id_, choice));
      if (parts.citations.size() > 0) delta.set("annotations", annotations_json(parts.citations));
      out += chunk(choice, std::move(delta), &parts, nullptr);
    }
    if (parts.is_last) {
      Json delta = Json::object();
      if (!is_chat_) delta.set("content", "");
      if (is_chat_ && !parts.refusal.empty()) delta.set("refusal", parts.refusal);
      out += chunk(choice, std::move(delta), nullptr, finish_reason(parts), &parts.withheld);
    }
    (void)usage;
    return out;
  }

  std::string end(const ReplyUsage& usage) override {
    std::string out;
    if (includes_usage_) {
      Json body = head(is_chat_ ? "chat.completion.chunk" : "text_completion");
      body.set("choices", Json::array());
      body.set("usage", usage_json(usage));
      out = event(body);
    }
    return out + "data: [DONE]\n\n";
  }

  std::string failure(const ApiError& error) override {
    return "data: " + openai_error_body(error) + "\n\n";
  }

  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    Json body = head(is_chat_ ? "chat.completion" : "text_completion");
    Json list = Json::array();
    for (size_t i = 0; i < choices.size(); ++i) list.push(choice_json(int(i), choices[i]));
    body.set("choices", std::move(list));
    body.set("usage", usage_json(usage));
    return body.dump();
  }

 private:
  Json head(const char* object) const {
    Json j = Json::object();
    j.set("id", (is_chat_ ? "chatcmpl-" : "cmpl-") + id_);
    j.set("object", object);
    j.set("created", created_);
    j.set("model", model_);
    j.set("system_fingerprint", "weir");
    return j;
  }
  static std::string event(const Json& body) { return "data: " + body.dump() + "\n\n"; }

  std::string chunk(int choice, Json delta, const ReplyParts* scores, const char* reason,
                    const Json* withheld = nullptr) {
    Json j = Json::object();
    j.set("index", choice);
    if (is_chat_)
      j.set("delta", std::move(delta));
    else
      j.set("text", delta.find("content") ? *delta.find("content") : Json(""));
    j.set("logprobs", wants_scores_ && scores ? scores_json(choice, *scores) : Json());
    j.set("finish_reason", reason ? Json(reason) : Json());
    if (withheld && !withheld->is_null()) j.set("guard", *withheld);
    Json list = Json::array();
    list.push(std::move(j));
    Json body = head(is_chat_ ? "chat.completion.chunk" : "text_completion");
    body.set("choices", std::move(list));
    if (includes_usage_) body.set("usage", Json());
    return event(body);
  }

  Json choice_json(int choice, const ReplyParts& parts) {
    Json j = Json::object();
    j.set("index", choice);
    if (is_chat_) {
      Json message = Json::object();
      message.set("role", "assistant");
      const bool has_calls = parts.calls.size() > 0;
      message.set("content", parts.answer.empty() && has_calls ? Json() : Json(parts.answer));
      if (!parts.refusal.empty()) message.set("refusal", parts.refusal);
      if (!parts.thinking.empty()) message.set("reasoning_content", parts.thinking);
      if (has_calls) message.set("tool_calls", calls_json(parts.calls, id_, choice));
      if (parts.citations.size() > 0) message.set("annotations", annotations_json(parts.citations));
      j.set("message", std::move(message));
    } else {
      j.set("text", parts.answer);
    }
    j.set("logprobs", wants_scores_ ? scores_json(choice, parts) : Json());
    j.set("finish_reason", finish_reason(parts));
    if (!parts.withheld.is_null()) j.set("guard", parts.withheld);
    return j;
  }

  Json scores_json(int choice, const ReplyParts& parts) {
    Json j = Json::object();
    if (is_chat_) {
      j.set("content", weir::scores_json(tokenizer_, parts.answer_scores));
      if (!parts.thinking_scores.empty())
        j.set("reasoning_content", weir::scores_json(tokenizer_, parts.thinking_scores));
      return j;
    }
    Json tokens = Json::array(), numbers = Json::array(), tops = Json::array(),
         offsets = Json::array();
    for (const TokenScore& score : parts.answer_scores) {
      const std::string text = replace_invalid_utf8(tokenizer_.token_bytes(score.token));
      size_t& offset = offsets_[size_t(choice)];
      tokens.push(text);
      numbers.push(score.is_scored ? Json(score_number(score.log_probability)) : Json());
      offsets.push(int64_t(offset));
      for (const char byte : text) offset += (uint8_t(byte) & 0xC0) != 0x80;
      Json top = Json::object();
      for (const TokenLogProbability& other : score.top)
        top.set(replace_invalid_utf8(tokenizer_.token_bytes(other.token)),
                score_number(other.log_probability));
      // As OpenAI's: the token itself is always among them.
      if (!top.find(text)) top.set(text, score_number(score.log_probability));
      tops.push(score.is_scored ? std::move(top) : Json());
    }
    j.set("tokens", std::move(tokens));
    j.set("token_logprobs", std::move(numbers));
    j.set("top_logprobs", top_ > 0 ? std::move(tops) : Json());
    j.set("text_offset", std::move(offsets));
    return j;
  }

  const Tokenizer& tokenizer_;
  const std::string model_, id_;
  const int64_t created_;
  const bool is_chat_, includes_usage_, wants_scores_;
  const int top_;
  std::vector<uint8_t> roles_;   // of each choice: its first chunk was sent
  std::vector<size_t> offsets_;  // characters of the scored tokens so far
};

}  // namespace

std::string openai_error_body(const ApiError& error) {
  Json inner = Json::object();
  inner.set("message", error.message);
  inner.set("type", error_type(error.status));
  inner.set("param", error.param.empty() ? Json() : Json(error.param));
  inner.set("code", error.code.empty() ? Json() : Json(error.code));
  Json body = Json::object();
  body.set("error", std::move(inner));
  return body.dump();
}

HttpReply openai_error(const ApiError& error) {
  return error_reply(error, openai_error_body(error));
}

std::unique_ptr<ReplyWriter> openai_writer(const ServeRequest& request, const ServedModel& model,
                                           const std::string& id) {
  return std::make_unique<OpenAiWriter>(request, model, id);
}

}  // namespace weir
