// How a conversation is put to a model: by the template in its files, in DeepSeek's tokens, or as
// plain text.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/open_model.h"
#include "tasks/problem.h"
#include "text/chat_template.h"
#include "text/reply_stream.h"

namespace weir {

// One question with its answer, empty until it was given. A problem is asked without the turns
// before it, as evaluation does.
struct ChatTurn {
  std::vector<Message> question;
  std::string answer = {};
  std::optional<Problem> problem = {};
};

struct ChatFormOptions {
  // "auto", "template", "conversation" or "plain". auto: conversation for models tuned by weir
  // (`is_tuned`, or its own template) whose tokenizer has the control tokens; else the template of
  // the files; plain where there is none.
  std::string wanted = "auto";
  bool is_tuned = false;
  std::optional<bool> thinking = {};  // told to the template
};

class ChatForm {
 public:
  static Result<ChatForm> choose(const OpenModel& open, const std::string& path,
                                 const ChatFormOptions& options);

  bool is_plain() const { return !format_ && !template_; }
  // What to tell the user about it.
  const std::string& introduction() const { return introduction_; }

  // The last turn is the one to answer.
  Result<std::vector<int>> prompt(const OpenModel& open, std::span<const ChatTurn> turns);
  // What ends an answer.
  void set_ends(const OpenModel& open, Request& request) const;
  // Where the reply to the last prompt is cut; not for plain text.
  ReplyMarks marks(const OpenModel& open) const;
  // What of a reply is the answer, without its thinking.
  std::string answer_of(const OpenModel& open, const Completion& completion) const;

 private:
  Result<void> use_template(const OpenModel& open, const std::string& path,
                            std::optional<bool> thinking);

  std::optional<ConversationFormat> format_;
  std::optional<ChatTemplate> template_;
  std::optional<bool> thinking_;
  bool begins_thinking_ = false;  // the last prompt ended with <think>
  std::string introduction_;
};

}  // namespace weir
