#include "serve/responses_reply.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "serve/token_scores.h"

namespace weir {
namespace {

Json typed(const char* type) {
  Json j = Json::object();
  j.set("type", type);
  return j;
}

// The fields of a request that a response repeats, with OpenAI's defaults.
Json settings_of(const Json& body) {
  Json format = Json::object();
  format.set("format", typed("text"));
  Json reasoning = Json::object();
  reasoning.set("effort", Json());
  reasoning.set("summary", Json());
  const std::pair<const char*, Json> defaults[] = {{"instructions", {}},
                                                   {"max_output_tokens", {}},
                                                   {"metadata", Json::object()},
                                                   {"parallel_tool_calls", true},
                                                   {"reasoning", std::move(reasoning)},
                                                   {"temperature", 1.0},
                                                   {"text", std::move(format)},
                                                   {"tool_choice", "auto"},
                                                   {"tools", Json::array()},
                                                   {"top_logprobs", 0},
                                                   {"top_p", 1.0},
                                                   {"truncation", "disabled"},
                                                   {"user", {}}};
  Json j = Json::object();
  for (const auto& [key, or_else] : defaults) {
    const Json* value = body.find(key);
    j.set(key, value && !value->is_null() ? *value : or_else);
  }
  j.set("background", false);
  j.set("previous_response_id", Json());
  j.set("store", false);
  return j;
}

class ResponsesWriter : public ReplyWriter {
 public:
  ResponsesWriter(const ServeRequest& request, const Json& body, const ServedModel& model,
                  std::string id)
      : tokenizer_(model.tokenizer()),
        model_(request.model.empty() ? model.name() : request.model),
        id_(std::move(id)),
        created_(int64_t(std::time(nullptr))),
        settings_(settings_of(body)) {}

  std::string begin(const ReplyUsage&) override {
    // Events are numbered as they are made.
    std::string out = event("response.created", response_with("in_progress", nullptr));
    out += event("response.in_progress", response_with("in_progress", nullptr));
    return out;
  }

  std::string part(int, const ReplyParts& parts, const ReplyUsage&) override {
    std::string out;
    if (!parts.thinking.empty()) out += add_text(Item::reasoning, parts.thinking, {});
    if (!parts.answer.empty())
      out += add_text(Item::message, parts.answer, scores_json(tokenizer_, parts.answer_scores));
    // Calls come in parts, or whole.
    has_parts_ = has_parts_ || !parts.call_parts.empty();
    for (const CallPart& call : parts.call_parts) out += add_call_part(call);
    if (!has_parts_)
      for (const Json& call : parts.calls.items()) out += add_call(call);
    if (!parts.is_last) return out;
    reason_ = parts.reason;
    return out + end_item(is_cut() ? "incomplete" : "completed");
  }

  std::string end(const ReplyUsage& usage) override {
    return event(is_cut() ? "response.incomplete" : "response.completed",
                 response_with(is_cut() ? "incomplete" : "completed", &usage));
  }

  std::string failure(const ApiError& error) override {
    Json response = response_json("failed", nullptr);
    Json inner = Json::object();
    inner.set("code", "server_error");
    inner.set("message", error.message);
    response.set("error", std::move(inner));
    Json fields = Json::object();
    fields.set("response", std::move(response));
    return event("response.failed", std::move(fields));
  }

  // The items are what the stream would have at its end.
  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    part(0, choices[0], usage);
    return response_json(is_cut() ? "incomplete" : "completed", &usage).dump();
  }

 private:
  enum class Item { none, reasoning, message, call };

  bool is_cut() const {
    return reason_ == FinishReason::length || reason_ == FinishReason::filtered;
  }

  std::string event(const char* type, Json fields) {
    Json data = typed(type);
    data.set("sequence_number", sequence_++);
    for (auto& [key, value] : fields.members()) data.set(key, std::move(value));
    return fmt::format("event: {}\ndata: {}\n\n", type, data.dump());
  }

  // Fields of an event of the open item.
  Json item_fields() const {
    Json j = Json::object();
    j.set("item_id", item_id_);
    j.set("output_index", int64_t(output_.size()));
    return j;
  }
  Json text_fields() const {
    Json j = item_fields();
    j.set("content_index", 0);
    return j;
  }
  Json with_item(Json item) const {
    Json j = Json::object();
    j.set("output_index", int64_t(output_.size()));
    j.set("item", std::move(item));
    return j;
  }
  Json response_with(const char* status, const ReplyUsage* usage) const {
    Json j = Json::object();
    j.set("response", response_json(status, usage));
    return j;
  }

  Json response_json(const char* status, const ReplyUsage* usage) const {
    Json j = Json::object();
    j.set("id", "resp_" + id_);
    j.set("object", "response");
    j.set("created_at", created_);
    j.set("status", status);
    j.set("error", Json());
    Json details;
    if (usage && is_cut()) {
      details = Json::object();
      details.set("reason",
                  reason_ == FinishReason::length ? "max_output_tokens" : "content_filter");
    }
    j.set("incomplete_details", std::move(details));
    j.set("model", model_);
    j.set("output", output_);
    for (const auto& [key, value] : settings_.members()) j.set(key, value);
    j.set("usage", usage ? usage_json(*usage) : Json());
    return j;
  }

