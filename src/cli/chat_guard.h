// The guard over a conversation on the terminal: the same rules, heads and gate as a server's, but
// no audit log and no judge.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "cli/reply_printer.h"
#include "guard/argument_rule.h"
#include "guard/streaming_gate.h"
#include "heads/head_watch.h"

namespace weir {

class ChatGuard : public ReplyGate {
 public:
  // A policy's file or name. A note on stderr says what of it is not used here.
  static Result<std::unique_ptr<ChatGuard>> open(const std::string& policy);
  // The model that answers from now on; it outlives its replies.
  void use_model(const Model& model);

  // Judges what was asked in the last turn, and changes what is to be changed. The text of a
  // refusal; then the turn shows the model a mark.
  std::optional<std::string> screen(std::vector<ChatTurn>& turns, const ChatContext& context);
  // Before a reply; `request` is the reply's. `resumes`: it goes on with the one before.
  void begin(Request& request, bool resumes);
  std::vector<ReplyPiece> pass(std::vector<ReplyPiece> pieces, bool is_last) override;
  bool is_ended() const override { return is_ended_; }
  // Of calls of tools: the text of a refusal, else they may be shown. Changes their arguments.
  std::optional<std::string> screen_calls(Json& calls);
  // What was shown of the reply, as the conversation keeps it.
  const std::string& answer() const { return answer_text_; }

 private:
  explicit ChatGuard(std::shared_ptr<const Guard> guard) : guard_(std::move(guard)) {}
  const Policy& policy() const { return guard_->policy(); }
  void score();
  void end_with(const GuardVerdict& verdict, std::vector<ReplyPiece>& out);

  const std::shared_ptr<const Guard> guard_;
  PolicyHeads heads_;
  CallContext calls_;
  std::unique_ptr<HeadWatch> watch_;
  std::optional<StreamingGate> thinking_, answer_;
  std::string answer_text_;
  size_t tokens_ = 0;  // of the reply
  bool is_thinking_over_ = false, is_ended_ = false;
};

}  // namespace weir
