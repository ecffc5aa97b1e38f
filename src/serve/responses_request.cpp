#include "serve/responses_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "chat/chat_tools.h"
#include "serve/chat_messages.h"
#include "serve/openai_request.h"
#include "serve/request_limits.h"

namespace weir {
namespace {

// Items become messages: reasoning, text and calls of one turn are one message of the assistant.
class ItemReader {
 public:
  ItemReader(RequestFields& fields, Json& list) : fields_(fields), list_(list) {}

  void read(const Json& item, const std::string& place) {
    const std::string type = item.text_at("type");
    if (type == "message" || (type.empty() && item.find("role")))
      read_message(item, place);
    else if (type == "reasoning")
      read_reasoning(item);
    else if (type == "function_call")
      read_call(item, place);
    else if (type == "function_call_output")
      read_output(item, place);
    else
      fields_.refuse(place, fmt::format("of type '{}' is not supported; items are messages, "
                                        "reasoning, function_call and function_call_output",
                                        printable(type)));
  }

  // After the last item.
  void end_turn() {
    if (turn_.is_object()) list_.push(std::move(turn_));
    turn_ = Json();
  }

 private:
  void begin_turn(bool is_begun) {
    if (is_begun) end_turn();
    if (!turn_.is_object()) turn_ = chat_message("assistant", "");
  }
  bool has_answer() const { return !turn_.text_at("content").empty() || turn_.find("tool_calls"); }

  void read_message(const Json& item, const std::string& place) {
    const std::string role = item.text_at("role");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer")
      return fields_.refuse(
          place + ".role",
          fmt::format("must be user, assistant, system or developer, not '{}'", printable(role)));
    const Json* content = item.find("content");
    if (!content) return fields_.refuse(place + ".content", "is missing");
    std::string text = read_content(*content, place + ".content", fields_);
    if (role == "assistant") {
      begin_turn(has_answer());
      turn_.set("content", std::move(text));
      return;
    }
    end_turn();
    list_.push(chat_message(role == "developer" ? "system" : role, std::move(text)));
  }

  // Summaries and encrypted contents are not what the model thought.
  void read_reasoning(const Json& item) {
    std::string text;
    if (const Json* content = item.find("content"))
      for (const Json& part : content->items()) text += part.text_at("text");
    if (text.empty()) return;
    begin_turn(turn_.is_object());
    turn_.set("reasoning_content", std::move(text));
  }

  void read_call(const Json& item, const std::string& place) {
    const std::string name = item.text_at("name"), id = item.text_at("call_id");
    if (name.empty()) return fields_.refuse(place + ".name", "is missing");
    std::optional<Json> arguments = read_arguments(item.text_at("arguments"));
    if (!arguments)
      return fields_.refuse(place + ".arguments", "must be the text of a JSON object");
    names_[id] = name;
    begin_turn(false);
    if (!turn_.find("tool_calls")) turn_.set("tool_calls", Json::array());
    for (auto& [key, value] : turn_.members())
      if (key == "tool_calls") value.push(tool_call(id, name, *std::move(arguments)));
  }

  void read_output(const Json& item, const std::string& place) {
    const std::string id = item.text_at("call_id");
    const Json* output = item.find("output");
    if (!output) return fields_.refuse(place + ".output", "is missing");
    end_turn();
    Json message = chat_message("tool", read_content(*output, place + ".output", fields_));
    message.set("tool_call_id", id);
    if (const auto name = names_.find(id); name != names_.end()) message.set("name", name->second);
    list_.push(std::move(message));
  }

  RequestFields& fields_;
  Json& list_;
  Json turn_;                                 // of the assistant, not in the list yet; null: none
  std::map<std::string, std::string> names_;  // of functions, by the ids of their calls
};

Json read_input(RequestFields& fields) {
  Json list = Json::array();
  if (const std::string text = fields.text("instructions"); !text.empty())
    list.push(chat_message("system", text));
  const Json* input = fields.find("input");
  if (input && input->is_string()) {
    list.push(chat_message("user", input->text()));
    return list;
  }
  if (!input || !input->is_array() || input->size() == 0) {
    fields.refuse("input", "must be a text or a list with at least one item");
    return list;
  }
  ItemReader reader(fields, list);
  for (size_t i = 0; i < input->size(); ++i)
    reader.read(input->items()[i], fmt::format("input[{}]", i));
  reader.end_turn();
  if (list.size() == 0) fields.refuse("input", "must hold a message");
  return list;
}

void read_text(RequestFields& fields, ServeRequest& request) {
  const Json* text = fields.find("text");
  const Json* format = text ? text->find("format") : nullptr;
  if (!format || format->is_null()) return;
  const std::string type = format->text_at("type");
  const Json* schema = format->find("schema");
  if (type == "json_object")
    hold_to(request, {OutputKind::json_object}, "text.format");
  else if (type == "json_schema" && schema)
    hold_to(request, {OutputKind::json_schema, schema->dump()}, "text.format");
  else if (type == "json_schema")
    fields.refuse("text.format", "must have a 'schema'");
  else if (type != "text")
    fields.refuse("text.format", "has the type '" + printable(type) +
                                     "'; there are text, json_object and json_schema");
}

// What the server would have to keep between requests, or to fetch.
void refuse_state(RequestFields& fields) {
  for (const char* key : {"previous_response_id", "conversation", "prompt"})
    if (fields.has(key))
      fields.refuse(key, "is not supported: nothing is kept; send the conversation in 'input'");
  if (fields.has("moderation")) fields.refuse("moderation", "is not supported by this server", 501);
  if (fields.flag("background", false))
    fields.refuse("background", "is not supported: nothing is kept; use 'stream'");
}

void read_scores(RequestFields& fields, ServeRequest& request) {
  const std::vector<std::string> include = fields.texts("include", 64);
  const int top = int(fields.whole("top_logprobs", 0, 0, kTopMax));
  request.wants_scores =
      top > 0 || std::count(include.begin(), include.end(), "message.output_text.logprobs") > 0;
  request.sampling.top_log_probabilities = top;
}

}  // namespace

ApiResult<ServeRequest> read_responses(const Json& body, const SamplingOptions& defaults) {
  RequestFields fields(body);
  ServeRequest request{.sampling = defaults};
  request.model = fields.text("model");
  refuse_state(fields);
  request.messages = read_input(fields);
  request.continues = ends_with_reply(request.messages);
  read_sampling(fields, request);
  read_tools(fields, ToolDialect::responses, request);
  read_text(fields, request);
  read_openai_thinking(fields, request);
  if (const Json* reasoning = fields.find("reasoning"))
    if (const std::string effort = reasoning->text_at("effort"); !effort.empty())
      set_effort(request, effort);
  request.tokens_max = int(fields.whole("max_output_tokens", 0, 1, kTokensMax));
  request.stops = fields.texts("stop", kStopsMax);
  request.streams = fields.flag("stream", false);
  read_scores(fields, request);
  if (fields.error()) return *fields.error();
  return request;
}

}  // namespace weir
