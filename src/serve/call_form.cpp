#include "serve/call_form.h"

#include <algorithm>

#include "chat/chat_tools.h"

namespace weir {
namespace {

constexpr const char* kName = "zprobez";
constexpr const char* kValue = "zvaluez";

// A question, a call, and its result.
Json probe_messages() {
  Json arguments = Json::object();
  arguments.set("zkeyz", kValue);
  Json calls = Json::array();
  calls.push(tool_call("call00000", kName, std::move(arguments)));
  Json call = chat_message("assistant", "");
  call.set("tool_calls", std::move(calls));
  Json result = chat_message("tool", "zresultz");
  result.set("tool_call_id", "call00000");
  Json messages = Json::array();
  messages.push(chat_message("user", "zquestionz"));
  messages.push(std::move(call));
  messages.push(std::move(result));
  return messages;
}

// The text before the probe's argument; the template's source where it renders no such call.
std::string probe(const OpenModel& open, const ChatForm& form) {
  Json function = Json::object();
  function.set("name", kName);
  Json tools = Json::array();
  tools.push(std::move(function));
  const Json checked = *check_tools(tools);
  const Result<ChatPrompt> prompt = form.encode(open, probe_messages(), {.tools = &checked});
  std::string text;
  if (prompt)
    for (const int token : prompt->tokens) text += open.tokenizer->token_bytes(token);
  const size_t end = text.rfind(kValue);
  return end == text.npos ? open.chat_template : text.substr(0, end);
}

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

CallSpelling call_spelling(const OpenModel& open, const ChatForm& form) {
  const std::string text = probe(open, form);
  if (contains(text, "｜DSML｜")) {
    const bool is_v41 = contains(text, "｜DSML｜ invoke") || contains(text, "｜DSML｜ calls");
    return CallSpelling::deepseek_elements(is_v41                             ? "calls"
                                           : contains(text, "function_calls") ? "function_calls"
                                                                              : "tool_calls");
  }
  if (contains(text, "<｜tool▁sep｜>"))
    return contains(text, "```json") ? CallSpelling::deepseek_fenced() : CallSpelling::deepseek();
  if (contains(text, "<tool_call>") && !contains(text, "<function=")) return CallSpelling::hermes();
  return CallSpelling::llama();
}

bool needs_call_grammar(const ServeRequest& request) {
  const ToolChoice& choice = request.tool_choice;
  return request.tools &&
         (choice.is_forced() || !choice.allowed.empty() || !choice.strict.empty() || request.form);
}

OutputForm call_output(const ServeRequest& request, CallSpelling spelling) {
  const ToolChoice& choice = request.tool_choice;
  const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  CallOutput output;
  output.rules.spelling = std::move(spelling);
  output.rules.is_forced = choice.is_forced();
  output.rules.is_single = choice.is_single;
  if (!choice.is_forced()) output.other = request.form;
  for (const Json& tool : request.tools->items()) {
    const Json* function = tool.find("function");
    const std::string& name = function->find("name")->text();
    if (!choice.allowed.empty() && !is_in(choice.allowed, name)) continue;
    // A forced call is held to the schema as far as a grammar can; a strict one whole.
    const bool is_strict = is_in(choice.strict, name);
    const Json* parameters =
        is_strict || choice.is_forced() ? function->find("parameters") : nullptr;
    output.rules.functions.push_back({name, parameters ? *parameters : Json(), is_strict});
  }
  return form_of_calls(std::move(output));
}

}  // namespace weir
