// How a conversation is put to a model: in DeepSeek's tokens, or as plain text.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/open_model.h"
#include "tasks/problem.h"

namespace weir {

// One question with its answer, empty until it was given. A problem is asked without the turns
// before it, as evaluation does.
struct ChatTurn {
  std::vector<Message> question;
  std::string answer = {};
  std::optional<Problem> problem = {};
};

class ChatForm {
 public:
  // `wanted`: "auto", "conversation" or "plain". auto: conversation when the tokenizer has its
  // control tokens and the model is likely to know them: `is_tuned`, or a chat template beside it.
  static Result<ChatForm> choose(const OpenModel& open, const std::string& folder,
                                 const std::string& wanted, bool is_tuned);

  // Null for plain text.
  const ConversationFormat* format() const { return format_ ? &*format_ : nullptr; }
  // What to tell the user about it.
  const std::string& introduction() const { return introduction_; }

  // The last turn is the one to answer.
  Result<std::vector<int>> prompt(const OpenModel& open, std::span<const ChatTurn> turns) const;
  // What ends an answer.
  void set_ends(const OpenModel& open, Request& request) const;

 private:
  std::optional<ConversationFormat> format_;
  std::string introduction_;
};

}  // namespace weir
