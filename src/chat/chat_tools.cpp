#include "chat/chat_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kBytesMax = size_t(1) << 20, kToolsMax = 128, kNameMax = 64, kCallsMax = 64;
constexpr std::string_view kCall = "<tool_call>", kEndCall = "</tool_call>";
constexpr std::string_view kDeepSeekCall = "<｜tool▁call▁begin｜>",
                           kDeepSeekSeparator = "<｜tool▁sep｜>",
                           kDeepSeekEnd = "<｜tool▁call▁end｜>";

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

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
  if (!is_name(name->text()))
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

// Between `begin` and `end`, or to the end of the text.
std::string_view between(std::string_view text, size_t from, std::string_view end) {
  return text.substr(from, text.find(end, from) - from);
}

// The outermost object of a text, such as one in a Markdown fence.
std::string_view object_in(std::string_view text) {
  const size_t first = text.find('{'), last = text.rfind('}');
  if (first == text.npos || last == text.npos || last < first) return {};
  return text.substr(first, last - first + 1);
}

void add_call(const std::string& name, Json arguments, Json& calls) {
  if (calls.size() >= kCallsMax) return;
  Json function = Json::object();
  function.set("name", name);
  function.set("arguments", std::move(arguments));
  Json call = Json::object();
  call.set("type", "function");
  call.set("function", std::move(function));
  calls.push(std::move(call));
}

// {"name": ..., "arguments" or "parameters": {...}}.
bool add_named_call(std::string_view text, Json& calls) {
  const auto json = parse_json(object_in(text), {.bytes = kBytesMax, .values = 10000});
  if (!json || !json->is_object()) return false;
  const Json* name = json->find("name");
  const Json* arguments = json->find("arguments");
  if (!arguments) arguments = json->find("parameters");
  if (!name || !is_name(name->text()) || !arguments || !arguments->is_object()) return false;
  add_call(name->text(), *arguments, calls);
  return true;
}

// R1: type, separator, name, a fence with the arguments. V3.1: name, separator, arguments.
void add_deepseek_call(std::string_view text, Json& calls) {
  const size_t at = text.find(kDeepSeekSeparator);
  if (at == text.npos) return;
  const std::string before(trim(text.substr(0, at)));
  const std::string_view after = text.substr(at + kDeepSeekSeparator.size());
  const std::string name =
      before == "function" ? std::string(trim(after.substr(0, after.find('\n')))) : before;
  const auto arguments = parse_json(object_in(after), {.bytes = kBytesMax, .values = 10000});
  if (is_name(name) && arguments && arguments->is_object()) add_call(name, *arguments, calls);
}

}  // namespace

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

Json find_tool_calls(std::string_view reply, const Json& tools) {
  Json calls = Json::array();
  for (size_t at = 0; (at = reply.find(kCall, at)) != reply.npos;) {
    at += kCall.size();
    add_named_call(between(reply, at, kEndCall), calls);
  }
  for (size_t at = 0; (at = reply.find(kDeepSeekCall, at)) != reply.npos;) {
    at += kDeepSeekCall.size();
    add_deepseek_call(between(reply, at, kDeepSeekEnd), calls);
  }
  const std::string_view text = trim(reply);
  const bool is_bare = text.starts_with("{") || text.starts_with("```");
  if (calls.size() == 0 && is_bare && add_named_call(text, calls)) {
    const std::string& name = name_of(calls.items()[0]);
    const auto is_named = [&](const Json& tool) { return name_of(tool) == name; };
    if (std::none_of(tools.items().begin(), tools.items().end(), is_named)) return Json::array();
  }
  return calls;
}

bool begins_tool_call(std::string_view token_text) {
  return token_text == kCall || token_text == kDeepSeekCall ||
         token_text == "<｜tool▁calls▁begin｜>" || token_text == "<｜DSML｜function_calls>";
}

}  // namespace weir
