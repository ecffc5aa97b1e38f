// One row of a problem file, in each of the formats.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "tasks/problem_file.h"

namespace weir {
namespace {

// What messages are called in a format.
struct MessageKeys {
  const char *role, *content;
};
constexpr MessageKeys kOpenAi = {"role", "content"}, kShareGpt = {"from", "value"};

constexpr std::array kThinkingKeys = {"reasoning_content", "thinking", "reasoning"};
constexpr std::string_view kThinkOpen = "<think>", kThinkClose = "</think>";

// Whole, and of no use here. Carried as the row's `left_out` up to read_problem_row.
struct LeftOut {
  std::string reason;
  explicit operator bool() const { return !reason.empty(); }
};

Result<std::string> text_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr)
    return Error{
        fmt::format("there is no '{}' in the object; add it, or choose another 'format'", key)};
  if (!value->is_string()) return Error{fmt::format("'{}' must be a string", key)};
  if (value->text().find('\0') != std::string::npos)
    return Error{fmt::format("'{}' holds a NUL character; remove it", key)};
  return value->text();
}
// "" when absent or null.
Result<std::string> text_if_any(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr || value->is_null()) return std::string();
  return text_at(object, key);
}

// Thinking from its own key, or from a <think> block at the beginning of the reply.
Result<void> read_thinking(const Json& object, Message& message) {
  for (const char* key : kThinkingKeys) {
    message.thinking = trim(TRY(text_if_any(object, key)));
    if (!message.thinking.empty()) break;
  }
  std::string_view content = trim(message.content);
  if (message.thinking.empty() && content.starts_with(kThinkOpen)) {
    const size_t close = content.find(kThinkClose);
    if (close == std::string_view::npos)
      return Error{"a reply begins with <think> and never closes it with </think>"};
    message.thinking = trim(content.substr(kThinkOpen.size(), close - kThinkOpen.size()));
    content.remove_prefix(close + kThinkClose.size());
    message.content = std::string(trim(content));
  }
  message.has_thinking = !message.thinking.empty();
  return {};
}

// A string, null beside tool calls, or a list of parts of which only text can be used.
Result<std::string> read_content(const Json& message, const char* key, LeftOut& left_out) {
  const Json* value = message.find(key);
  if (value != nullptr && value->is_array()) {
    std::string joined;
    for (const Json& part : value->items()) {
      const Json* type = part.find("type");
      if (type == nullptr || type->text() != "text") {
        left_out.reason = fmt::format("a part of '{}' is no text", key);
        return std::string();
      }
      joined += TRY(text_at(part, "text"));
    }
    return joined;
  }
  const Json* calls = message.find("tool_calls");
  if (calls != nullptr && !calls->is_null() && !calls->items().empty()) {
    left_out.reason = "a message with tool calls";
    return std::string();
  }
  return text_at(message, key);
}

Result<Message> read_message(const Json& json, const MessageKeys& keys, LeftOut& left_out) {
  if (!json.is_object()) return Error{"a message must be an object"};
  const std::string role = TRY(text_at(json, keys.role));
  Message message;
  if (role == "user" || role == "human") {
    message.role = Role::user;
  } else if (role == "assistant" || role == "gpt" || role == "model" || role == "bot") {
    message.role = Role::assistant;
  } else if (role == "system" || role == "developer") {
    message.role = Role::system;
  } else if (role == "tool" || role == "function" || role == "observation" ||
             role == "function_call" || role == "tool_call") {
    left_out.reason = fmt::format("a message of role '{}'", role);
    return message;
  } else {
    return Error{fmt::format("'{}' must be system, user (human) or assistant (gpt), not '{}'",
                             keys.role, printable(role))};
  }
  message.content = TRY(read_content(json, keys.content, left_out));
  if (left_out) return message;
  if (message.role == Role::assistant) TRY(read_thinking(json, message));
  if (trim(message.content).empty() && message.role != Role::system)
    left_out.reason = fmt::format("an empty message of role '{}'", role);
  return message;
}

Result<std::vector<Message>> read_messages(const Json& list, const std::string& key,
                                           const MessageKeys& keys, LeftOut& left_out) {
  if (!list.is_array()) return Error{fmt::format("'{}' must be a list of messages", key)};
  if (list.size() > kProblemMessagesMax)
    return Error{fmt::format("'{}' has more than {} messages", key, kProblemMessagesMax)};
  std::vector<Message> messages;
  for (size_t i = 0; i < list.size() && !left_out; ++i) {
    const std::string place = fmt::format("message {} of '{}'", i + 1, key);
    messages.push_back(TRY_IN(place, read_message(list.items()[i], keys, left_out)));
  }
  return messages;
}

