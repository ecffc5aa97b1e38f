#include "serve/tool_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "chat/chat_tools.h"
#include "serve/serve_request.h"

namespace weir {
namespace {

using Kind = ToolChoice::Kind;

std::string text_at(const Json* object, std::string_view key) {
  return object ? object->text_at(key) : "";
}

class ToolReader {
 public:
  ToolReader(RequestFields& fields, ToolDialect dialect, ServeRequest& request)
      : fields_(fields), dialect_(dialect), request_(request) {}

  void run() {
    const Json* tools = fields_.find("tools");
    const bool has_tools = tools && !(tools->is_array() && tools->size() == 0);
    if (has_tools) read_list(*tools);
    if (const Json* choice = fields_.find("tool_choice")) read_choice(*choice);
    if (dialect_ != ToolDialect::messages)
      choice().is_single = !fields_.flag("parallel_tool_calls", true);
    if (!has_tools && choice().is_forced())
      fields_.refuse("tool_choice", "demands a call, but the request has no tools");
    if (choice().kind == Kind::none) request_.tools.reset();
  }

 private:
  ToolChoice& choice() { return request_.tool_choice; }

  void read_list(const Json& tools) {
    if (!tools.is_array()) return fields_.refuse("tools", "must be a list of tools");
    Json list = Json::array();
    for (size_t i = 0; i < tools.size(); ++i) {
      const Json& tool = tools.items()[i];
      const std::string type = text_at(&tool, "type");
      if (!type.empty() && type != "function" && type != "custom")
        return fields_.refuse(
            fmt::format("tools[{}].type", i),
            fmt::format("'{}' is not supported; this server calls functions", printable(type)));
      list.push(function_of(tool));
    }
    Result<Json> checked = check_tools(list);
    if (!checked) return fields_.refuse("tools", "is wrong: " + checked.error().message);
    request_.tools = *std::move(checked);
  }

  // A function without the wrapper. 'strict' is kept apart: it is no matter of the prompt.
  Json function_of(const Json& tool) {
    const Json* inner = tool.find("function");
    const Json& function = inner ? *inner : tool;
    if (!function.is_object()) return tool;
    Json result = Json::object();
    for (const auto& [key, value] : function.members()) {
      const bool is_known = key == "name" || key == "description" || key == "input_schema";
      if (key == "strict" || value.is_null() || (!inner && key == "type")) continue;
      if (dialect_ == ToolDialect::messages && !is_known) continue;
      result.set(key == "input_schema" ? "parameters" : key, value);
    }
    const Json* strict = function.find("strict");
    if (!strict) strict = tool.find("strict");
    if (const Result<bool> flag = strict ? strict->as_bool() : Error{}; flag && *flag)
      choice().strict.push_back(text_at(&function, "name"));
    return result;
  }

  void read_choice(const Json& value) {
    const bool is_anthropic = dialect_ == ToolDialect::messages;
    const std::string type = value.is_string() ? value.text() : text_at(&value, "type");
    if (value.is_string() && is_anthropic) return refuse();
    if (type == "auto" || type == "none") {
      choice().kind = type == "auto" ? Kind::automatic : Kind::none;
    } else if (type == (is_anthropic ? "any" : "required")) {
      choice().kind = Kind::required;
    } else if (type == (is_anthropic ? "tool" : "function") && value.is_object()) {
      choice().kind = Kind::named;
      allow(dialect_ == ToolDialect::chat ? value.find("function") : &value);
    } else if (type == "allowed_tools" && !is_anthropic && value.is_object()) {
      read_allowed(dialect_ == ToolDialect::chat ? value.find("allowed_tools") : &value);
    } else {
      return refuse();
    }
    if (is_anthropic) {
      RequestFields inner(value, "tool_choice.");
      choice().is_single = inner.flag("disable_parallel_tool_use", false);
      fields_.take(inner.error());
    }
  }

  void read_allowed(const Json* value) {
    const std::string mode = text_at(value, "mode");
    const Json* tools = value ? value->find("tools") : nullptr;
    if ((mode != "auto" && mode != "required") || !tools || tools->size() == 0) return refuse();
    choice().kind = mode == "auto" ? Kind::automatic : Kind::required;
    for (const Json& tool : tools->items()) {
      const Json* function = tool.find("function");
      allow(function ? function : &tool);
    }
  }

  void allow(const Json* object) {
    const std::string name = text_at(object, "name");
    if (request_.tools) {
      const auto is_it = [&](const Json& tool) {
        return text_at(tool.find("function"), "name") == name;
      };
      const std::vector<Json>& tools = request_.tools->items();
      if (std::none_of(tools.begin(), tools.end(), is_it))
        fields_.refuse("tool_choice",
                       "names '" + printable(name) + "', which is none of the tools");
    }
    choice().allowed.push_back(name);
  }

  void refuse() {
    if (dialect_ == ToolDialect::messages)
      return fields_.refuse("tool_choice",
                            "must have the type auto, any, tool (with a 'name') or none");
    fields_.refuse("tool_choice",
                   dialect_ == ToolDialect::chat
                       ? "must be none, auto, required, {\"type\": \"function\", \"function\": "
                         "{\"name\": ...}} or allowed_tools"
                       : "must be none, auto, required, {\"type\": \"function\", \"name\": ...} or "
                         "allowed_tools");
  }

  RequestFields& fields_;
  const ToolDialect dialect_;
  ServeRequest& request_;
};

}  // namespace

void read_tools(RequestFields& fields, ToolDialect dialect, ServeRequest& request) {
  ToolReader(fields, dialect, request).run();
}

}  // namespace weir
