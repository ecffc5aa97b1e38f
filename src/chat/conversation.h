// A conversation as tokens, in the form DeepSeek-R1 writes it:
//   BOS [system] <｜User｜>question<｜Assistant｜><think>thinking</think>answer EOS ...
// or in that of a model's own chat template (template_conversation.h).
// Messages are encoded as plain text, so users can not write control tokens. The same pass makes
// the training mask: which tokens the model has to produce.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace weir {

enum class Role { system, user, assistant };
const char* role_name(Role role);

struct Message {
  Role role = Role::user;
  std::string content = {};
  // Assistant only: the text between <think> and </think>; no think block without has_thinking.
  std::string thinking = {};
  bool has_thinking = false;
};

// `trained[i]`: token i is produced by the model, so it is a target of supervised training. Those
// are the assistant's tokens, its end of sequence included, <｜Assistant｜> not.
struct RenderedConversation {
  std::vector<int> tokens;
  std::vector<uint8_t> trained;
};

// An assistant's tokens taken apart.
struct ParsedReply {
  std::string thinking, answer;  // valid UTF-8, outer blanks removed
  int thinking_tokens = 0;       // between the marks; all tokens when the block is never closed
  bool has_thinking = false;     // begins with <think>
  bool is_closed = true;         // no think block, or one that is closed
  bool is_ended = false;         // the end of sequence was written
  // At most one think block, at the beginning, closed, followed by an answer and the end.
  bool is_well_formed = false;
};

class TemplateConversation;
struct ModelTemplate;

class ConversationFormat {
 public:
  // Fails when the tokenizer lacks one of the control tokens, naming it. The tokenizer outlives the
  // format.
  static Result<ConversationFormat> create(const Tokenizer& tokenizer);
  // The form of a model's chat template; fails as TemplateConversation::create() does.
  static Result<ConversationFormat> of_template(const Tokenizer& tokenizer, ModelTemplate model);

  // Everything up to and with <｜Assistant｜> (or the template's generation prompt): the model
  // answers next. The last message is not the assistant's.
  Result<std::vector<int>> prompt(std::span<const Message> messages) const;
  // A whole conversation; the last message is the assistant's. Only its last reply is trained
  // unless `all_replies`.
  Result<RenderedConversation> render(std::span<const Message> messages,
                                      bool all_replies = true) const;
  // Tokens that a model drew after prompt().
  ParsedReply parse(std::span<const int> tokens) const;

  int end() const { return ends_.front(); }               // that training data has
  const std::vector<int>& ends() const { return ends_; }  // of a reply; not empty
  int think() const { return think_; }                    // -1: the tokenizer has no such token
  int end_of_thinking() const { return end_think_; }
  // A reply continues inside of a thought: the prompt ended with <think>.
  bool begins_thinking() const { return begins_thinking_; }
  bool has_template() const { return template_ != nullptr; }

 private:
  explicit ConversationFormat(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  Result<void> append(const Message& message, bool trained, RenderedConversation& out) const;
  Result<void> append_text(std::string_view text, bool trained, RenderedConversation& out) const;
  std::string text_of(std::span<const int> tokens) const;

  const Tokenizer* tokenizer_;
  std::shared_ptr<const TemplateConversation> template_;  // null: DeepSeek's form
  std::vector<int> ends_;
  bool begins_thinking_ = false;
  int bos_ = -1, eos_ = -1, user_ = -1, assistant_ = -1, think_ = -1, end_think_ = -1;
};

// The same form as a Jinja template, for tokenizer_config.json: what other programs render with.
std::string conversation_chat_template();

}  // namespace weir
