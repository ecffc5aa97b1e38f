#include "chat/reply.h"

#include "base/check.h"

namespace weir {

Result<Reply> Reply::create(const Request& request, const Tokenizer& tokenizer) {
  return Reply(request, tokenizer, TRY(StopScanner::create(request.stops)));
}

std::string_view Reply::push(const Drawn& drawn) {
  CHECK(!is_finished_);
  const SampledToken& token = drawn.token;
  completion_.tokens.push_back(token.token);
  completion_.log_probabilities.push_back(token.log_probability);
  completion_.model_log_probabilities.push_back(token.model_log_probability);
  completion_.policy_log_probabilities.push_back(token.policy_log_probability);
  if (!token.top.empty()) completion_.top_log_probabilities.push_back(token.top);
  if (!drawn.prompt_scores.empty()) completion_.prompt_scores = drawn.prompt_scores;
  piece_.clear();
  const bool is_end = drawn.is_last && drawn.reason == FinishReason::end;
  if (!is_end) piece_ = scanner_.push(decoder_.push(token.token));
  if (drawn.is_last || scanner_.found()) finish(drawn.reason);
  if (filter_) {
    std::optional<std::string> passed = filter_->pass(piece_, is_finished_);
    if (!passed) {
      completion_.reason = FinishReason::filtered;
      is_finished_ = true;
    }
    piece_ = passed ? *std::move(passed) : "";
  }
  completion_.text += piece_;
  return piece_;
}

// Shows what was held back; a stop string that is complete outweighs any other reason.
void Reply::finish(FinishReason reason) {
  piece_ += scanner_.push(decoder_.finish());
  piece_ += scanner_.finish();
  completion_.reason = reason;
  if (scanner_.found()) {
    completion_.reason = FinishReason::stop;
    completion_.stop = scanner_.stop();
  }
  is_finished_ = true;
}

void Reply::cancel() {
  if (is_finished_) return;
  completion_.reason = FinishReason::cancelled;
  is_finished_ = true;
}

}  // namespace weir
