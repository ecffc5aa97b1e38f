#include "chat/conversation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "chat/template_conversation.h"

namespace weir {
namespace {

constexpr char kBos[] = "<｜begin▁of▁sentence｜>", kEos[] = "<｜end▁of▁sentence｜>";
constexpr char kUser[] = "<｜User｜>", kAssistant[] = "<｜Assistant｜>";
constexpr char kThink[] = "<think>", kEndThink[] = "</think>";
constexpr size_t kMessagesMax = 4096;

Result<void> check_order(std::span<const Message> messages) {
  if (messages.empty()) return Error{"a conversation needs at least one message"};
  if (messages.size() > kMessagesMax) return Error{"a conversation of more than 4096 messages"};
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].role == Role::system && i > 0)
      return Error{"message " + std::to_string(i + 1) +
                   " is a system message; only the first one can be"};
  return {};
}

}  // namespace

const char* role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
  }
  return "";
}

Result<ConversationFormat> ConversationFormat::create(const Tokenizer& tokenizer) {
  ConversationFormat format(tokenizer);
  const std::array<std::pair<const char*, int*>, 6> wanted = {{{kBos, &format.bos_},
                                                               {kEos, &format.eos_},
                                                               {kUser, &format.user_},
                                                               {kAssistant, &format.assistant_},
                                                               {kThink, &format.think_},
                                                               {kEndThink, &format.end_think_}}};
  for (const auto& [text, id] : wanted) {
    std::optional<int> found = tokenizer.find_added(text);
    if (!found)
      return Error{std::string("the tokenizer has no token '") + text +
                   "', which conversations are written with; learn one with 'chat_tokens: true'"};
    *id = *found;
  }
  format.ends_ = {format.eos_};
  return format;
}

Result<ConversationFormat> ConversationFormat::of_template(const Tokenizer& tokenizer,
                                                           ModelTemplate model) {
  auto made = std::make_shared<const TemplateConversation>(
      TRY(TemplateConversation::create(tokenizer, std::move(model))));
  ConversationFormat format(tokenizer);
  format.ends_ = made->ends();
  format.think_ = made->think();
  format.end_think_ = made->end_of_thinking();
  format.begins_thinking_ = made->begins_thinking();
  format.template_ = std::move(made);
  return format;
}

Result<void> ConversationFormat::append_text(std::string_view text, bool trained,
                                             RenderedConversation& out) const {
  std::vector<int> ids = TRY(tokenizer_->encode(text));
  out.tokens.insert(out.tokens.end(), ids.begin(), ids.end());
  out.trained.resize(out.tokens.size(), trained);
  return {};
}

Result<void> ConversationFormat::append(const Message& message, bool trained,
                                        RenderedConversation& out) const {
  auto control = [&](int id, bool is_trained) {
    out.tokens.push_back(id);
    out.trained.push_back(is_trained);
  };
  if (message.role == Role::system) return append_text(message.content, false, out);
  if (message.role == Role::user) {
    control(user_, false);
    return append_text(message.content, false, out);
  }
  control(assistant_, false);
  if (message.has_thinking) {
    control(think_, trained);
    TRY(append_text(message.thinking, trained, out));
    control(end_think_, trained);
  }
  TRY(append_text(message.content, trained, out));
  control(eos_, trained);
  return {};
}

Result<std::vector<int>> ConversationFormat::prompt(std::span<const Message> messages) const {
  TRY(check_order(messages));
  if (messages.back().role == Role::assistant)
    return Error{"the last message is the assistant's, so there is nothing to answer"};
  if (template_) return template_->prompt(messages);
  RenderedConversation out{{bos_}, {0}};
  for (const Message& message : messages) {
    Message said = message;
    said.has_thinking = false;  // earlier thinking is not repeated to the model, as DeepSeek does
    TRY(append(said, false, out));
  }
  out.tokens.push_back(assistant_);
  return std::move(out.tokens);
}

Result<RenderedConversation> ConversationFormat::render(std::span<const Message> messages,
                                                        bool all_replies) const {
  TRY(check_order(messages));
  if (messages.back().role != Role::assistant)
    return Error{"the last message is not the assistant's, so nothing is trained"};
  if (template_) return template_->render(messages, all_replies);
  RenderedConversation out{{bos_}, {0}};
  for (size_t i = 0; i < messages.size(); ++i) {
    Message message = messages[i];
    const bool is_last = i + 1 == messages.size();
    if (!is_last) message.has_thinking = false;
    TRY(append(message, all_replies || is_last, out));
  }
  return out;
}

std::string ConversationFormat::text_of(std::span<const int> tokens) const {
  Result<std::string> text = tokenizer_->decode(tokens);
  return text ? std::string(trim(*text)) : std::string();
}

ParsedReply ConversationFormat::parse(std::span<const int> tokens) const {
  if (template_) return template_->parse(tokens);
  ParsedReply reply;
  auto end = std::find(tokens.begin(), tokens.end(), eos_);
  reply.is_ended = end != tokens.end();
  tokens = tokens.first(size_t(end - tokens.begin()));
  reply.has_thinking = !tokens.empty() && tokens.front() == think_;
  std::span<const int> answer = tokens;
  if (reply.has_thinking) {
    tokens = tokens.subspan(1);
    auto close = std::find(tokens.begin(), tokens.end(), end_think_);
    reply.is_closed = close != tokens.end();
    std::span<const int> thinking = tokens.first(size_t(close - tokens.begin()));
    answer = reply.is_closed ? tokens.subspan(thinking.size() + 1) : tokens.last(0);
    reply.thinking_tokens = int(thinking.size());
    reply.thinking = text_of(thinking);
  }
  auto is_mark = [&](int id) { return id == think_ || id == end_think_; };
  const bool has_stray_marks = std::any_of(answer.begin(), answer.end(), is_mark);
  reply.answer = text_of(answer);
  reply.is_well_formed =
      reply.is_ended && reply.is_closed && !has_stray_marks && !reply.answer.empty();
  return reply;
}

std::string conversation_chat_template() {
  return "{{ bos_token }}{% for message in messages %}"
         "{% if message['role'] == 'system' %}{{ message['content'] }}"
         "{% elif message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
         "{% elif message['role'] == 'assistant' %}{{ '<｜Assistant｜>' }}"
         "{% if loop.last and message['reasoning_content'] is defined %}"
         "{{ '<think>' + message['reasoning_content'] + '</think>' }}{% endif %}"
         "{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
         "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";
}

}  // namespace weir
