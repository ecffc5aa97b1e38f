#include "guard/streaming_gate.h"

#include <algorithm>

namespace weir {

StreamingGate::StreamingGate(const Guard& guard, Direction direction, const GuardSubject& subject)
    : guard_(&guard),
      table_(&guard.policy().table(subject.key, subject.model)),
      direction_(direction),
      subject_(subject),
      stream_(guard.rules(), direction) {}

size_t StreamingGate::held_back() const {
  return stream_.size() > released_ ? stream_.size() - released_ : 0;
}

void StreamingGate::end(const GuardVerdict& verdict) {
  for (const GuardFinding& finding : verdict.findings)
    if (verdict_.findings.size() < kFindingsMax) verdict_.findings.push_back(finding);
  if (verdict.action <= verdict_.action) return;
  verdict_.action = verdict.action;
  verdict_.category = verdict.category;
  verdict_.rule = verdict.rule;
  verdict_.text = verdict.text;
}

void StreamingGate::score(std::span<const float> scores, const Head& head, const PolicyHead& how) {
  if (is_ended()) return;
  const GuardVerdict verdict =
      guard_->check_scores(scores, head, how, direction_, subject_, released_, stream_.size());
  // One that does not end the reply is noted once, not for every token.
  const bool is_known = std::ranges::any_of(verdict_.findings, [&](const GuardFinding& finding) {
    return finding.layer == GuardLayer::head && finding.category == verdict.category;
  });
  if (!is_known || ends_reply(verdict.action)) end(verdict);
}

// Findings are taken in the order of their places, so that what is released does not depend on when
// they were found.
std::string StreamingGate::push(std::string_view text, bool is_last) {
  std::string out;
  if (is_ended()) return out;
  stream_.push(text, is_last);
  const size_t certain = stream_.certain();
  std::vector<GuardFinding> findings = stream_.take(is_last ? certain + 1 : certain);
  const auto action_of = [&](const GuardFinding& finding) -> const PolicyAction& {
    return (*table_)[size_t(finding.category)][size_t(direction_)];
  };
  // The strictest first, then the longest, where several begin.
  std::ranges::stable_sort(findings, [&](const GuardFinding& a, const GuardFinding& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    if (action_of(a).action != action_of(b).action)
      return action_of(a).action > action_of(b).action;
    return a.end > b.end;
  });
  const auto release = [&](size_t end) {
    if (end <= released_) return;
    out += stream_.text(released_, end);
    released_ = end;
  };
  for (GuardFinding& finding : findings) {
    const PolicyAction& action = action_of(finding);
    const size_t begin = finding.begin, end = finding.end;
    const bool changes = changes_text(action.action);
    if (ends_reply(action.action) || (changes && end > released_)) release(begin);
    GuardVerdict one;
    add_finding(one, std::move(finding), action, guard_->policy());
    if (one.findings.empty()) continue;
    const std::string replacement = one.findings[0].replacement;
    this->end(one);
    if (is_ended()) return out;
    if (!changes || end <= released_) continue;
    out += replacement;
    released_ = end;
  }
  release(certain);
  stream_.forget(std::min(released_, certain));
  return out;
}

}  // namespace weir
