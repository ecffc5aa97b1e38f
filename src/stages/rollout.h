// Replies drawn from a model, several per problem, each with its verdict: what GRPO learns from,
// what rejection sampling keeps, what evaluation counts.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "chat/generator.h"
#include "stages/stage.h"
#include "tasks/problem.h"

namespace weir {

struct Rollout {
  size_t problem = 0;       // index into the problems asked
  std::vector<int> prompt;  // tokens
  Completion completion;    // tokens drawn and their log-probabilities
  ParsedReply reply;
  Verdict verdict = Verdict::unparseable;
  bool is_truncated = false;
  double language = 1;  // share of the thinking in the question's language
  bool is_right() const { return verdict == Verdict::right && !is_truncated; }
};

struct RolloutOptions {
  int samples = 1, reply_tokens = 96;
  double temperature = 1, top_p = 1;
  uint64_t seed = 0;
  uint64_t stream = 0;           // of the first reply; the others follow
  bool records_experts = false;  // for training that keeps the routing
};

// `samples` replies to each problem, in order. Problems without a verifier get the verdict
// unparseable. Empty when a stop was requested meanwhile.
Result<std::vector<Rollout>> roll_out(Generator& generator, const ConversationFormat& format,
                                      Verifiers& verifiers, std::span<const Problem> problems,
                                      const RolloutOptions& options, ThreadPool& pool);

// Share of the words of `text` that are in `language` ("en": letters, "zh": Chinese characters); 1
// when there are no words, or the language is neither.
double language_share(std::string_view text, const std::string& language);

// "right", "wrong", "unparseable" or "truncated".
const char* outcome_name(const Rollout& rollout);

}  // namespace weir
