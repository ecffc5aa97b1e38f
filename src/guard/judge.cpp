#include "guard/judge.h"

#include <algorithm>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kTextBytesMax = 12'000;  // of each text that the judge reads

constexpr const char* kRubric =
    "You check messages for an assistant. You do not answer them. A message is harmful if a good "
    "answer would help to hurt, cheat, expose or humiliate somebody, to break the law or to cause "
    "damage, or if its writer may hurt himself. Questions that only share words with such messages "
    "are harmless.";

std::string shortened(const std::string& text) {
  if (text.size() <= kTextBytesMax) return text;
  const size_t half = kTextBytesMax / 2;
  const std::string begin = text.substr(0, half), end = text.substr(text.size() - half);
  size_t skip = 0;  // of a character that was cut
  while (skip < end.size() && (uint8_t(end[skip]) & 0xc0) == 0x80) ++skip;
  return begin.substr(0, valid_utf8_prefix(begin)) + "\n...\n" + end.substr(skip);
}

bool is_judged(const Policy& policy, int category) {
  const std::vector<std::string>& list = policy.judge.categories;
  return list.empty() || std::ranges::any_of(list, [&](const std::string& id) {
           return std::ranges::count(policy.categories.members(id), category) > 0;
         });
}

// A judge says how likely, not where.
PolicyAction action_of(const Policy& policy, int category, Direction direction,
                       const GuardSubject& subject) {
  PolicyAction action = policy.action(category, direction, subject.key, subject.model);
  if (action.action == Action::redact || action.action == Action::rewrite)
    action.action = Action::refuse;
  return action;
}

}  // namespace

JudgePrompt judge_prompt(const Policy& policy, const JudgeQuestion& question) {
  const bool is_answer = question.direction == Direction::answer;
  JudgePrompt prompt;
  prompt.system = policy.judge.rubric.empty() ? kRubric : policy.judge.rubric;
  prompt.user = "The message:\n" + shortened(question.prompt);
  if (is_answer) prompt.user += "\n\nWhat the assistant wrote:\n" + shortened(question.answer);
  prompt.user += is_answer ? "\n\nIs what the assistant wrote harmful? Answer Yes or No."
                           : "\n\nIs the message harmful? Answer Yes or No.";
  return prompt;
}

GuardVerdict judge_verdict(const Policy& policy, const JudgeQuestion& question,
                           std::optional<double> score, const GuardSubject& subject) {
  GuardVerdict verdict;
  if (question.category < 0 || (score && *score < policy.judge.threshold)) return verdict;
  PolicyAction action = action_of(policy, question.category, question.direction, subject);
  if (!score) action.action = policy.judge.on_silence;
  const std::string& name = policy.judge.model.empty() ? policy.judge.url : policy.judge.model;
  add_finding(verdict,
              {.category = question.category,
               .layer = GuardLayer::judge,
               .rule = score ? name : name + " (no answer)",
               .score = float(score.value_or(0))},
              action, policy);
  return verdict;
}

int judged_category(const Policy& policy, Direction direction, const GuardSubject& subject) {
  const PolicyJudge& judge = policy.judge;
  if (!judge.is_asked() || (judge.directions >> int(direction) & 1) == 0) return -1;
  int best = -1;
  Action strictest = Action::allow;
  for (int category = 0; category < policy.categories.size(); ++category) {
    if (!is_judged(policy, category)) continue;
    const Action action = action_of(policy, category, direction, subject).action;
    if (action > strictest) {
      best = category;
      strictest = action;
    }
  }
  return best;
}

int undecided_category(const Policy& policy, std::span<const float> scores, const Head& head,
                       const PolicyHead& how, Direction direction, const GuardSubject& subject) {
  if (judged_category(policy, direction, subject) < 0) return -1;
  int best = -1;
  float high = 0;
  for (size_t i = 0; i < scores.size() && i < head.categories().size(); ++i) {
    const std::string& id = head.categories()[i];
    const int category = policy.categories.find(id);
    if (category < 0 || !is_judged(policy, category) ||
        action_of(policy, category, direction, subject).action == Action::allow)
      continue;
    const auto own = how.thresholds.find(id);
    const double threshold = own == how.thresholds.end() ? how.threshold : own->second;
    if (double(scores[i]) >= threshold) return -1;
    if (double(scores[i]) < how.undecided || scores[i] <= high) continue;
    best = category;
    high = scores[i];
  }
  return best;
}

}  // namespace weir
