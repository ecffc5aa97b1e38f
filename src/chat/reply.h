// The text side of one sequence: its tokens, as the engine draws them, become characters, run
// through the stop strings and the reply filter, and what is then certain leaves. Knows nothing of
// the model. How a reply is cut into thinking and answer is reply_stream.h's business.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/reply_filter.h"
#include "chat/stop_scanner.h"
#include "engine/request.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct Request : TokenRequest {
  std::vector<std::string> stops = {};
  bool keep_special = false;            // show the text of special tokens
  ReplyFilter* reply_filter = nullptr;  // of this reply alone, which it outlives
};

struct Completion {
  std::string text;         // up to the stop string, without it; valid UTF-8
  std::vector<int> tokens;  // all that were drawn, those of the stop string or the stop id included
  std::vector<float> log_probabilities;        // of the tokens under the distribution drawn from
  std::vector<float> model_log_probabilities;  // and under the model's own softmax
  // Under softmax(logits / temperature): what policy gradients are taken of.
  std::vector<float> policy_log_probabilities;
  // SampledToken::top of every token; empty unless asked for.
  std::vector<std::vector<TokenLogProbability>> top_log_probabilities;
  std::vector<uint16_t> experts;          // Drawn::experts
  std::vector<TokenScore> prompt_scores;  // Drawn::prompt_scores
  FinishReason reason = FinishReason::length;
  std::string stop;  // the stop string that appeared
};

class Reply {
 public:
  // Fails on stop strings that can not be looked for. The tokenizer outlives the reply.
  static Result<Reply> create(const Request& request, const Tokenizer& tokenizer);

  // Takes the sequence's next token. Returns newly certain text, often none, valid until the next
  // call; joined, these are Completion::text.
  std::string_view push(const Drawn& drawn);
  // By the engine, a stop string or the filter. The sequence is to be cancelled where the engine
  // does not know.
  bool is_finished() const { return is_finished_; }
  void cancel();
  size_t tokens() const { return completion_.tokens.size(); }
  void set_experts(std::vector<uint16_t> experts) { completion_.experts = std::move(experts); }
  Completion take_completion() { return std::move(completion_); }

 private:
  Reply(const Request& request, const Tokenizer& tokenizer, StopScanner scanner)
      : decoder_(tokenizer, request.keep_special),
        scanner_(std::move(scanner)),
        filter_(request.reply_filter) {}
  void finish(FinishReason reason);

  StreamDecoder decoder_;
  StopScanner scanner_;
  ReplyFilter* filter_;
  Completion completion_;
  std::string piece_;
  bool is_finished_ = false;
};

}  // namespace weir