  static Json usage_json(const ReplyUsage& usage) {
    Json input = Json::object(), output = Json::object(), j = Json::object();
    input.set("cached_tokens", usage.cached);
    output.set("reasoning_tokens", usage.thinking);
    j.set("input_tokens", usage.prompt);
    j.set("input_tokens_details", std::move(input));
    j.set("output_tokens", usage.completion);
    j.set("output_tokens_details", std::move(output));
    j.set("total_tokens", usage.prompt + usage.completion);
    return j;
  }

  // The open item, with its text if `is_done`.
  Json item_json(const char* status, bool is_done) const {
    const bool is_message = open_ == Item::message;
    Json item = typed(is_message ? "message" : "reasoning");
    item.set("id", item_id_);
    item.set("status", status);
    Json content = Json::array();
    if (is_done) content.push(part_json(text_, scores_));
    if (is_message)
      item.set("role", "assistant");
    else
      item.set("summary", Json::array());
    item.set("content", std::move(content));
    return item;
  }

  Json part_json(const std::string& text, const Json& scores) const {
    Json part = typed(open_ == Item::message ? "output_text" : "reasoning_text");
    part.set("text", text);
    if (open_ != Item::message) return part;
    part.set("annotations", Json::array());
    part.set("logprobs", scores);
    return part;
  }

  std::string begin_item(Item kind) {
    std::string out = end_item("completed");
    open_ = kind;
    item_id_ = fmt::format("{}_{}_{}", kind == Item::message ? "msg" : "rs", id_, output_.size());
    text_.clear();
    scores_ = Json::array();
    out += event("response.output_item.added", with_item(item_json("in_progress", false)));
    Json added = text_fields();
    added.set("part", part_json("", Json::array()));
    return out + event("response.content_part.added", std::move(added));
  }

  std::string add_text(Item kind, const std::string& text, Json scores) {
    std::string out = open_ == kind ? "" : begin_item(kind);
    text_ += text;
    Json delta = text_fields();
    delta.set("delta", text);
    if (kind == Item::reasoning)
      return out + event("response.reasoning_text.delta", std::move(delta));
    for (const Json& score : scores.items()) scores_.push(score);
    delta.set("logprobs", std::move(scores));
    return out + event("response.output_text.delta", std::move(delta));
  }

  std::string end_item(const char* status) {
    std::string out;
    if (open_ == Item::call) out = end_call(status);
    if (open_ == Item::message || open_ == Item::reasoning) out = end_text(status);
    open_ = Item::none;
    return out;
  }

  std::string end_text(const char* status) {
    const bool is_message = open_ == Item::message;
    Json done = text_fields(), part = text_fields();
    done.set("text", text_);
    if (is_message) done.set("logprobs", scores_);
    part.set("part", part_json(text_, scores_));
    std::string out = event(
        is_message ? "response.output_text.done" : "response.reasoning_text.done", std::move(done));
    out += event("response.content_part.done", std::move(part));
    Json item = item_json(status, true);
    out += event("response.output_item.done", with_item(item));
    output_.push(std::move(item));
    return out;
  }

  std::string add_call(const Json& call) {
    const Json* function = call.find("function");
    return add_call_part(
        {.name = function->find("name")->text(), .arguments = function->find("arguments")->dump()});
  }

  // A part with a name begins a call.
  std::string add_call_part(const CallPart& part) {
    std::string out;
    if (!part.name.empty()) {
      out = end_item("completed");
      open_ = Item::call;
      item_id_ = fmt::format("fc_{}_{}", id_, output_.size());
      name_ = part.name;
      text_.clear();
      out += event("response.output_item.added", with_item(call_json("in_progress")));
    }
    if (open_ != Item::call || part.arguments.empty()) return out;
    text_ += part.arguments;
    Json delta = item_fields();
    delta.set("delta", part.arguments);
    return out + event("response.function_call_arguments.delta", std::move(delta));
  }

  Json call_json(const char* status) const {
    Json j = typed("function_call");
    j.set("id", item_id_);
    j.set("call_id", fmt::format("call_{}_{}", id_, output_.size()));
    j.set("name", name_);
    j.set("arguments", text_);
    j.set("status", status);
    return j;
  }

  std::string end_call(const char* status) {
    Json done = item_fields(), item = call_json(status);
    done.set("name", name_);
    done.set("arguments", text_);
    std::string out = event("response.function_call_arguments.done", std::move(done));
    out += event("response.output_item.done", with_item(item));
    output_.push(std::move(item));
    return out;
  }

  const Tokenizer& tokenizer_;
  const std::string model_, id_;
  const int64_t created_;
  const Json settings_;
  int64_t sequence_ = 0;         // of the next event
  Json output_ = Json::array();  // items that have ended
  Item open_ = Item::none;       // of the item that grows:
  std::string item_id_, name_, text_;
  Json scores_ = Json::array();
  bool has_parts_ = false;  // calls come in parts
  FinishReason reason_ = FinishReason::end;
};

}  // namespace

std::unique_ptr<ReplyWriter> responses_writer(const ServeRequest& request, const Json& body,
                                              const ServedModel& model, const std::string& id) {
  return std::make_unique<ResponsesWriter>(request, body, model, id);
}

}  // namespace weir
