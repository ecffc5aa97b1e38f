// The guard over one reply: what a ReplyText found passes it before it is written.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guard/judge.h"
#include "guard/streaming_gate.h"
#include "serve/guard_desk.h"
#include "serve/reply_writer.h"

namespace weir {

class ReplyGuard {
 public:
  // The desk and the request outlive it. `has_judge`: who asks take_question().
  ReplyGuard(GuardDesk& desk, const GuardedRequest& request, bool has_judge = false);

  // Scores of heads before the reply's token `number`, from 0 (heads/head_watch.h): those of the
  // prompt first. Call it before the pass() of that token.
  void score(size_t number, std::span<const float> scores);
  // Changes `parts` into what may leave. After is_ended() the rest of the reply is to be left out:
  // `parts` has its end. The error: the audit log can not be written.
  std::optional<ApiError> pass(ReplyParts& parts);
  bool is_ended() const { return is_ended_; }

  // What a judge is to be asked now, once; until answer() nothing leaves. Ask after each pass(),
  // after answer(), and at the beginning.
  std::optional<JudgeQuestion> take_question() { return std::exchange(question_, std::nullopt); }
  // The judge's answer to it (nothing: none in time). What may leave, as pass() has it.
  std::optional<ApiError> answer(std::optional<double> score, ReplyParts& parts);

 private:
  void pass_thinking(ReplyParts& parts);
  void pass_answer(ReplyParts& parts, bool is_last);
  void pass_calls(ReplyParts& parts);
  void end_with(const GuardVerdict& verdict, ReplyParts& parts);
  void hold_scores(ReplyParts& parts);
  void ask(Direction direction, int category);
  bool ask_about_answer();
  // Until the judge has answered.
  bool holds() const { return is_waiting_ || answer_category_ >= 0; }
  std::optional<ApiError> finish(ReplyParts& parts);
  std::optional<ApiError> note(ReplyParts& parts);

  GuardDesk& desk_;
  const GuardedRequest& request_;
  std::optional<StreamingGate> thinking_, answer_;
  std::string thinking_text_, answer_text_;  // as they came, for the audit log
  std::string judged_text_;                  // the whole answer as it came, for a judge
  std::vector<TokenScore> thinking_scores_, answer_scores_;
  struct Noted {
    Direction direction;
    GuardVerdict verdict;
    std::string text;
  };
  std::vector<Noted> noted_;     // of calls, and of text before them
  GuardVerdict prompt_verdict_;  // of the heads
  int64_t calls_count_ = 0;
  std::optional<JudgeQuestion> question_;  // that nobody took
  JudgeQuestion asked_;
  int answer_category_ = -1;  // of the question about the answer; -1: none
  bool has_judge_, is_waiting_ = false;
  ReplyParts held_;  // until the judge has answered
  bool has_begun_ = false, has_labelled_ = false, is_changed_ = false, is_ended_ = false;
};

// A reply without a model: of a request that was refused.
ReplyParts refused_parts(const Policy& policy, const GuardVerdict& verdict);

}  // namespace weir
