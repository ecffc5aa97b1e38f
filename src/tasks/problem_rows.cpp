// One row of a problem file, in each of the formats. Messages, pairs and the columns beside them
// have files of their own (row_reader.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "tasks/problem_file.h"
#include "tasks/row_reader.h"
#include "verify/plain_text.h"

namespace weir {
namespace {

constexpr std::string_view kMark = "####";

// One number as GSM8K and its relatives write it: "-1,250.50", "$18", "3/4", "50%".
bool is_number(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.starts_with('$')) text.remove_prefix(1);
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  if (text.ends_with('%')) text.remove_suffix(1);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || !is_digit(text.back())) return false;
  const std::string_view signs = ".,/";
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i])) continue;
    if (signs.find(text[i]) == signs.npos || (i > 0 && !is_digit(text[i - 1]))) return false;
  }
  return std::count(text.begin(), text.end(), '.') <= 1 &&
         std::count(text.begin(), text.end(), '/') <= 1;
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

// GSM8K's form is the mark and one number at the end of the last line. Any other "####" is a
// heading.
bool read_marked_answer(std::string_view answer, Message& reply) {
  answer = trim(answer);
  const size_t mark = answer.rfind(kMark);
  if (mark == answer.npos || (mark > 0 && answer[mark - 1] == '#')) return false;
  const std::string_view number = trim(answer.substr(mark + kMark.size()));
  if (number.find('\n') != number.npos || !is_number(number)) return false;
  reply.thinking = trim(without_annotations(answer.substr(0, mark)));
  reply.has_thinking = !reply.thinking.empty();
  reply.content = number;
  return true;
}

void add_system(std::string text, Problem& problem) {
  if (trim(text).empty()) return;
  if (!problem.messages.empty() && problem.messages.front().role == Role::system) return;
  problem.messages.insert(problem.messages.begin(), {Role::system, std::move(text)});
}

// "history" holds earlier turns as pairs of strings.
Result<void> read_history(RowReader& row) {
  const Json* history = row.find("history");
  if (history == nullptr) return {};
  const Error error{"'history' must be a list of pairs of strings"};
  if (!history->is_array() || history->size() > kProblemMessagesMax) return error;
  for (const Json& turn : history->items()) {
    if (!turn.is_array() || turn.size() != 2) return error;
    const std::string asked = TRY(text_of(turn.items()[0], "history"));
    Message reply = {Role::assistant, TRY(text_of(turn.items()[1], "history"))};
    TRY(read_thinking(Json::object(), reply, row));
    if (trim(asked).empty() || trim(reply.content).empty())
      row.leave_out("an empty turn of 'history'");
    row.problem.messages.push_back({Role::user, asked});
    row.problem.messages.push_back(std::move(reply));
  }
  return {};
}

Error missing(const char* key) {
  return {fmt::format("there is no '{}' in the row; add it, or choose another 'format'", key)};
}

// The better and the worse reply, by any of their names.
struct Pair {
  RowReader::Found chosen, rejected;
};
Pair find_pair(RowReader& row) {
  return {row.find_any({"chosen", "chosen_response", "preferred_output"}),
          row.find_any({"rejected", "rejected_response", "non_preferred_output"})};
}

Result<void> read_pair(const Pair& pair, std::vector<Message> question, RowReader& row) {
  if (pair.chosen.key == nullptr) return missing("chosen");
  if (pair.rejected.key == nullptr) return missing("rejected");
  for (const RowReader::Found& found : {pair.chosen, pair.rejected})
    if (found.is_null()) row.leave_out(fmt::format("'{}' is null", found.key));
  if (row.is_left_out()) return {};
  return read_preference(*pair.chosen.value, *pair.rejected.value, std::move(question), row);
}

