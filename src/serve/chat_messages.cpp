#include "serve/chat_messages.h"

#include <fmt/format.h>

#include "base/text.h"
#include "chat/chat_tools.h"

namespace weir {
namespace {

Json read_calls(const Json& calls, const std::string& place, RequestFields& fields) {
  Json list = Json::array();
  if (!calls.is_array()) fields.refuse(place, "must be a list of calls");
  for (size_t i = 0; i < calls.items().size(); ++i) {
    const Json& call = calls.items()[i];
    const Json* function = call.find("function");
    const Json* name = function ? function->find("name") : nullptr;
    const Json* arguments = function ? function->find("arguments") : nullptr;
    const std::string here = fmt::format("{}[{}]", place, i);
    if (!name || !name->is_string()) {
      fields.refuse(here, "needs a function with a 'name' and 'arguments'");
      return list;
    }
    std::optional<Json> object = arguments && arguments->is_object()
                                     ? *arguments
                                     : read_arguments(arguments ? arguments->text() : "");
    if (!object) fields.refuse(here + ".function.arguments", "must be the text of a JSON object");
    const Json* id = call.find("id");
    list.push(tool_call(id ? id->text() : "", name->text(),
                        object ? *std::move(object) : Json::object()));
  }
  return list;
}

// Of an assistant whose thought is all that there is yet.
bool has_thinking(const Json& message, const std::string& role) {
  const Json* thinking = message.find("reasoning_content");
  if (!thinking || thinking->is_null()) thinking = message.find("thinking");
  return role == "assistant" && thinking && !thinking->text().empty();
}

Json read_message(const Json& message, const std::string& place, RequestFields& fields) {
  const Json* role = message.find("role");
  const std::string said = role ? role->text() : "";
  if (said != "system" && said != "developer" && said != "user" && said != "assistant" &&
      said != "tool") {
    fields.refuse(place + ".role",
                  fmt::format("must be system, developer, user, assistant or tool, not '{}'",
                              printable(said)));
    return Json::object();
  }
  const Json* content = message.find("content");
  const Json* refusal = message.find("refusal");
  if ((!content || content->is_null()) && refusal && refusal->is_string()) content = refusal;
  const Json* calls = message.find("tool_calls");
  if (calls && calls->is_array() && calls->size() == 0) calls = nullptr;
  const bool has_calls = said == "assistant" && calls && !calls->is_null();
  const bool has_content = content && !content->is_null();
  if (!has_content && !has_calls && !has_thinking(message, said))
    fields.refuse(place + ".content", "is missing");
  Json result = chat_message(said == "developer" ? "system" : said,
                             has_content ? read_content(*content, place + ".content", fields) : "");
  if (has_calls) result.set("tool_calls", read_calls(*calls, place + ".tool_calls", fields));
  for (const char* key : {"reasoning_content", "name", "tool_call_id"})
    if (const Json* value = message.find(key); value && value->is_string()) result.set(key, *value);
  return result;
}

}  // namespace

std::string read_content(const Json& content, const std::string& place, RequestFields& fields) {
  if (content.is_string()) return content.text();
  if (!content.is_array()) {
    fields.refuse(place, "must be a text or a list of parts");
    return "";
  }
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content.items()[i];
    const Json* type = part.find("type");
    const Json* words = part.find("text");
    const Json* refusal = part.find("refusal");
    const std::string kind = type ? type->text() : "";
    if ((kind == "text" || kind == "input_text" || kind == "output_text") && words &&
        words->is_string())
      text += words->text();
    else if (kind == "refusal" && refusal && refusal->is_string())
      text += refusal->text();
    else
      fields.refuse(fmt::format("{}[{}]", place, i),
                    fmt::format("must be a part of type 'text' with a 'text'; '{}' is not "
                                "supported by this model",
                                printable(kind)));
  }
  return text;
}

std::optional<Json> read_arguments(std::string_view text) {
  if (trim(text).empty()) return Json::object();
  Result<Json> json = parse_json(text, kBodyLimits);
  if (!json || !json->is_object()) return {};
  return *std::move(json);
}

bool ends_with_reply(const Json& messages) {
  if (messages.size() == 0) return false;
  const Json& last = messages.items().back();
  const Json* role = last.find("role");
  const Json* calls = last.find("tool_calls");
  return role && role->text() == "assistant" && !(calls && calls->size() > 0);
}

bool read_continues(RequestFields& fields) {
  const Json* messages = fields.find("messages");
  if (!messages || messages->size() == 0) return false;
  const bool is_reply = ends_with_reply(*messages);
  bool continues = is_reply;
  for (size_t i = 0; i < messages->items().size(); ++i) {
    const Json& message = messages->items()[i];
    const std::string place = fmt::format("messages[{}].prefix", i);
    const Json* prefix = message.find("prefix");
    if (!prefix || prefix->is_null()) continue;
    const auto flag = prefix->as_bool();
    if (!flag) fields.refuse(place, "must be true or false");
    const bool is_last = i + 1 == messages->size();
    if (flag && *flag && !(is_last && is_reply))
      fields.refuse(place, "can be true in the last message only, of the assistant, without calls");
    if (flag && is_last) continues = *flag;
  }
  if (!fields.has("continue_final_message")) return continues;
  continues = fields.flag("continue_final_message", continues);
  if (continues && !is_reply)
    fields.refuse("continue_final_message", "needs a last message of the assistant, without calls");
  return continues;
}

Json read_messages(RequestFields& fields) {
  Json list = Json::array();
  const Json* messages = fields.find("messages");
  if (!messages || !messages->is_array() || messages->size() == 0) {
    fields.refuse("messages", "must be a list with at least one message");
    return list;
  }
  for (size_t i = 0; i < messages->size(); ++i)
    list.push(read_message(messages->items()[i], fmt::format("messages[{}]", i), fields));
  return list;
}

}  // namespace weir
