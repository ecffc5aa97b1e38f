// ChatForm::encode_begun(): a prompt that ends inside of the assistant's reply.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "chat/chat_form.h"

namespace weir {
namespace {

bool begins_blank(const std::string& text) { return std::isspace(uint8_t(text[0])) != 0; }

// What the last message begins.
struct Begun {
  std::string thinking, answer;  // "" if they are blank
  explicit Begun(const Json& message)
      : thinking(message.text_at("reasoning_content")), answer(message.text_at("content")) {
    if (trim(thinking).empty()) thinking.clear();
    if (trim(answer).empty()) answer.clear();
  }
  bool is_thought() const { return answer.empty() && !thinking.empty(); }
};

Json without_last_message(const Json& messages) {
  Json list = messages;
  list.items().pop_back();
  return list;
}

// Where a text of the last message ends in what the template wrote; npos: the template leaves it
// out. The same conversation with a longer text differs there and no further back. Blanks at the
// text's end are in if the template keeps them, as transformers has it.
Result<size_t> end_of_last(const ChatTemplate& made, const TemplateOptions& options,
                           const Json& messages, const RenderedTemplate& rendered,
                           const char* key) {
  Json longer = messages;
  Json& message = longer.items().back();
  const std::string text = message.text_at(key);
  message.set(key, text + (trim(text).ends_with('x') ? "y" : "x"));
  const RenderedTemplate other = TRY(made.render(longer, options));
  if (other.text == rendered.text) return std::string::npos;
  const auto [end, other_end] = std::mismatch(rendered.text.rbegin(), rendered.text.rend(),
                                              other.text.rbegin(), other.text.rend());
  return size_t(rendered.text.rend() - end);
}

void append_begun(const Begun& begun, RenderedTemplate& rendered) {
  const bool is_open = opens_thinking(rendered);
  if (!begun.thinking.empty()) {
    if (!is_open) rendered.append("<think>\n", true);
    rendered.append(begun.thinking, false);
  }
  if (begun.answer.empty()) return;
  if (is_open || !begun.thinking.empty()) rendered.append("\n</think>\n\n", true);
  rendered.append(begun.answer, false);
}

}  // namespace

Result<ChatPrompt> ChatForm::encode_begun_template(const OpenModel& open, const Json& messages,
                                                   TemplateOptions options) const {
  const Begun begun(messages.items().back());
  options.add_generation_prompt = false;
  Json marked = messages;  // what DeepSeek's templates ask for; others do not look
  marked.items().back().set("prefix", true);
  RenderedTemplate rendered = TRY(template_->render(marked, options));
  const auto end_of = [&](const char* key) {
    return end_of_last(*template_, options, marked, rendered, key);
  };
  const size_t end = TRY(end_of(begun.is_thought() ? "reasoning_content" : "content"));
  // A model that does not think gets no thought, as its template has it.
  const bool can_think = open.tokenizer->find_added("<think>").has_value();
  const bool has_thought = !begun.thinking.empty() && can_think;
  const size_t thought = has_thought ? TRY(end_of("reasoning_content")) : 0;
  if (end != std::string::npos && thought <= end) {
    rendered = rendered.slice(0, end);
  } else {
    if (begun.is_thought() && !can_think)
      return Error{"this model has no thinking that could be continued"};
    options.add_generation_prompt = true;
    rendered = TRY(template_->render(without_last_message(messages), options));
    append_begun(begun, rendered);
  }
  return ChatPrompt{TRY(open.tokenizer->encode_rendered(rendered)), begun.is_thought(), true};
}

Result<ChatPrompt> ChatForm::encode_begun(const OpenModel& open, const Json& messages,
                                          TemplateOptions options) const {
  const Begun begun(messages.items().back());
  if (begun.answer.empty() && begun.thinking.empty())
    return encode(open, without_last_message(messages), options);
  if (template_) {
    if (!options.thinking) options.thinking = thinking_;
    const Json told = tell_tools(messages, options);
    return encode_begun_template(open, told, std::move(options));
  }
  ChatPrompt prompt = TRY(encode(open, without_last_message(messages), options));
  const auto append = [&](const std::string& text) -> Result<void> {
    const std::vector<int> more = TRY(open.tokenizer->encode(text));
    prompt.tokens.insert(prompt.tokens.end(), more.begin(), more.end());
    return {};
  };
  prompt.continues = true;
  if (!format_) {
    const std::string& text = begun.is_thought() ? begun.thinking : begun.answer;
    TRY(append(begins_blank(text) ? text : " " + text));
    return prompt;
  }
  const bool is_open = prompt.begins_thinking;
  if (!begun.thinking.empty()) {
    if (!is_open) prompt.tokens.push_back(format_->think());
    TRY(append(begun.thinking));
  }
  if (!begun.answer.empty()) {
    if (is_open || !begun.thinking.empty()) prompt.tokens.push_back(format_->end_of_thinking());
    TRY(append(begun.answer));
  }
  prompt.begins_thinking = begun.is_thought();
  return prompt;
}

}  // namespace weir
