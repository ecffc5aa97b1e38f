// A reward model is a language model that is asked for one more token after a reply: "yes" when it
// is good, "no" when not. Its score is the probability of "yes" among the two. The log-odds of the
// two are Bradley and Terry's strength of a reply: the chance that one is better than another is
// the sigmoid of the difference of their strengths.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "chat/conversation.h"
#include "model/model.h"
#include "tasks/problem.h"
#include "tokenizer/tokenizer.h"
#include "train/batches.h"

namespace weir {

struct JudgedReply {
  const Problem* problem;
  const ParsedReply* reply;
};

// The question of a reward model, and its two answers.
struct VerdictTokens {
  int yes = -1, no = -1;
  static Result<VerdictTokens> of(const Tokenizer& tokenizer);
};

// A conversation that ends with a verdict token; only that token is trained. `with_thinking`: the
// thinking is shown to the judge. Empty when it is longer than `rows_max`.
Result<TrainingSequence> judged_sequence(const ConversationFormat& format,
                                         const std::vector<Message>& question, const Message& reply,
                                         bool with_thinking, int verdict);

class RewardModel {
 public:
  // Reads the model of a finished reward stage.
  static Result<std::unique_ptr<RewardModel>> load(const std::string& folder,
                                                   const Tokenizer& tokenizer,
                                                   const ConversationFormat& format,
                                                   bool with_thinking, int rows_max,
                                                   ThreadPool& pool);
  // Scores in [0, 1], in order; 0 for a reply that does not fit the model's context.
  Result<std::vector<double>> judge(std::span<const JudgedReply> replies);

 private:
  RewardModel(std::unique_ptr<Model> model, const ConversationFormat& format, VerdictTokens verdict,
              bool with_thinking, int rows_max, ThreadPool& pool);

  std::unique_ptr<Model> model_;
  const ConversationFormat& format_;
  VerdictTokens verdict_;
  bool with_thinking_;
  int rows_max_;
  ThreadPool& pool_;
  Arena arena_;
};

}  // namespace weir
