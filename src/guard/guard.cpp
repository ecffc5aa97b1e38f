#include "guard/guard.h"

#include <algorithm>

#include "guard/rule_set.h"

namespace weir {

Guard::Guard(Policy policy) : policy_(std::move(policy)) {}
Guard::~Guard() = default;

Result<std::shared_ptr<const Guard>> Guard::create(Policy policy) {
  std::shared_ptr<Guard> guard(new Guard(std::move(policy)));
  guard->rules_ = TRY(RuleSet::create(guard->policy_));
  return std::shared_ptr<const Guard>(std::move(guard));
}

void add_finding(GuardVerdict& verdict, GuardFinding finding, const PolicyAction& action,
                 const Policy& policy) {
  if (action.action == Action::allow) return;
  finding.action = action.action;
  if (action.action == Action::redact) finding.replacement = policy.mark_of(finding.category);
  if (action.action > verdict.action) {
    verdict.action = action.action;
    verdict.category = finding.category;
    verdict.rule = finding.rule;
    verdict.text = policy.text(action);
  }
  if (verdict.findings.size() < kFindingsMax)
    verdict.findings.push_back(std::move(finding));
  else
    ++verdict.findings_left_out;
}

GuardVerdict Guard::check(std::string_view text, Direction direction,
                          const GuardSubject& subject) const {
  const ActionTable& table = policy_.table(subject.key, subject.model);
  RuleStream stream(*rules_, direction);
  stream.push(text, true);
  GuardVerdict verdict;
  for (GuardFinding& finding : stream.take(text.size() + 1)) {
    const PolicyAction& action = table[size_t(finding.category)][size_t(direction)];
    add_finding(verdict, std::move(finding), action, policy_);
  }
  // Some could not be kept, so their places are not known.
  const bool changes = changes_text(verdict.action);
  if (changes && verdict.findings_left_out > 0) {
    verdict.action = Action::refuse;
    verdict.text = policy_.refusal;
  }
  return verdict;
}

std::string Guard::replaced(std::string_view text, const GuardVerdict& verdict) {
  std::vector<const GuardFinding*> changes;
  for (const GuardFinding& finding : verdict.findings)
    if (changes_text(finding.action)) changes.push_back(&finding);
  std::ranges::stable_sort(changes, [](const GuardFinding* a, const GuardFinding* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end > b->end;
  });
  std::string out;
  size_t at = 0;
  for (const GuardFinding* change : changes) {
    if (change->end <= at) continue;
    if (change->begin > at) out += text.substr(at, change->begin - at);
    out += change->replacement;
    at = change->end;
  }
  out += text.substr(at);
  return out;
}

GuardVerdict Guard::check_scores(std::span<const float> scores, const Head& head,
                                 const PolicyHead& how, Direction direction,
                                 const GuardSubject& subject, size_t begin, size_t end) const {
  const ActionTable& table = policy_.table(subject.key, subject.model);
  GuardVerdict verdict;
  for (size_t i = 0; i < scores.size() && i < head.categories().size(); ++i) {
    const std::string& id = head.categories()[i];
    const int category = policy_.categories.find(id);
    const auto own = how.thresholds.find(id);
    const double threshold = own == how.thresholds.end() ? how.threshold : own->second;
    if (category < 0 || double(scores[i]) < threshold) continue;
    PolicyAction action = table[size_t(category)][size_t(direction)];
    // A head says how likely, not where.
    if (changes_text(action.action)) action.action = Action::refuse;
    add_finding(verdict,
                {.category = category,
                 .layer = GuardLayer::head,
                 .rule = head.name(),
                 .score = scores[i],
                 .begin = begin,
                 .end = end},
                action, policy_);
  }
  return verdict;
}

}  // namespace weir
