#include "chat/chat_form.h"

#include <fmt/format.h>

#include "base/text.h"
#include "chat/chat_tools.h"

namespace weir {
namespace {

// Also keeps the model from speaking for its user.
constexpr const char* kUser = "User:";
constexpr const char* kAssistant = "Assistant:";

std::string transcript(const std::string& system, std::span<const ChatTurn> turns) {
  std::string text = system.empty() ? "" : system + "\n\n";
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
std::vector<Message> messages_of(const std::string& system, std::span<const ChatTurn> turns) {
  std::vector<Message> messages;
  if (!system.empty()) messages.push_back({Role::system, system});
  for (const ChatTurn& turn : turns) {
    for (const Message& message : turn.question)
      if (message.role != Role::system || messages.empty()) messages.push_back(message);
    if (&turn != &turns.back()) messages.push_back({Role::assistant, turn.answer});
  }
  return messages;
}

// The same with calls and their results.
Json template_messages(const std::string& system, std::span<const ChatTurn> turns) {
  Json list = Json::array();
  auto add = [&](const char* role, const std::string& content) -> Json& {
    list.push(chat_message(role, content));
    return list.items().back();
  };
  if (!system.empty()) add("system", system);
  for (const ChatTurn& turn : turns) {
    for (const Message& message : turn.question)
      if (message.role != Role::system || list.size() == 0)
        add(turn.is_result ? "tool" : role_name(message.role), message.content);
    if (&turn == &turns.back()) break;
    Json& answer = add("assistant", turn.answer);
    if (turn.has_calls()) answer.set("tool_calls", turn.calls);
  }
  return list;
}

}  // namespace

Result<void> ChatForm::use_template(const OpenModel& open, const std::string& path,
                                    std::optional<bool> thinking) {
  template_ = TRY_IN(path, ChatTemplate::create(open.chat_template, chat_tokens(*open.tokenizer)));
  thinking_ = thinking;
  if (thinking && !template_->has_thinking_switch())
    introduction_ =
        "The model's chat template knows no switch for thinking, so --thinking means "
        "nothing to it.\n";
  Json probe = Json::array();
  probe.push(chat_message("system", "zsystemz"));
  probe.push(chat_message("user", "zuserz"));
  const auto probed = template_->render(probe);
  shows_system_ = probed && probed->text.find("zsystemz") != std::string::npos;
  return {};
}

Result<ChatForm> ChatForm::choose(const OpenModel& open, const std::string& path,
                                  const ChatFormOptions& options) {
  ChatForm form;
  const std::string& wanted = options.wanted;
  const bool has_template = !open.chat_template.empty();
  // What was tuned with its own template has it still (pipeline/parent.h).
  const bool is_ours =
      (options.is_tuned && !has_template) || open.chat_template == conversation_chat_template();
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

Result<RenderedTemplate> ChatForm::render(const ChatContext& context,
                                          std::span<const ChatTurn> turns) const {
  const bool is_problem = turns.back().problem != nullptr;
  TemplateOptions options;
  options.thinking = thinking_;
  if (context.tools && !is_problem) options.tools = &*context.tools;
  const Json messages = template_messages(is_problem ? "" : context.system, turns);
  const Json told = tell_tools(messages, options);
  return template_->render(told, options);
}

Result<void> ChatForm::check(const ChatContext& context) const {
  if (context.tools && !template_) return Error{"tools need a model with a chat template"};
  if (!template_) return {};
  const ChatTurn turn{{{Role::user, "?"}}};
  const RenderedTemplate rendered = TRY(render(context, {&turn, 1}));
  const std::string wanted(trim(context.system));
  if (rendered.text.find(wanted) == std::string::npos)
    return Error{"the model's chat template leaves system prompts out; say it in the question"};
  return {};
}

Result<std::vector<int>> ChatForm::prompt(const OpenModel& open, const ChatContext& context,
                                          std::span<const ChatTurn> turns) {
  const std::string system = turns.back().problem ? "" : context.system;
  if (is_plain()) return encode_prompt(open, transcript(system, turns), false);
  if (format_) return format_->prompt(messages_of(system, turns));
  const RenderedTemplate rendered = TRY(render(context, turns));
  begins_thinking_ = opens_thinking(rendered);
  return open.tokenizer->encode_rendered(rendered);
}

void ChatForm::set_ends(const OpenModel& open, Request& request) const {
  request.stop_ids = end_ids(open);
  if (format_) request.stop_ids.push_back(format_->end());
  if (is_plain()) request.stops = {std::string("\n") + kUser};
}

ReplyMarks ChatForm::marks(const OpenModel& open, const ChatContext& context) const {
  return marks(open, begins_thinking_, context.tools.has_value());
}

ReplyMarks ChatForm::marks(const OpenModel& open, bool begins_thinking, bool has_tools) const {
  if (format_) return reply_marks(*format_);
  ReplyMarks marks;
  marks.think = open.tokenizer->find_added("<think>").value_or(-1);
  marks.end_of_thinking = open.tokenizer->find_added("</think>").value_or(-1);
  marks.ends = end_ids(open);
  marks.begins_thinking = begins_thinking && marks.end_of_thinking >= 0;
  if (!has_tools) return marks;
  for (const AddedToken& token : open.tokenizer->added_tokens())
    if (begins_tool_call(token.text))
      if (const auto id = open.tokenizer->find_added(token.text)) marks.calls.push_back(*id);
  return marks;
}

ChatReply ChatForm::reply_of(const OpenModel& open, const ChatContext& context,
                             const std::vector<int>& tokens, const std::string& text) const {
  if (is_plain()) return {std::string(trim(text))};
  if (format_) return {format_->parse(tokens).answer};
  ReplyStream stream(*open.tokenizer, marks(open, context));
  ChatReply reply;
  std::string calls;
  const auto keep = [&](const std::vector<ReplyPiece>& pieces) {
    for (const ReplyPiece& piece : pieces) {
      if (piece.part == ReplyPiece::Part::answer) reply.answer += piece.text;
      if (piece.part == ReplyPiece::Part::call) calls += piece.text;
    }
  };
  for (const int token : tokens) keep(stream.push(token));
  keep(stream.finish());
  if (!context.tools) return reply;
  FoundCalls found = find_tool_calls(reply.answer + calls, *context.tools);
  reply.answer = std::move(found.text);
  reply.calls = std::move(found.calls);
  return reply;
}

}  // namespace weir
