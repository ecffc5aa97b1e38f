// Encodes a conversation for a model: with the template in its files, in DeepSeek's tokens, or as
// plain text.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/chat_template.h"
#include "chat/open_model.h"
#include "chat/reply_stream.h"

namespace weir {

struct Problem;

// One question with its answer, empty until there is one. A problem is asked without the turns
// before it, as in evaluation.
struct ChatTurn {
  std::vector<Message> question = {};
  std::string answer = {};
  std::shared_ptr<const Problem> problem = {};
  Json calls = {};         // the answer's tool calls: OpenAI's 'tool_calls'
  bool is_result = false;  // the question is the result of the previous turn's calls
  bool has_calls() const { return calls.size() > 0; }
};

// What every prompt of a conversation has beside its turns.
struct ChatContext {
  std::string system;              // "": none
  std::optional<Json> tools = {};  // check_tools()
};

struct ChatFormOptions {
  // "auto", "template", "conversation" or "plain". auto: conversation for models made by weir (its
  // own template, or `is_tuned` without one) whose tokenizer has the control tokens; else the
  // template of the files; plain where there is none.
  std::string wanted = "auto";
  bool is_tuned = false;
  std::optional<bool> thinking = {};  // told to the template
};

// A reply taken apart.
struct ChatReply {
  std::string answer;
  Json calls = {};
};

// The tokens of a conversation up to where the model continues.
struct ChatPrompt {
  std::vector<int> tokens;
  bool begins_thinking = false;  // the prompt ended with <think>, or inside of a thought
  bool continues = false;        // the prompt ended inside of the reply
};

class ChatForm {
 public:
  static Result<ChatForm> choose(const OpenModel& open, const std::string& path,
                                 const ChatFormOptions& options);

  bool is_plain() const { return !format_ && !template_; }
  // For the user: which form was chosen and why.
  const std::string& introduction() const { return introduction_; }

  // Fails for a template that refuses the system prompt or the tools, or leaves them out.
  Result<void> check(const ChatContext& context) const;
  // The last turn is the one to answer. A problem comes without the context.
  Result<std::vector<int>> prompt(const OpenModel& open, const ChatContext& context,
                                  std::span<const ChatTurn> turns);
  // Any conversation, in OpenAI's messages ('role', 'content' and what the template reads); the
  // form does not change, so many threads may call it. `options`: for a template alone; the form's
  // own choice of thinking stands where they have none. Fails for roles that the form lacks,
  // and for tools without a template; one that takes none gets them in words (spoken_tools.h).
  Result<ChatPrompt> encode(const OpenModel& open, const Json& messages,
                            TemplateOptions options = {}) const;
  // As encode(), but the last message, of the assistant, is the beginning of the reply: the prompt
  // ends after its text, or after its reasoning if that is all it has. The rendered conversation is
  // cut there; where the template leaves the text out, it is written after the generation prompt.
  Result<ChatPrompt> encode_begun(const OpenModel& open, const Json& messages,
                                  TemplateOptions options = {}) const;
  bool has_thinking_switch() const { return template_ && template_->has_thinking_switch(); }
  // Whether the model's template reads a variable.
  bool reads(std::string_view variable) const { return template_ && template_->reads(variable); }
  // What ends an answer.
  void set_ends(const OpenModel& open, Request& request) const;
  // The marks that split the reply to the last prompt; not for plain text.
  ReplyMarks marks(const OpenModel& open, const ChatContext& context) const;
  ReplyMarks marks(const OpenModel& open, bool begins_thinking, bool has_tools) const;
  // The reply to the last prompt, without its thinking. `text`: the reply, for plain text.
  ChatReply reply_of(const OpenModel& open, const ChatContext& context,
                     const std::vector<int>& tokens, const std::string& text) const;

 private:
  Result<void> use_template(const OpenModel& open, const std::string& path,
                            std::optional<bool> thinking);
  Result<RenderedTemplate> render(const ChatContext& context,
                                  std::span<const ChatTurn> turns) const;
  // For a template that takes no tools: the messages with them in words, and no tools in `options`.
  Json tell_tools(const Json& messages, TemplateOptions& options) const;
  Result<ChatPrompt> encode_begun_template(const OpenModel& open, const Json& messages,
                                           TemplateOptions options) const;

  std::optional<ConversationFormat> format_;
  std::optional<ChatTemplate> template_;
  std::optional<bool> thinking_;
  bool shows_system_ = false;     // the template writes system messages
  bool begins_thinking_ = false;  // the last prompt ended with <think>
  std::string introduction_;
};

}  // namespace weir
