// ChatForm::encode(): a conversation as a server gets it, with every role and several system
// messages.
#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "chat/chat_form.h"
#include "chat/chat_tools.h"
#include "chat/spoken_tools.h"

namespace weir {
namespace {

Error unknown_role(std::string_view role) {
  return Error{fmt::format(
      "the role '{}' is not known to this model, which has no chat template; use system, user and "
      "assistant",
      printable(role))};
}

// The roles that weir's own forms have.
Result<std::vector<Message>> plain_messages(const Json& messages) {
  std::vector<Message> list;
  for (const Json& message : messages.items()) {
    const std::string_view role = message.text_at("role");
    Message next{.content = std::string(message.text_at("content"))};
    if (role == "system")
      next.role = Role::system;
    else if (role == "assistant")
      next.role = Role::assistant;
    else if (role != "user")
      return unknown_role(role);
    // One system message, at the beginning.
    if (next.role == Role::system && !list.empty() && list[0].role == Role::system)
      list[0].content += "\n\n" + next.content;
    else if (next.role == Role::system)
      list.insert(list.begin(), std::move(next));
    else
      list.push_back(std::move(next));
  }
  return list;
}

// "User: ...", "Assistant: ..." as ChatForm::prompt() writes them.
std::string transcript_of(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) {
    if (message.role == Role::system)
      text += message.content + "\n\n";
    else
      text += fmt::format(
          "{} {}\n", message.role == Role::assistant ? "Assistant:" : "User:", message.content);
  }
  return text + "Assistant:";
}

}  // namespace

Json ChatForm::tell_tools(const Json& messages, TemplateOptions& options) const {
  if (!options.tools || template_->reads("tools")) return messages;
  const Json* tools = std::exchange(options.tools, nullptr);
  return speak_tools(messages, *tools, shows_system_);
}

Result<ChatPrompt> ChatForm::encode(const OpenModel& open, const Json& messages,
                                    TemplateOptions options) const {
  if (template_) {
    if (!options.thinking) options.thinking = thinking_;
    const Json told = tell_tools(messages, options);
    const RenderedTemplate rendered = TRY(template_->render(told, options));
    return ChatPrompt{TRY(open.tokenizer->encode_rendered(rendered)), opens_thinking(rendered)};
  }
  if (options.tools) return Error{"tools need a model with a chat template"};
  const std::vector<Message> list = TRY(plain_messages(messages));
  if (list.empty() || list.back().role == Role::assistant)
    return Error{"the last message must be the user's"};
  if (format_) return ChatPrompt{TRY(format_->prompt(list)), format_->begins_thinking()};
  return ChatPrompt{TRY(encode_prompt(open, transcript_of(list), false))};
}

}  // namespace weir
