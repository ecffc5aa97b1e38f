// A better and a worse reply to one question: beside each other, or at the end of two conversations
// that begin alike (TRL's implicit prompt).
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "tasks/row_reader.h"

namespace weir {
namespace {

bool equal(const Message& a, const Message& b) {
  return a.role == b.role && a.content == b.content && a.thinking == b.thinking;
}

// A transcript as hh-rlhf writes it: "\n\nHuman: ...\n\nAssistant: ...". Nothing for other texts.
std::optional<std::vector<Message>> read_transcript(std::string_view text) {
  constexpr std::string_view kHuman = "\n\nHuman:", kAssistant = "\n\nAssistant:";
  if (!text.starts_with(kHuman)) return std::nullopt;
  std::vector<Message> messages;
  while (!text.empty()) {
    const bool is_human = text.starts_with(kHuman);
    text.remove_prefix(is_human ? kHuman.size() : kAssistant.size());
    const size_t end = std::min({text.find(kHuman), text.find(kAssistant), text.size()});
    messages.push_back(
        {is_human ? Role::user : Role::assistant, std::string(trim(text.substr(0, end)))});
    text.remove_prefix(end);
  }
  return messages;
}

// What two texts begin with, up to the end of a word.
size_t common_prefix(std::string_view a, std::string_view b) {
  size_t length = 0;
  while (length < std::min(a.size(), b.size()) && a[length] == b[length]) ++length;
  while (length > 0 && a[length - 1] != ' ' && a[length - 1] != '\n') --length;
  return length;
}

// Two texts without a question: transcripts, or a beginning in common that is asked.
Result<void> read_texts(const Json& chosen, const Json& rejected, std::vector<Message>& better,
                        std::vector<Message>& worse, RowReader& row) {
  const std::string one = TRY(text_of(chosen, "chosen"));
  const std::string other = TRY(text_of(rejected, "rejected"));
  std::optional<std::vector<Message>> a = read_transcript(one), b = read_transcript(other);
  if (a && b) {
    better = *std::move(a);
    worse = *std::move(b);
    for (std::vector<Message>* side : {&better, &worse})
      for (Message& message : *side)
        if (message.role == Role::assistant) TRY(read_thinking(Json::object(), message, row));
    return {};
  }
  const size_t length = common_prefix(one, other);
  const Message asked = {Role::user, std::string(trim(std::string_view(one).substr(0, length)))};
  if (asked.content.empty())
    row.leave_out("a pair without 'prompt' whose texts do not begin alike");
  for (auto [text, side] : {std::pair(&one, &better), std::pair(&other, &worse)}) {
    Message reply = {Role::assistant, text->substr(length)};
    TRY(read_thinking(Json::object(), reply, row));
    *side = {asked, std::move(reply)};
  }
  return {};
}

}  // namespace

Result<void> read_preference(const Json& chosen, const Json& rejected,
                             std::vector<Message> question, RowReader& row) {
  std::vector<Message> better, worse;
  if (question.empty() && chosen.is_string() && rejected.is_string()) {
    TRY(read_texts(chosen, rejected, better, worse, row));
  } else {
    better = TRY(read_turns(chosen, "chosen", Role::assistant, row));
    worse = TRY(read_turns(rejected, "rejected", Role::assistant, row));
  }
  if (row.is_left_out()) return {};
  // Conversations that hold the question themselves are asked as they stand.
  const bool holds_question = !better.empty() && better.front().role != Role::assistant;
  if (!holds_question) {
    better.insert(better.begin(), question.begin(), question.end());
    worse.insert(worse.begin(), question.begin(), question.end());
  }
  if (better.empty() || worse.empty() || better.back().role != Role::assistant ||
      worse.back().role != Role::assistant) {
    row.leave_out("a pair whose texts do not end with the assistant");
  } else if (better.size() != worse.size() ||
             !std::equal(better.begin(), better.end() - 1, worse.begin(), equal)) {
    row.leave_out("a pair that differs before its last reply");
  } else if (equal(better.back(), worse.back())) {
    row.leave_out("a pair of the same reply twice");
  } else if (trim(better.back().content).empty() || trim(worse.back().content).empty()) {
    row.leave_out("an empty reply of a pair");
  } else {
    row.problem.messages = std::move(better);
    row.problem.rejected = std::move(worse.back());
    row.problem.has_rejected = true;
  }
  return {};
}

}  // namespace weir