// System first if at all, then user and assistant in turn.
Result<void> check_order(const std::vector<Message>& messages) {
  Role wanted = Role::user;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Role role = messages[i].role;
    if (role == Role::system && i == 0) continue;
    if (role != wanted)
      return Error{
          fmt::format("message {} is the {}'s where the {}'s is due; user and assistant "
                      "must take turns, after one system message at most",
                      i + 1, role_name(role), role_name(wanted))};
    wanted = wanted == Role::user ? Role::assistant : Role::user;
  }
  if (messages.empty() || messages.back().role == Role::system)
    return Error{"there is no message of the user"};
  return {};
}

void add_system(std::string text, Problem& problem) {
  if (!trim(text).empty())
    problem.messages.insert(problem.messages.begin(), {Role::system, std::move(text)});
}

// A reply of a pair: a string, a message, or a list of messages of which the last counts.
Result<Message> read_choice(const Json& row, const char* key, const MessageKeys& keys,
                            LeftOut& left_out) {
  const Json* value = row.find(key);
  if (value == nullptr) return Error{fmt::format("there is no '{}' in the object", key)};
  if (value->is_array()) {
    if (value->items().empty()) return Error{fmt::format("'{}' is an empty list", key)};
    value = &value->items().back();
  }
  Message message;
  if (value->is_string()) {
    message = {Role::assistant, TRY(text_at(row, key))};
    TRY_IN(fmt::format("'{}'", key), read_thinking(Json::object(), message));
    if (trim(message.content).empty()) left_out.reason = fmt::format("'{}' is empty", key);
  } else {
    message = TRY_IN(fmt::format("'{}'", key), read_message(*value, keys, left_out));
    if (!left_out && message.role != Role::assistant)
      return Error{fmt::format("'{}' must be the assistant's", key)};
  }
  return message;
}

Result<void> read_pair(const Json& row, const MessageKeys& keys, Problem& problem,
                       LeftOut& left_out) {
  Message chosen = TRY(read_choice(row, "chosen", keys, left_out));
  problem.messages.push_back(std::move(chosen));
  problem.rejected = TRY(read_choice(row, "rejected", keys, left_out));
  problem.has_rejected = true;
  return {};
}

Result<void> read_conversation(const Json& row, const char* key, const MessageKeys& keys,
                               Problem& problem, LeftOut& left_out) {
  const Json* list = TRY(row.at(key));
  problem.messages = TRY(read_messages(*list, key, keys, left_out));
  if (left_out) return {};
  if (row.find("chosen") != nullptr) TRY(read_pair(row, keys, problem, left_out));
  if (problem.messages.empty() || problem.messages.front().role != Role::system)
    add_system(TRY(text_if_any(row, "system")), problem);
  return {};
}

// "history" holds earlier turns as pairs of strings.
Result<void> read_history(const Json& row, Problem& problem) {
  const Json* history = row.find("history");
  if (history == nullptr || history->is_null()) return {};
  const Error error{"'history' must be a list of pairs of strings"};
  if (!history->is_array() || history->size() > kProblemMessagesMax) return error;
  for (const Json& turn : history->items()) {
    if (!turn.is_array() || turn.size() != 2) return error;
    for (const Json& text : turn.items())
      if (!text.is_string() || text.text().find('\0') != std::string::npos) return error;
    problem.messages.push_back({Role::user, turn.items()[0].text()});
    problem.messages.push_back({Role::assistant, turn.items()[1].text()});
  }
  return {};
}

Result<void> read_alpaca(const Json& row, Problem& problem, LeftOut& left_out) {
  TRY(read_history(row, problem));
  std::string question = TRY(text_at(row, "instruction"));
  const std::string input = TRY(text_if_any(row, "input"));
  if (!trim(input).empty()) question += "\n" + input;
  if (trim(question).empty()) left_out.reason = "'instruction' is empty";
  problem.messages.push_back({Role::user, std::move(question)});
  if (row.find("chosen") != nullptr) {
    TRY(read_pair(row, kShareGpt, problem, left_out));
  } else {
    Message reply{Role::assistant, TRY(text_at(row, "output"))};
    TRY(read_thinking(row, reply));
    if (trim(reply.content).empty()) left_out.reason = "'output' is empty";
    problem.messages.push_back(std::move(reply));
  }
  add_system(TRY(text_if_any(row, "system")), problem);
  return {};
}

// GSM8K marks what a calculator would say: "48/2 = <<48/2=24>>24".
std::string without_annotations(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find("<<");
    const size_t close = open == text.npos ? text.npos : text.find(">>", open);
    if (close == text.npos) return out += text;
    out += text.substr(0, open);
    text.remove_prefix(close + 2);
  }
  return out;
}

