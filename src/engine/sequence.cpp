#include "engine/sequence.h"

#include <algorithm>

#include "base/check.h"

namespace weir {

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::end:
      return "end";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "";
}

Result<std::unique_ptr<Sequence>> Sequence::create(const Request& request, int index,
                                                   const Tokenizer& tokenizer, int positions_max) {
  TRY(validate(request.sampling));
  if (request.tokens_max < 1)
    return Error{"the number of tokens to generate must be positive, not " +
                 std::to_string(request.tokens_max)};
  if (request.prompt.empty()) return Error{"the prompt has no token to begin with; give some text"};
  StopScanner scanner = TRY(StopScanner::create(request.stops));
  return std::unique_ptr<Sequence>(
      new Sequence(request, index, tokenizer, positions_max, std::move(scanner)));
}

int Sequence::positions() const {
  // The last token drawn is never computed.
  int64_t wanted = int64_t(request_.prompt.size()) + request_.tokens_max - 1;
  return int(std::min<int64_t>(wanted, positions_max_));
}

TokenEvent Sequence::accept(const SampledToken& token) {
  CHECK(!is_finished_);
  tokens_.push_back(token.token);
  completion_.tokens.push_back(token.token);
  completion_.log_probabilities.push_back(token.log_probability);
  completion_.model_log_probabilities.push_back(token.model_log_probability);
  completion_.policy_log_probabilities.push_back(token.policy_log_probability);
  piece_.clear();
  const auto& ends = request_.stop_ids;
  if (std::find(ends.begin(), ends.end(), token.token) != ends.end()) {
    end(FinishReason::end);
  } else {
    piece_ = scanner_.push(decoder_.push(token.token));
    bool is_full = int(completion_.tokens.size()) == request_.tokens_max ||
                   int(tokens_.size()) > positions_max_;
    if (scanner_.found() || is_full) end(FinishReason::length);
  }
  completion_.text += piece_;
  return {index_, token, piece_, is_finished_};
}

// Shows what was held back; a stop string that is complete outweighs any other reason.
void Sequence::end(FinishReason reason) {
  piece_ += scanner_.push(decoder_.finish());
  piece_ += scanner_.finish();
  completion_.reason = reason;
  if (scanner_.found()) {
    completion_.reason = FinishReason::stop;
    completion_.stop = scanner_.stop();
  }
  is_finished_ = true;
}

void Sequence::set_experts(std::span<const uint16_t> experts) {
  completion_.experts.assign(experts.begin(), experts.end());
}

void Sequence::cancel() {
  if (is_finished_) return;
  completion_.reason = FinishReason::cancelled;
  is_finished_ = true;
}

}  // namespace weir
