// A slower opinion for what the cheap layers leave undecided: a model is asked with a rubric, and
// may answer Yes or No alone. Whoever has the model asks it; here is what it reads and what follows
// from its answer.
#pragma once
#include <optional>
#include <string>

#include "guard/guard.h"

namespace weir {

struct JudgeQuestion {
  Direction direction = Direction::prompt;  // or answer
  std::string prompt, answer = {};          // what the user asked; what the model wrote to it
  int category = -1;                        // of the finding that a Yes is
};

struct JudgePrompt {
  std::string system, user;
};

// Long texts lose their middle.
JudgePrompt judge_prompt(const Policy& policy, const JudgeQuestion& question);

// `score`: the probability of a Yes; nothing: there was no answer in time.
GuardVerdict judge_verdict(const Policy& policy, const JudgeQuestion& question,
                           std::optional<double> score, const GuardSubject& subject);

// Whether the policy has texts of a direction judged, and by whom a finding counts where no head
// named a category: that of the judge's categories with the strictest action. -1: not judged.
int judged_category(const Policy& policy, Direction direction, const GuardSubject& subject);

// The category whose score a head leaves undecided, and no other reaches its threshold; -1: none.
int undecided_category(const Policy& policy, std::span<const float> scores, const Head& head,
                       const PolicyHead& how, Direction direction, const GuardSubject& subject);

}  // namespace weir