// A list of messages, perhaps with a pair beside it; or, as ms-swift has it, with the worse reply
// to its last question.
Result<void> read_conversation(std::initializer_list<const char*> keys, RowReader& row) {
  const RowReader::Found list = row.find_any(keys);
  if (list.key == nullptr) return missing(*keys.begin());
  if (list.is_null()) row.leave_out(fmt::format("'{}' is null", list.key));
  if (row.is_left_out()) return {};
  std::vector<Message> messages = TRY(read_messages(*list.value, list.key, row));
  if (row.is_left_out()) return {};
  const Pair pair = find_pair(row);
  if (pair.chosen.value != nullptr) return read_pair(pair, std::move(messages), row);
  row.problem.messages = std::move(messages);
  if (pair.rejected.value == nullptr || !row.problem.has_reply()) return {};
  std::vector<Message> worse =
      TRY(read_turns(*pair.rejected.value, pair.rejected.key, Role::assistant, row));
  if (row.is_left_out()) return {};
  if (worse.empty() || worse.back().role != Role::assistant) {
    row.leave_out("a pair whose texts do not end with the assistant");
    return {};
  }
  row.problem.rejected = std::move(worse.back());
  row.problem.has_rejected = true;
  return {};
}

RowReader::Found find_reply(RowReader& row) {
  return row.find_any({"output", "completion", "response", "generation", "answer", "solution"});
}

// The reply to a question by any of its names. An answer or a solution is the gold too; beside
// another reply it is the gold alone (read_columns).
Result<void> read_reply(RowReader& row) {
  const RowReader::Found found = find_reply(row);
  if (found.key == nullptr) return {};
  if (found.is_null()) {
    row.leave_out(fmt::format("'{}' is null", found.key));
    return {};
  }
  const std::string_view key = found.key;
  const bool is_gold = key == "answer" || key == "solution";
  if (found.value->is_array() || found.value->is_object()) {
    for (Message& message : TRY(read_turns(*found.value, found.key, Role::assistant, row)))
      row.problem.messages.push_back(std::move(message));
    return {};
  }
  const std::string text = TRY(text_of(*found.value, key));
  Message reply{Role::assistant, text};
  // read_thinking() needs the row's own keys, which count as read.
  Json thoughts = Json::object();
  for (const char* thought : {"reasoning_content", "thinking", "reasoning"})
    if (const Json* value = row.find(thought)) thoughts.set(thought, *value);
  if (is_gold && read_marked_answer(text, reply))
    row.problem.verifier = "numeric";
  else
    TRY(read_thinking(thoughts, reply, row));
  if (trim(reply.content).empty()) row.leave_out(fmt::format("'{}' is empty", key));
  if (is_gold) row.problem.gold = reply.content;
  row.problem.messages.push_back(std::move(reply));
  return {};
}

// One question under `keys` and what belongs to it: a reply, a pair, or a gold alone.
Result<void> read_single(std::initializer_list<const char*> keys, RowReader& row) {
  TRY(read_history(row));
  const RowReader::Found asked = row.find_any(keys);
  const Pair pair = find_pair(row);
  std::vector<Message>& messages = row.problem.messages;
  if (asked.is_null()) row.leave_out(fmt::format("'{}' is null", asked.key));
  if (row.is_left_out()) return {};
  if (asked.key == nullptr && pair.chosen.key == nullptr) return missing(*keys.begin());
  if (asked.key != nullptr) {
    std::vector<Message> turns = TRY(read_turns(*asked.value, asked.key, Role::user, row));
    if (asked.value->is_string() && std::string_view(asked.key) != "input") {
      const std::string input = TRY(row.text_if_any("input"));
      if (!trim(input).empty()) turns[0].content += "\n" + input;
    }
    std::move(turns.begin(), turns.end(), std::back_inserter(messages));
  }
  if (row.is_left_out()) return {};
  const bool is_pair =
      pair.chosen.value != nullptr || (pair.chosen.is_null() && find_reply(row).value == nullptr);
  if (!is_pair) return read_reply(row);
  std::vector<Message> question = std::move(messages);
  messages.clear();
  return read_pair(pair, std::move(question), row);
}

// OpenAI's preferences: the question is a conversation inside "input".
Result<void> read_openai_preference(const Json& input, RowReader& row) {
  RowReader inner(input);
  TRY_IN("'input'", read_conversation({"messages"}, inner));
  TRY_IN("'input'", read_columns(inner));
  if (inner.is_left_out()) row.leave_out(inner.left_out);
  for (std::string& what : inner.notes) row.note(std::move(what));
  return read_pair(find_pair(row), std::move(inner.problem.messages), row);
}

