// A conversation as tokens in the form of a model's own chat template. A prompt is the template's
// text with a generation prompt; the training targets are the rest of the same conversation with
// its reply, up to and with the token that ends the reply.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "chat/conversation.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The chat template and ends of replies from a model's files.
struct ModelTemplate {
  std::string source;                 // the Jinja template
  std::vector<int> ends = {};         // tokens that end a reply, as the files name them
  std::optional<bool> thinking = {};  // sets the template's enable_thinking and thinking
};

class TemplateConversation {
 public:
  // Renders a question and its reply to learn how the template writes replies. Fails when it can
  // not, when nothing ends a reply, or when the reply does not follow the generation prompt. The
  // tokenizer outlives the result.
  static Result<TemplateConversation> create(const Tokenizer& tokenizer, ModelTemplate model);

  // As ConversationFormat's functions of the same names.
  Result<std::vector<int>> prompt(std::span<const Message> messages) const;
  Result<RenderedConversation> render(std::span<const Message> messages, bool all_replies) const;
  ParsedReply parse(std::span<const int> tokens) const;

  const std::vector<int>& ends() const { return ends_; }
  int think() const { return think_; }  // -1: the tokenizer has no such token
  int end_of_thinking() const { return end_think_; }
  bool begins_thinking() const { return begins_thinking_; }

 private:
  TemplateConversation(const Tokenizer& tokenizer, ChatTemplate chat_template)
      : tokenizer_(&tokenizer), template_(std::move(chat_template)) {}
  Result<void> probe();
  Result<TracedText> write(std::span<const Message> messages, bool asks) const;
  Result<TracedText> ask(std::span<const Message> messages) const;
  Result<TracedText> reply_after(const TracedText& prompt, std::span<const Message> messages) const;
  size_t end_of_reply(const TracedText& text, size_t begin) const;
  void find_end_token(const TracedText& text, size_t begin);
  Result<void> mark_earlier(std::span<const Message> messages, const TracedText& prompt,
                            RenderedConversation& out) const;
  ParsedReply parse_text(std::span<const int> tokens, ParsedReply reply) const;

  const Tokenizer* tokenizer_;
  ChatTemplate template_;
  std::optional<bool> thinking_;
  std::vector<int> ends_;
  int appended_end_ = -1;  // of a template that writes none
  int think_ = -1, end_think_ = -1;
  bool begins_thinking_ = false;  // the generation prompt ends with <think>
  bool writes_thinking_ = false;  // 'reasoning_content' is in what the template writes
};

}  // namespace weir
