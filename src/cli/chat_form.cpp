#include "cli/chat_form.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"

namespace weir {
namespace {

// Also keeps the model from speaking for its user.
constexpr const char* kUser = "User:";
constexpr const char* kAssistant = "Assistant:";

bool has_chat_template(const std::string& folder) {
  auto config = read_json_file(join_path(folder, "tokenizer_config.json"));
  if (!config) return false;
  const Json* entry = config->find("chat_template");
  return entry && !entry->is_null();
}

std::string transcript(std::span<const ChatTurn> turns) {
  std::string text;
  for (const ChatTurn& turn : turns) {
    for (const Message& message : turn.question)
      text += fmt::format("{} {}\n", message.role == Role::assistant ? kAssistant : kUser,
                          message.content);
    text += kAssistant;
    if (&turn != &turns.back()) text += fmt::format(" {}\n", turn.answer);
  }
  return text;
}

}  // namespace

Result<ChatForm> ChatForm::choose(const OpenModel& open, const std::string& folder,
                                  const std::string& wanted, bool is_tuned) {
  ChatForm form;
  const bool has_template = has_chat_template(folder);
  Result<ConversationFormat> format = ConversationFormat::create(*open.tokenizer);
  if (wanted == "conversation" && !format) return std::move(format).error().within(folder);
  const bool is_likely = is_tuned || has_template;
  if (format && (wanted == "conversation" || (wanted == "auto" && is_likely))) {
    form.format_ = *format;
    return form;
  }
  if (has_template && !format)
    form.introduction_ =
        "This model has a chat template of another form than DeepSeek's: it is asked in plain "
        "text,\n\"User: ...\", \"Assistant: ...\". /help tells what else there is.\n";
  else
    form.introduction_ =
        "This is a base model, without a chat template: it continues the text \"User: ...\",\n"
        "\"Assistant: ...\" and may not answer. /help tells what else there is.\n";
  return form;
}

Result<std::vector<int>> ChatForm::prompt(const OpenModel& open,
                                          std::span<const ChatTurn> turns) const {
  if (!format_) return encode_prompt(open, transcript(turns), false);
  std::vector<Message> messages;
  for (const ChatTurn& turn : turns) {
    for (const Message& message : turn.question)
      if (message.role != Role::system || messages.empty()) messages.push_back(message);
    if (&turn != &turns.back()) messages.push_back({Role::assistant, turn.answer});
  }
  return format_->prompt(messages);
}

void ChatForm::set_ends(const OpenModel& open, Request& request) const {
  request.stop_ids = end_ids(open);
  if (format_)
    request.stop_ids.push_back(format_->end());
  else
    request.stops = {std::string("\n") + kUser};
}

}  // namespace weir
