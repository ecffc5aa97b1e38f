#include "chat/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "jinja/interpreter.h"
#include "jinja/parser.h"
#include "jinja/print.h"

namespace weir {
namespace {

using jinja::Heap;
using jinja::Value;

constexpr size_t kMessagesMax = 4096;

// Some templates build a control token around the role: '<|' + role + '|>'. Roles of this list,
// and no other text of a message, count as written by the template.
constexpr std::array<std::string_view, 12> kRoles = {
    "system", "user",    "assistant",   "tool",        "developer",   "function",
    "model",  "ipython", "environment", "tool_result", "observation", "latest_reminder"};
constexpr std::array<std::string_view, 3> kReasoningNames = {"reasoning_content", "thinking",
                                                             "reasoning"};

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// As transformers does: reasoning under one of its names is there under the two that templates
// read.
Json with_reasoning(const Json& message) {
  for (std::string_view name : kReasoningNames) {
    const Json* reasoning = message.find(name);
    if (reasoning == nullptr || reasoning->is_null()) continue;
    Json named = Json::object();
    named.set("thinking", *reasoning);
    for (const auto& [key, value] : message.members()) named.set(key, value);
    named.set("reasoning_content", *reasoning);
    return named;
  }
  return message;
}

using Names = std::set<std::string, std::less<>>;

// Keys that are null are left out, as transformers 5 does. It also does so where the template asks
// whether the value is none; then DeepSeek-V3's own template fails at a message that only calls
// tools, so names in `tested_for_none` stay.
Result<Value> message_value(Heap& heap, const Json& given, const Names& tested_for_none) {
  if (!given.is_object()) return Error{"must be an object with 'role' and 'content'"};
  const Json message = with_reasoning(given);
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& [name, member] : message.members()) {
    if (member.is_null() && !tested_for_none.contains(name)) continue;
    Value key = TRY(heap.text(name, false));
    const bool is_role = name == "role" && is_one_of(member.text(), kRoles);
    entries.emplace_back(std::move(key), TRY(jinja::from_json(heap, member, is_role)));
  }
  return Value(TRY(heap.dict(std::move(entries))));
}

Result<Value> messages_value(Heap& heap, const Json& messages, const Names& tested_for_none) {
  if (!messages.is_array()) return Error{"the messages must be a list"};
  if (messages.size() > kMessagesMax) return Error{"a conversation of more than 4096 messages"};
  std::vector<Value> items;
  for (size_t i = 0; i < messages.size(); ++i)
    items.push_back(TRY_IN(fmt::format("message {}", i + 1),
                           message_value(heap, messages.items()[i], tested_for_none)));
  return Value(TRY(heap.list(jinja::List::Form::list, std::move(items))));
}

using Variables = std::vector<std::pair<std::string_view, Value>>;
bool has_name(const Variables& variables, std::string_view name) {
  return std::any_of(variables.begin(), variables.end(),
                     [&](const auto& variable) { return variable.first == name; });
}

std::tm local_time() {
  std::time_t now = std::time(nullptr);
  std::tm local = {};
  localtime_r(&now, &local);
  return local;
}

}  // namespace

ChatTokens chat_tokens(const Tokenizer& tokenizer) {
  const auto text_of = [&](int id) {
    return id < 0 ? std::string() : std::string(tokenizer.token_bytes(id));
  };
  return {text_of(tokenizer.bos()), text_of(tokenizer.eos())};
}

struct ChatTemplate::State {
  jinja::Template parsed;
  ChatTokens tokens;
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::create(std::string_view source, ChatTokens tokens) {
  auto state = std::make_unique<State>();
  state->parsed = TRY_IN("chat template", jinja::parse_template(source));
  state->tokens = std::move(tokens);
  return ChatTemplate(std::move(state));
}

bool ChatTemplate::reads(std::string_view variable) const {
  return state_->parsed.names.contains(variable);
}

Result<RenderedTemplate> ChatTemplate::render(const Json& messages,
                                              const TemplateOptions& options) const {
  jinja::Limits limits;
  limits.steps = options.limits.steps;
  limits.output_bytes = options.limits.output_bytes;
  limits.memory_bytes = options.limits.memory_bytes;
  Heap heap(limits);
  Variables variables;
  auto set = [&](std::string_view name, Value value) {
    variables.emplace_back(name, std::move(value));
  };
  set("messages", TRY(messages_value(heap, messages, state_->parsed.tested_for_none)));
  set("tools", jinja::None{});
  if (options.tools != nullptr)
    variables.back().second = TRY_IN("tools", jinja::from_json(heap, *options.tools, false));
  set("documents", jinja::None{});
  set("add_generation_prompt", options.add_generation_prompt);
  const std::pair<const char*, const std::string*> marks[] = {{"bos_token", &state_->tokens.bos},
                                                              {"eos_token", &state_->tokens.eos}};
  for (const auto& [name, text] : marks)
    if (!text->empty()) set(name, TRY(heap.text(*text, true)));
  for (const auto& [name, text] : state_->tokens.others) set(name, TRY(heap.text(text, true)));
  if (options.thinking) {
    set("enable_thinking", *options.thinking);
    set("thinking", *options.thinking);
  }
  const Variables own = variables;
  for (const auto& [name, value] : options.extra.members()) {
    if (has_name(own, name) || jinja::is_function(name))
      return Error{
          fmt::format("the template variable '{}' can not be set; leave it out", printable(name))};
    if (!reads(name))
      return Error{
          fmt::format("the chat template reads no variable '{}'; leave it out", printable(name))};
    set(name, TRY_IN(name, jinja::from_json(heap, value, false)));
  }
  const std::tm now = options.now ? *options.now : local_time();
  jinja::Interpreter interpreter(state_->parsed, heap, now);
  return TRY_IN("chat template", interpreter.run(std::move(variables)));
}

Json messages_json(std::span<const Message> messages) {
  Json list = Json::array();
  for (const Message& message : messages) {
    Json object = Json::object();
    object.set("role", role_name(message.role));
    object.set("content", message.content);
    if (message.has_thinking) object.set("reasoning_content", message.thinking);
    list.push(std::move(object));
  }
  return list;
}

bool opens_thinking(const RenderedTemplate& rendered, std::string_view mark) {
  std::string_view text = rendered.text;
  size_t end = text.find_last_not_of(" \t\r\n");
  if (end == text.npos) return false;
  text = text.substr(0, end + 1);
  return text.ends_with(mark) && rendered.is_trusted(text.size() - mark.size(), text.size());
}

}  // namespace weir
