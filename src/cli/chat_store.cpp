#include "cli/chat_store.h"

#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"
#include "chat/chat_tools.h"

namespace weir {
namespace {

constexpr size_t kStoreBytesMax = size_t(16) << 20;
constexpr size_t kMessagesMax = 4096;

Result<void> add_message(const Json& message, bool is_first, Conversation& out) {
  if (!message.is_object()) return Error{"must be an object with 'role' and 'content'"};
  const std::string role = TRY(message.string_at("role"));
  const Json* content = message.find("content");
  const Json* calls = message.find("tool_calls");
  const bool has_calls = calls && calls->is_array() && calls->size() > 0;
  if (!(content && content->is_string()) && !(has_calls && (!content || content->is_null())))
    return Error{"'content' must be a text"};
  const std::string text = content ? content->text() : "";
  if (first_invalid_utf8(text) != text.npos) return Error{"'content' is not valid UTF-8"};
  if (role == "system" || role == "developer") {
    if (!is_first) return Error{"only the first message can be the system's"};
    out.system = text;
    return {};
  }
  if (role == "assistant") {
    if (out.turns.empty() || !out.turns.back().answer.empty() || out.turns.back().has_calls())
      return Error{"the assistant speaks, but nothing was asked"};
    out.turns.back().answer = text;
    if (has_calls) out.turns.back().calls = *calls;
    return {};
  }
  if (role != "user" && role != "tool")
    return Error{
        fmt::format("the role '{}' is none of system, user, assistant and tool", printable(role))};
  const bool is_result = role == "tool";
  std::vector<ChatTurn>& turns = out.turns;
  const bool is_open = !turns.empty() && turns.back().answer.empty() && !turns.back().has_calls() &&
                       turns.back().is_result == is_result;
  if (!is_open) turns.push_back({});
  turns.back().is_result = is_result;
  turns.back().question.push_back({Role::user, text});
  return {};
}

}  // namespace

Json conversation_to_json(const Conversation& conversation) {
  Json messages = Json::array();
  if (!conversation.system.empty()) messages.push(chat_message("system", conversation.system));
  for (const ChatTurn& turn : conversation.turns) {
    for (const Message& message : turn.question)
      messages.push(
          chat_message(turn.is_result ? "tool" : role_name(message.role), message.content));
    if (turn.answer.empty() && !turn.has_calls()) continue;
    Json answer = chat_message("assistant", turn.answer);
    if (turn.has_calls()) answer.set("tool_calls", turn.calls);
    messages.push(std::move(answer));
  }
  Json json = Json::object();
  json.set("messages", std::move(messages));
  return json;
}

Result<Conversation> conversation_from_json(const Json& json) {
  const Json* messages = json.is_array() ? &json : json.find("messages");
  if (!messages || !messages->is_array())
    return Error{"no conversation: a list of messages, or an object with 'messages', is needed"};
  if (messages->size() > kMessagesMax)
    return Error{fmt::format("more than {} messages", kMessagesMax)};
  Conversation out;
  for (size_t i = 0; i < messages->size(); ++i)
    TRY_IN(fmt::format("message {}", i + 1), add_message(messages->items()[i], i == 0, out));
  return out;
}

Result<void> save_conversation(const Conversation& conversation, const std::string& path) {
  if (is_directory(path)) return Error{path + ": is a folder; name a file"};
  if (file_exists(path) && !load_conversation(path))
    return Error{path + ": holds something else than a conversation; choose another name"};
  return write_file_atomic(path, conversation_to_json(conversation).dump() + "\n");
}

Result<Conversation> load_conversation(const std::string& path) {
  const std::string bytes = TRY(read_file(path, kStoreBytesMax));
  const Json json = TRY_IN(path, parse_json(bytes));
  return TRY_IN(path, conversation_from_json(json));
}

}  // namespace weir
