// ChatForm::encode_begun(): a prompt that ends inside of the assistant's reply.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "chat/chat_form.h"

namespace weir {
namespace {

std::string text_at(const Json& message, std::string_view key) {
  const Json* value = message.find(key);
  return value ? value->text() : "";
}

bool begins_blank(const std::string& text) { return std::isspace(uint8_t(text[0])) != 0; }

// What the last message begins.
struct Begun {
  std::string thinking, answer;  // "" if they are blank
  explicit Begun(const Json& message)
      : thinking(text_at(message, "reasoning_content")), answer(text_at(message, "content")) {
    if (trim(thinking).empty()) thinking.clear();
    if (trim(answer).empty()) answer.clear();
  }
  bool is_thought() const { return answer.empty() && !thinking.empty(); }
};

Json without_last(const Json& messages) {
  Json list = messages;
  list.items().pop_back();
  return list;
}

bool is_data(const RenderedTemplate& rendered, size_t begin, size_t end) {
  return std::none_of(rendered.trusted.begin(), rendered.trusted.end(),
                      [&](const TextSpan& span) { return span.begin < end && begin < span.end; });
}

// Where the last appearance of a message's text ends, in bytes that the template took from the
// messages. Blanks at its end count as far as the template kept them, as transformers has it.
// npos: it does not appear.
size_t end_of_last(const RenderedTemplate& rendered, const std::string& text) {
  const std::string_view inner = trim(text);
  const size_t inner_begin = size_t(inner.data() - text.data());
  const std::string_view blanks = std::string_view(text).substr(inner_begin + inner.size());
  for (size_t at = rendered.text.rfind(inner); at != std::string::npos;
       at = at == 0 ? std::string::npos : rendered.text.rfind(inner, at - 1)) {
    size_t end = at + inner.size();
    if (!is_data(rendered, at, end)) continue;
    for (const char blank : blanks) {
      if (end >= rendered.text.size() || rendered.text[end] != blank ||
          !is_data(rendered, end, end + 1))
        break;
      ++end;
    }
    return end;
  }
  return std::string::npos;
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
  RenderedTemplate rendered = TRY(template_->render(messages, options));
  const size_t end = end_of_last(rendered, begun.is_thought() ? begun.thinking : begun.answer);
  // A model that does not think gets no thought, as its template has it.
  const bool can_think = open.tokenizer->find_added("<think>").has_value();
  const size_t thought =
      begun.thinking.empty() || !can_think ? 0 : end_of_last(rendered, begun.thinking);
  if (end != std::string::npos && thought <= end) {
    rendered = rendered.slice(0, end);
  } else {
    if (begun.is_thought() && !can_think)
      return Error{"this model has no thinking that could be continued"};
    options.add_generation_prompt = true;
    rendered = TRY(template_->render(without_last(messages), options));
    append_begun(begun, rendered);
  }
  return ChatPrompt{TRY(open.tokenizer->encode_rendered(rendered)), begun.is_thought(), true};
}

Result<ChatPrompt> ChatForm::encode_begun(const OpenModel& open, const Json& messages,
                                          TemplateOptions options) const {
  const Begun begun(messages.items().back());
  if (begun.answer.empty() && begun.thinking.empty())
    return encode(open, without_last(messages), options);
  if (template_) {
    if (!options.thinking) options.thinking = thinking_;
    if (options.tools && !template_->reads("tools"))
      return Error{"the model's chat template takes no tools"};
    return encode_begun_template(open, messages, options);
  }
  ChatPrompt prompt = TRY(encode(open, without_last(messages), options));
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
