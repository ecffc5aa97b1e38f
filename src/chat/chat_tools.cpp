#include "chat/chat_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "chat/call_parser.h"

namespace weir {
namespace {

constexpr size_t kBytesMax = size_t(1) << 20, kToolsMax = 128, kNameMax = 64, kCallsMax = 64;
Result<Json> check_tool(const Json& tool) {
  if (!tool.is_object()) return Error{"must be an object with 'type' and 'function'"};
  Json function = tool;
  if (const Json* inner = tool.find("function")) {
    const Json* type = tool.find("type");
    if (type && type->text() != "function")
      return Error{"'type' must be \"function\"; other kinds of tools are not known"};
    function = *inner;
  }
  if (!function.is_object()) return Error{"'function' must be an object"};
  const Json* name = function.find("name");
  if (!name || !name->is_string()) return Error{"'function.name' is missing, or no text"};
  if (!is_tool_name(name->text()))
    return Error{fmt::format("'{}' is no name of a function: 1 to 64 letters, digits, '_' and '-'",
                             printable(name->text()))};
  const Json* description = function.find("description");
  if (description && !description->is_string())
    return Error{"'function.description' must be a text"};
  const Json* parameters = function.find("parameters");
  if (parameters) {
    const Json* type = parameters->find("type");
    if (!parameters->is_object() || !type || type->text() != "object")
      return Error{"'function.parameters' must be a JSON schema with \"type\": \"object\""};
  }
  Json wrapped = Json::object();
  wrapped.set("type", "function");
  wrapped.set("function", std::move(function));
  return wrapped;
}

const std::string& name_of(const Json& tool) { return tool.find("function")->find("name")->text(); }

}  // namespace

bool is_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

Result<Json> check_tools(const Json& json) {
  const Json* list = json.is_array() ? &json : json.find("tools");
  if (!list || !list->is_array())
    return Error{
        "no list of tools: [{\"type\": \"function\", \"function\": {\"name\": ...}}] is "
        "needed"};
  if (list->size() == 0) return Error{"the list of tools is empty"};
  if (list->size() > kToolsMax) return Error{fmt::format("more than {} tools", kToolsMax)};
  Json tools = Json::array();
  std::set<std::string> names;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("tool {}", i + 1);
    Json tool = TRY_IN(place, check_tool(list->items()[i]));
    if (!names.insert(name_of(tool)).second)
      return Error{fmt::format("{}: '{}' is there twice", place, name_of(tool))};
    tools.push(std::move(tool));
  }
  return tools;
}

Result<Json> read_tools(const std::string& path) {
  const std::string bytes = TRY(read_file(path, kBytesMax));
  const Json json = TRY_IN(path, parse_json(bytes));
  return TRY_IN(path, check_tools(json));
}

Json chat_message(std::string_view role, std::string content) {
  Json message = Json::object();
  message.set("role", std::string(role));
  message.set("content", std::move(content));
  return message;
}

Json tool_call(std::string id, std::string name, Json arguments) {
  Json function = Json::object();
  function.set("name", std::move(name));
  function.set("arguments", std::move(arguments));
  Json call = Json::object();
  if (!id.empty()) call.set("id", std::move(id));
  call.set("type", "function");
  call.set("function", std::move(function));
  return call;
}

FoundCalls find_tool_calls(std::string_view reply, const Json& tools) {
  CallParser parser(tools, CallParser::Handing::whole);
  std::vector<CallEvent> events;
  parser.push(reply, events);
  parser.finish(events);
  FoundCalls found;
  std::string name;
  for (CallEvent& event : events) {
    if (event.kind == CallEvent::Kind::text) found.text += event.text;
    if (event.kind == CallEvent::Kind::begin) name = std::move(event.text);
    if (event.kind != CallEvent::Kind::end || found.calls.size() >= kCallsMax) continue;
    if (Result<Json> arguments = parse_json(event.text))
      found.calls.push(tool_call("", std::move(name), *std::move(arguments)));
  }
  return found;
}

bool begins_tool_call(std::string_view token_text) {
  return token_text == "<tool_call>" || token_text == "<｜tool▁calls▁begin｜>" ||
         token_text == "<｜tool▁call▁begin｜>";
}

}  // namespace weir