// The first of `keys` that the row has; the first of all when there is none, for the error.
const char* key_of(const Json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (row.find(key) != nullptr) return key;
  return *keys.begin();
}

Result<void> read_qa(const Json& row, Problem& problem, LeftOut& left_out) {
  const std::string question = TRY(text_at(row, key_of(row, {"question", "problem"})));
  const char* answer_key = key_of(row, {"answer", "solution"});
  const Json* value = row.find(answer_key);
  const std::string answer =
      value != nullptr && value->is_number() ? value->dump() : TRY(text_at(row, answer_key));
  Message reply{Role::assistant, answer};
  const size_t mark = answer.rfind("####");
  if (mark != std::string::npos) {
    reply.thinking = trim(without_annotations(std::string_view(answer).substr(0, mark)));
    reply.has_thinking = !reply.thinking.empty();
    reply.content = trim(std::string_view(answer).substr(mark + 4));
    problem.verifier = "numeric";
  } else {
    TRY(read_thinking(row, reply));
  }
  if (trim(question).empty()) left_out.reason = "the question is empty";
  if (trim(reply.content).empty()) left_out.reason = "the answer is empty";
  problem.gold = reply.content;
  problem.messages = {{Role::user, question}, std::move(reply)};
  add_system(TRY(text_if_any(row, "system")), problem);
  return {};
}

Result<void> read_preference(const Json& row, Problem& problem, LeftOut& left_out) {
  const Json* prompt = TRY(row.at("prompt"));
  if (prompt->is_string()) {
    problem.messages = {{Role::user, TRY(text_at(row, "prompt"))}};
    if (trim(problem.messages[0].content).empty()) left_out.reason = "'prompt' is empty";
  } else {
    problem.messages = TRY(read_messages(*prompt, "prompt", kOpenAi, left_out));
  }
  if (!left_out) TRY(read_pair(row, kOpenAi, problem, left_out));
  return {};
}

// Keys that any format may have.
Result<void> read_common(const Json& row, Problem& problem) {
  if (const Json* gold = row.find("gold"); gold != nullptr && !gold->is_null()) {
    problem.gold = gold->is_number() ? gold->dump() : TRY(text_at(row, "gold"));
  }
  if (std::string verifier = TRY(text_if_any(row, "verifier")); !verifier.empty())
    problem.verifier = verifier;
  problem.language = TRY(text_if_any(row, "language"));
  if (const Json* difficulty = row.find("difficulty")) {
    Result<int64_t> level = difficulty->as_int();
    if (!level || *level < 0 || *level > 1'000'000)
      return Error{"'difficulty' must be a whole number from 0"};
    problem.difficulty = int(*level);
  }
  return {};
}

}  // namespace

Result<RowFormat> find_row_format(const Json& row) {
  auto has = [&](const char* key) { return row.find(key) != nullptr; };
  if (has("messages")) return RowFormat::messages;
  if (has("conversations")) return RowFormat::sharegpt;
  if (has("instruction")) return RowFormat::alpaca;
  if (has("prompt") && has("chosen")) return RowFormat::preference;
  if ((has("question") || has("problem")) && (has("answer") || has("solution")))
    return RowFormat::qa;
  std::vector<std::string> keys;
  for (size_t i = 0; i < std::min<size_t>(row.size(), 8); ++i)
    keys.push_back(printable(row.members()[i].first, 24));
  return Error{fmt::format(
      "the keys ({}) belong to no known format; a row needs 'messages', 'conversations', "
      "'instruction' with 'output', 'question' with 'answer', or 'prompt' with 'chosen' and "
      "'rejected'",
      fmt::join(keys, ", "))};
}

Result<ProblemRow> read_problem_row(const Json& row, RowFormat format) {
  ProblemRow read;
  LeftOut left_out;
  Problem& problem = read.problem;
  switch (format) {
    case RowFormat::messages:
      TRY(read_conversation(row, "messages", kOpenAi, problem, left_out));
      break;
    case RowFormat::sharegpt:
      TRY(read_conversation(row, "conversations", kShareGpt, problem, left_out));
      break;
    case RowFormat::alpaca:
      TRY(read_alpaca(row, problem, left_out));
      break;
    case RowFormat::qa:
      TRY(read_qa(row, problem, left_out));
      break;
    case RowFormat::preference:
      TRY(read_preference(row, problem, left_out));
      break;
  }
  const Json* tools = row.find("tools");
  if (tools != nullptr && (tools->size() > 0 || tools->text().size() > 2))
    left_out.reason = "a conversation with tools";
  if (!left_out) {
    TRY(check_order(problem.messages));
    TRY(read_common(row, problem));
  }
  read.left_out = std::move(left_out.reason);
  return read;
}

}  // namespace weir
