#include "chat/spoken_tools.h"

#include "chat/chat_tools.h"

namespace weir {
namespace {

std::string instructions(const Json& tools) {
  std::string text = "You may call these functions:\n";
  for (const Json& tool : tools.items()) text += tool.find("function")->dump() + "\n";
  return text +
         "To call one, write\n<tool_call>\n{\"name\": \"its name\", \"arguments\": {its "
         "arguments}}\n"
         "</tool_call>\nand nothing after it. What it returns comes between <tool_response> and "
         "</tool_response>. Where no function helps, answer without one.";
}

std::string spoken_call(const Json& call) {
  const Json* function = call.find("function");
  const Json* arguments = function ? function->find("arguments") : nullptr;
  Json written = Json::object();
  written.set("name", function ? function->text_at("name") : "");
  // Clients send the arguments as text of JSON.
  if (arguments && arguments->is_string()) {
    auto parsed = parse_json(arguments->text());
    written.set("arguments", parsed ? *std::move(parsed) : *arguments);
  } else {
    written.set("arguments", arguments ? *arguments : Json::object());
  }
  return "<tool_call>\n" + written.dump() + "\n</tool_call>";
}

void append_line(std::string& text, const std::string& more) {
  text += (text.empty() ? "" : "\n") + more;
}

Json without_calls(const Json& message) {
  Json out = Json::object();
  for (const auto& [key, value] : message.members())
    if (key != "tool_calls") out.set(key, value);
  std::string text(message.text_at("content"));
  if (const Json* calls = message.find("tool_calls"); calls && calls->is_array())
    for (const Json& call : calls->items()) append_line(text, spoken_call(call));
  out.set("content", std::move(text));
  return out;
}

// A message whose text is `before`, a blank line, and its own.
Json preceded(const Json& message, const std::string& before) {
  Json out = message;
  const std::string text(message.text_at("content"));
  out.set("content", text.empty() ? before : before + "\n\n" + text);
  return out;
}

}  // namespace

Json speak_tools(const Json& messages, const Json& tools, bool has_system) {
  std::vector<Json> list;
  bool is_result = false;  // the last of `list` is one
  for (const Json& message : messages.items()) {
    const std::string_view role = message.text_at("role");
    if (role != "tool") {
      list.push_back(without_calls(message));
      is_result = false;
      continue;
    }
    // Results of one turn are one message: many templates want the roles in turn.
    std::string text = is_result ? std::string(list.back().text_at("content")) : "";
    append_line(
        text, "<tool_response>\n" + std::string(message.text_at("content")) + "\n</tool_response>");
    if (is_result) list.pop_back();
    list.push_back(chat_message("user", std::move(text)));
    is_result = true;
  }
  const std::string_view teller = has_system ? "system" : "user";
  bool is_told = false;
  Json out = Json::array();
  if (has_system && (list.empty() || list.front().text_at("role") != "system"))
    list.insert(list.begin(), chat_message("system", ""));
  for (const Json& message : list) {
    const bool tells = !is_told && message.text_at("role") == teller;
    const std::string text(message.text_at("content"));
    if (tells && has_system)
      out.push(chat_message("system", (text.empty() ? "" : text + "\n\n") + instructions(tools)));
    else
      out.push(tells ? preceded(message, instructions(tools)) : message);
    is_told |= tells;
  }
  return out;
}

}  // namespace weir
