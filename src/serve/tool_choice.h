// What a request says about tools, in every dialect: which there are, and whether the model may,
// must or must not call them.
#pragma once
#include <string>
#include <vector>

#include "serve/request_fields.h"

namespace weir {

struct ServeRequest;

struct ToolChoice {
  enum class Kind {
    automatic,  // the model decides
    none,       // no calls; the prompt has no tools
    required,   // at least one call, of a tool in `allowed`
    named,      // the same with one name
  };
  Kind kind = Kind::automatic;
  std::vector<std::string> allowed = {};  // names; none: all tools
  std::vector<std::string> strict = {};   // tools whose arguments must match their schema
  bool is_single = false;                 // at most one call in a reply
  bool is_forced() const { return kind == Kind::required || kind == Kind::named; }
};

enum class ToolDialect {
  chat,       // OpenAI's chat completions, DeepSeek, Ollama
  responses,  // OpenAI's /responses: a function's fields stand beside its type
  messages,   // Anthropic
};

// Reads 'tools', 'tool_choice' and 'parallel_tool_calls' (Anthropic: 'disable_parallel_tool_use'
// in the choice) into request.tools (check_tools(), without 'strict') and request.tool_choice.
// Refused: wrong tools, a choice that is none of the dialect's, a name that is no tool's, and a
// forced call without tools.
//   chat:      "none" "auto" "required" {"type": "function", "function": {"name"}}
//              {"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}
//   responses: the same words, {"type": "function", "name"}, {"type": "allowed_tools", "mode",
//              "tools"}
//   messages:  {"type": "auto" | "none" | "any" | "tool", "name"}
void read_tools(RequestFields& fields, ToolDialect dialect, ServeRequest& request);

}  // namespace weir