// What the row is, to a reader who knows another format than weir's.
std::string hint_of(const Json& row) {
  auto has = [&](const char* key) { return row.find(key) != nullptr; };
  if (has("text")) return "; plain text is read by weir train, from 'data.paths'";
  if (has("input_ids")) return "; rows that are tokens already are not read";
  if (has("segments")) return "; segments with labels are not read";
  if (has("completions") && has("labels")) return "; steps with labels are not read";
  for (const auto& [key, value] : row.members())
    if (value.is_array() && value.size() > 0 && value.items()[0].is_object())
      return fmt::format("; if '{}' is the list of rows, write that list alone",
                         printable(key, 24));
  return "";
}

}  // namespace

Result<ProblemRowFormat> find_row_format(const Json& row) {
  auto find = [&](bool null_counts) -> const ProblemRowFormat* {
    auto has = [&](std::initializer_list<const char*> keys) {
      return std::any_of(keys.begin(), keys.end(), [&](const char* key) {
        const Json* value = row.find(key);
        return value != nullptr && (null_counts || !value->is_null());
      });
    };
    static constexpr ProblemRowFormat messages = ProblemRowFormat::messages,
                                      sharegpt = ProblemRowFormat::sharegpt,
                                      alpaca = ProblemRowFormat::alpaca, qa = ProblemRowFormat::qa,
                                      prompt = ProblemRowFormat::prompt,
                                      preference = ProblemRowFormat::preference;
    if (has({"messages"})) return &messages;
    if (has({"conversations", "conversation"})) return &sharegpt;
    if (has({"chosen", "chosen_response", "preferred_output"})) return &preference;
    if (has({"instruction"})) return &alpaca;
    const bool is_answered =
        has({"answer", "solution", "output", "completion", "response", "generation", "gold",
             "ground_truth", "reference_answer", "reward_model"});
    if (has({"question", "problem", "query"}) && is_answered) return &qa;
    if (has({"prompt"}) && !has({"completions", "labels"})) return &prompt;
    return nullptr;
  };
  // Exports of mixed sets have every key in every row, most of them null.
  if (const ProblemRowFormat* found = find(false)) return *found;
  if (const ProblemRowFormat* found = find(true)) return *found;
  std::vector<std::string> keys;
  for (size_t i = 0; i < std::min<size_t>(row.size(), 8); ++i)
    keys.push_back(printable(row.members()[i].first, 24));
  return Error{fmt::format(
      "the keys ({}) belong to no known format; a row needs 'messages', 'conversations', "
      "'instruction' with 'output', 'question' with 'answer', 'prompt' with 'completion' or a "
      "gold, or 'chosen' with 'rejected'{}",
      fmt::join(keys, ", "), hint_of(row))};
}

Result<ProblemRow> read_problem_row(const Json& json, ProblemRowFormat format) {
  RowReader row(json);
  switch (format) {
    case ProblemRowFormat::messages:
      TRY(read_conversation({"messages"}, row));
      break;
    case ProblemRowFormat::sharegpt:
      TRY(read_conversation({"conversations", "conversation"}, row));
      break;
    case ProblemRowFormat::alpaca:
      TRY(read_single({"instruction"}, row));
      break;
    case ProblemRowFormat::qa:
      TRY(read_single({"question", "problem", "query"}, row));
      break;
    case ProblemRowFormat::prompt:
      TRY(read_single({"prompt"}, row));
      break;
    case ProblemRowFormat::preference:
      if (const Json* input = json.find("input"); input != nullptr && input->is_object())
        TRY(read_openai_preference(*row.find("input"), row));
      else
        TRY(read_single({"prompt", "instruction", "question", "input"}, row));
      break;
  }
  TRY(read_columns(row));
  for (const char* key : {"system", "system_prompt"})
    add_system(TRY(row.text_if_any(key)), row.problem);
  if (!row.is_left_out()) check_order(row);
  return ProblemRow{std::move(row.problem), std::move(row.left_out), std::move(row.notes),
                    row.unread()};
}

}  // namespace weir
