// Tools for models whose chat template takes them: the list that a file holds, and the calls that a
// reply makes. Nothing is ever run: the user gives a call's result.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

// OpenAI's list of tools, [{"type": "function", "function": {"name": ..., "description": ...,
// "parameters": JSON schema}}], alone or under the key 'tools'; functions without the wrapper are
// wrapped. Errors name file and tool: more than 1 MiB or 128 tools, a name that is missing, double
// or not of [A-Za-z0-9_-]{1,64}, a description that is no text, parameters that are no schema.
Result<Json> read_tools(const std::string& path);
Result<Json> check_tools(const Json& json);

// 1 to 64 letters, digits, '_' and '-'.
bool is_tool_name(std::string_view name);

// A whole reply taken apart by CallParser (call_parser.h): its calls as OpenAI's list for a
// message's 'tool_calls', arguments as objects; at most 64.
struct FoundCalls {
  std::string text;
  Json calls = Json::array();
};
FoundCalls find_tool_calls(std::string_view reply, const Json& tools);

// {"role": role, "content": content}.
Json chat_message(std::string_view role, std::string content);
// One of OpenAI's 'tool_calls'; "": without an id.
Json tool_call(std::string id, std::string name, Json arguments);

// Begins a call in a vocabulary that has a token for it.
bool begins_tool_call(std::string_view token_text);

}  // namespace weir
