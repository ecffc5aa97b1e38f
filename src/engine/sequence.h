// One request while it is being worked on: its tokens, its text so far, and what ends it. Knows
// nothing of the model.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/request.h"
#include "engine/stop_scanner.h"
#include "tokenizer/tokenizer.h"

namespace weir {

class Sequence {
 public:
  // `positions_max` tokens can be computed at most. Fails on a request with wrong numbers. Request
  // and tokenizer outlive the sequence.
  static Result<std::unique_ptr<Sequence>> create(const Request& request, int index,
                                                  const Tokenizer& tokenizer, int positions_max);

  const Request& request() const { return request_; }
  int index() const { return index_; }
  // The prompt, then the tokens drawn.
  const std::vector<int>& tokens() const { return tokens_; }
  // Positions that will be computed at most.
  int positions() const;
  // Tokens drawn so far: the counter of the next draw.
  uint64_t step() const { return completion_.tokens.size(); }

  // Takes the next token. The event's text is valid until the next call.
  TokenEvent accept(const SampledToken& token);
  void cancel();
  void set_experts(std::span<const uint16_t> experts);  // of Completion
  bool is_finished() const { return is_finished_; }
  Completion take_completion() { return std::move(completion_); }

 private:
  Sequence(const Request& request, int index, const Tokenizer& tokenizer, int positions_max,
           StopScanner scanner)
      : request_(request),
        index_(index),
        positions_max_(positions_max),
        tokens_(request.prompt),
        decoder_(tokenizer, request.keep_special),
        scanner_(std::move(scanner)) {}
  void end(FinishReason reason);

  const Request& request_;
  int index_, positions_max_;
  std::vector<int> tokens_;
  StreamDecoder decoder_;
  StopScanner scanner_;
  Completion completion_;
  std::string piece_;
  bool is_finished_ = false;
};

}  // namespace weir
