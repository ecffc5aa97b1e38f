#include "cli/chat_form.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir {
namespace {

// Also keeps the model from speaking for its user.
constexpr const char* kUser = "User:";
constexpr const char* kAssistant = "Assistant:";

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

// One system message at most, at the beginning.
std::vector<Message> messages_of(std::span<const ChatTurn> turns) {
  std::vector<Message> messages;
  for (const ChatTurn& turn : turns) {
    for (const Message& message : turn.question)
      if (message.role != Role::system || messages.empty()) messages.push_back(message);
    if (&turn != &turns.back()) messages.push_back({Role::assistant, turn.answer});
  }
  return messages;
}

std::string text_of(const Tokenizer& tokenizer, int id) {
  return id < 0 ? std::string() : std::string(tokenizer.token_bytes(id));
}

}  // namespace

Result<void> ChatForm::use_template(const OpenModel& open, const std::string& path,
                                    std::optional<bool> thinking) {
  ChatTokens tokens;
  tokens.bos = text_of(*open.tokenizer, open.tokenizer->bos());
  tokens.eos = text_of(*open.tokenizer, open.tokenizer->eos());
  template_ = TRY_IN(path, ChatTemplate::create(open.chat_template, tokens));
  thinking_ = thinking;
  if (thinking && !template_->reads("enable_thinking") && !template_->reads("thinking"))
    introduction_ =
        "The model's chat template knows no switch for thinking, so --thinking means "
        "nothing to it.\n";
  return {};
}

Result<ChatForm> ChatForm::choose(const OpenModel& open, const std::string& path,
                                  const ChatFormOptions& options) {
  ChatForm form;
  const std::string& wanted = options.wanted;
  const bool has_template = !open.chat_template.empty();
  const bool is_ours = options.is_tuned || open.chat_template == conversation_chat_template();
  Result<ConversationFormat> format = ConversationFormat::create(*open.tokenizer);
  if (wanted == "conversation" && !format) return std::move(format).error().within(path);
  if (wanted == "template" && !has_template)
    return Error{path +
                 ": has no chat template (tokenizer_config.json, chat_template.jinja or GGUF's "
                 "tokenizer.chat_template); use --form conversation or plain"};
  if (format && (wanted == "conversation" || (wanted == "auto" && is_ours))) {
    form.format_ = *format;
    return form;
  }
  if (has_template && wanted != "plain") {
    Result<void> used = form.use_template(open, path, options.thinking);
    if (!used) return Error{used.error().message + " (--form plain does without it)"};
    return form;
  }
  form.introduction_ =
      has_template
          ? "The model is asked in plain text, \"User: ...\", \"Assistant: ...\", without its chat "
            "template. /help tells\nwhat else there is.\n"
          : "This is a base model, without a chat template: it continues the text \"User: ...\",\n"
            "\"Assistant: ...\" and may not answer. /help tells what else there is.\n";
  return form;
}

Result<std::vector<int>> ChatForm::prompt(const OpenModel& open, std::span<const ChatTurn> turns) {
  if (is_plain()) return encode_prompt(open, transcript(turns), false);
  const std::vector<Message> messages = messages_of(turns);
  if (format_) return format_->prompt(messages);
  TemplateOptions options;
  options.thinking = thinking_;
  const RenderedTemplate rendered = TRY(template_->render(messages_json(messages), options));
  begins_thinking_ = opens_thinking(rendered);
  return open.tokenizer->encode_rendered(rendered);
}

void ChatForm::set_ends(const OpenModel& open, Request& request) const {
  request.stop_ids = end_ids(open);
  if (format_) request.stop_ids.push_back(format_->end());
  if (is_plain()) request.stops = {std::string("\n") + kUser};
}

ReplyMarks ChatForm::marks(const OpenModel& open) const {
  if (format_) return reply_marks(*format_);
  ReplyMarks marks;
  marks.think = open.tokenizer->find_added("<think>").value_or(-1);
  marks.end_of_thinking = open.tokenizer->find_added("</think>").value_or(-1);
  marks.ends = end_ids(open);
  marks.begins_thinking = begins_thinking_ && marks.end_of_thinking >= 0;
  return marks;
}

std::string ChatForm::answer_of(const OpenModel& open, const Completion& completion) const {
  if (is_plain()) return std::string(trim(completion.text));
  if (format_) return format_->parse(completion.tokens).answer;
  ReplyStream stream(*open.tokenizer, marks(open));
  std::string answer;
  const auto keep = [&](const std::vector<ReplyPiece>& pieces) {
    for (const ReplyPiece& piece : pieces)
      if (piece.part == ReplyPiece::Part::answer) answer += piece.text;
  };
  for (int token : completion.tokens) keep(stream.push(token));
  keep(stream.finish());
  return answer;
}

}  // namespace weir
