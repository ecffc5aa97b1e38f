// Pretraining on rendered problems and supervised tuning: cross entropy of the tokens that count.
#pragma once
#include <memory>

#include "stages/stage.h"

namespace weir {

// The model starts as the caller made it. `samples` (may be null; not empty): verified replies that
// take the share `samples.weight` of the conversations.
Result<std::unique_ptr<Stage>> make_tuning_stage(const R1Context& context, const StageRecipe& stage,
                                                 int64_t steps, Learner& learner,
                                                 const ProblemSet* samples);

// A problem with its model reply as a training sequence.
Result<struct TrainingSequence> render_problem(const ConversationFormat& format,
                                               const Problem& problem, bool all_tokens);

// The same of any conversation; only its last reply is learned unless `all_replies`.
Result<struct TrainingSequence> render_messages(const ConversationFormat& format,
                                                const std::vector<Message>& messages,
                                                bool all_replies, bool all_tokens);

}  // namespace weir
