// Messages of a row: whose they are, what they say, what was thought before.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/text.h"
#include "tasks/problem_file.h"
#include "tasks/row_reader.h"

namespace weir {
namespace {

constexpr std::array kThinkingKeys = {"reasoning_content", "thinking", "reasoning"};
constexpr std::string_view kThinkOpen = "<think>", kThinkClose = "</think>";

const Json* find_either(const Json& object, const char* one, const char* other) {
  const Json* found = object.find(one);
  return found != nullptr ? found : object.find(other);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_filled(const Json* value) {
  return value != nullptr && (value->is_object() || value->size() > 0 || !value->text().empty());
}

// Text, or a list of parts of which only text can be used. "" when there is none.
Result<std::string> read_content(const Json* value, RowReader& row) {
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_array()) return text_of(*value, "content");
  std::string joined;
  for (const Json& part : value->items()) {
    const Json* text = part.find("text");
    const Json* type = part.find("type");
    if (text == nullptr || (type != nullptr && type->text() != "text")) {
      row.leave_out("a part of 'content' is no text");
      return std::string();
    }
    joined += TRY(text_of(*text, "text"));
  }
  return joined;
}

// Sets the role, or leaves the row out.
void read_role(const std::string& written, Message& message, RowReader& row) {
  const std::string role = lower_case(written);
  if (is_one_of(role, {"user", "human", "prompter"})) {
    message.role = Role::user;
  } else if (is_one_of(role, {"assistant", "gpt", "chatgpt", "model", "bot"})) {
    message.role = Role::assistant;
  } else if (is_one_of(role, {"system", "developer"})) {
    message.role = Role::system;
  } else if (is_one_of(role, {"tool", "function", "observation", "function_call", "tool_call",
                              "tool_response", "ipython"})) {
    row.leave_out(fmt::format("a message of role '{}'", role));
  } else {
    row.leave_out(
        fmt::format("a message of role '{}', which is none of system, user (human) and "
                    "assistant (gpt)",
                    printable(written, 24)));
  }
}

bool is_false_or_zero(const Json* value) {
  if (value == nullptr) return false;
  if (Result<bool> flag = value->as_bool()) return !*flag;
  Result<double> number = value->as_double();
  return number && *number == 0;
}

Result<Message> read_message(const Json& json, RowReader& row) {
  if (!json.is_object()) return Error{"a message must be an object"};
  const Json* role = find_either(json, "role", "from");
  if (role == nullptr) return Error{"there is no 'role' or 'from' in the message; add it"};
  if (!role->is_string()) return Error{"'role' must be a string"};
  Message message;
  read_role(role->text(), message, row);
  if (row.is_left_out()) return message;
  if (is_filled(json.find("tool_calls")) || is_filled(json.find("function_call"))) {
    row.leave_out("a message with tool calls");
    return message;
  }
  message.content = TRY(read_content(find_either(json, "content", "value"), row));
  if (message.role == Role::assistant) {
    if (is_false_or_zero(json.find("weight")) || is_false_or_zero(json.find("train")))
      row.note("'weight' 0 or 'train' false of a message is ignored: all replies are learned");
    TRY(read_thinking(json, message, row));
  }
  if (trim(message.content).empty() && message.role != Role::system)
    row.leave_out(fmt::format("an empty message of role '{}'", role_name(message.role)));
  return message;
}

}  // namespace

Result<void> read_thinking(const Json& object, Message& message, RowReader& row) {
  for (const char* key : kThinkingKeys) {
    const Json* value = object.find(key);
    if (value != nullptr && !value->is_null()) message.thinking = trim(TRY(text_of(*value, key)));
    if (!message.thinking.empty()) break;
  }
  std::string_view content = trim(message.content);
  if (message.thinking.empty()) {
    const bool is_opened = content.starts_with(kThinkOpen);
    const size_t begin = is_opened ? kThinkOpen.size() : 0;
    const size_t open = content.find(kThinkOpen, begin), close = content.find(kThinkClose, begin);
    if (is_opened && close == content.npos) {
      row.leave_out("thinking that is not closed with </think>");
    } else if (close != content.npos && (is_opened || close < open)) {
      if (!is_opened)
        row.note("a reply has </think> without <think>: the text before it is read as thinking");
      message.thinking = trim(content.substr(begin, close - begin));
      message.content = std::string(trim(content.substr(close + kThinkClose.size())));
    }
  }
  message.has_thinking = !message.thinking.empty();
  return {};
}

Result<std::vector<Message>> read_messages(const Json& list, const std::string& key,
                                           RowReader& row) {
  if (!list.is_array()) return Error{fmt::format("'{}' must be a list of messages", key)};
  if (list.size() > kProblemMessagesMax)
    return Error{fmt::format("'{}' has more than {} messages", key, kProblemMessagesMax)};
  std::vector<Message> messages;
  for (size_t i = 0; i < list.size() && !row.is_left_out(); ++i) {
    const std::string place = fmt::format("message {} of '{}'", i + 1, key);
    messages.push_back(TRY_IN(place, read_message(list.items()[i], row)));
  }
  return messages;
}

Result<std::vector<Message>> read_turns(const Json& value, const std::string& key, Role role,
                                        RowReader& row) {
  if (value.size() > 0 && value.is_array() && !value.items()[0].is_object())
    return Error{fmt::format("'{}' must be a string, a message or a list of messages", key)};
  if (value.is_array()) return read_messages(value, key, row);
  std::vector<Message> messages;
  if (value.is_object()) {
    messages.push_back(TRY_IN(fmt::format("'{}'", key), read_message(value, row)));
    return messages;
  }
  messages.push_back({role, TRY(text_of(value, key))});
  if (role == Role::assistant) TRY(read_thinking(Json::object(), messages[0], row));
  if (trim(messages[0].content).empty()) row.leave_out(fmt::format("'{}' is empty", key));
  return messages;
}

void check_order(RowReader& row) {
  const std::vector<Message>& messages = row.problem.messages;
  Role wanted = Role::user;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Role role = messages[i].role;
    if (role == Role::system && i == 0) continue;
    if (role == Role::system) return row.leave_out("a system message that is not the first");
    if (role != wanted && role == Role::user)
      return row.leave_out("two messages of the user in a row");
    if (role != wanted)
      return row.leave_out(i == 0 || messages[i - 1].role == Role::system
                               ? "a conversation that begins with the assistant"
                               : "two messages of the assistant in a row");
    wanted = wanted == Role::user ? Role::assistant : Role::user;
  }
  if (messages.empty() || messages.back().role == Role::system)
    row.leave_out("a conversation without a message of the user");
}

}  // namespace weir
