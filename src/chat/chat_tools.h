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

// The calls in a reply, as OpenAI's list for a message's 'tool_calls'; empty without any. Read are
// <tool_call>{"name": ..., "arguments": {...}}</tool_call> (Hermes, Qwen, SmolLM), DeepSeek's
// control tokens, and a reply that is nothing but such an object and names one of `tools` (Llama).
Json find_tool_calls(std::string_view reply, const Json& tools);

// Begins a call in a vocabulary that has a token for it.
bool begins_tool_call(std::string_view token_text);

}  // namespace weir
