#include "guard/rule_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace weir {
namespace {

constexpr size_t kContext = 64;  // bytes before what is not certain

Error at_rule(const Policy& policy, const PolicyRule& rule, const std::string& what) {
  return {fmt::format("{}:{}: the rule '{}' {}", policy.path, rule.line, rule.id, what)};
}

}  // namespace

Result<std::unique_ptr<RuleSet>> RuleSet::create(const Policy& policy) {
  std::unique_ptr<RuleSet> set(new RuleSet(policy));
  for (size_t i = 0; i < policy.rules.size(); ++i) {
    const PolicyRule& rule = policy.rules[i];
    const WordMatcher::Entry entry{int(i), rule.whole_words, rule.readings};
    for (const std::string& word : rule.words)
      if (auto added = set->words_.add(word, entry); !added)
        return at_rule(policy, rule, "has a word that can not be used: " + added.error().message);
    for (const std::string& pattern : rule.patterns)
      if (auto added = set->patterns_.add(pattern, rule.ignores_case, int(i)); !added)
        return at_rule(policy, rule, "has a pattern that " + added.error().message);
    if (!rule.detector.empty()) {
      const auto kind = find_detector(rule.detector);
      if (!kind) return at_rule(policy, rule, "has an unknown detector '" + rule.detector + "'");
      set->by_detector_[size_t(*kind)].push_back(int(i));
      set->has_detectors_ = true;
    }
  }
  set->words_.finish();
  if (auto finished = set->patterns_.finish(); !finished)
    return Error{policy.path + ": " + finished.error().message};
  return set;
}

RuleStream::RuleStream(const RuleSet& rules, Direction direction)
    : rules_(&rules), direction_(direction), words_(rules.words()) {}

void RuleStream::add(int number, size_t begin, size_t end) {
  const PolicyRule& rule = rules_->policy().rules[size_t(number)];
  if (!(rule.directions >> int(direction_) & 1)) return;
  const GuardLayer layer = !rule.detector.empty()   ? GuardLayer::detector
                           : !rule.patterns.empty() ? GuardLayer::pattern
                                                    : GuardLayer::words;
  found_.push_back({.category = rule.category,
                    .layer = layer,
                    .rule = rule.id,
                    .score = rule.score,
                    .begin = begin,
                    .end = end,
                    .replacement = rule.replacement});
}

void RuleStream::push(std::string_view text, bool is_last) {
  std::vector<WordMatch> matches;
  words_.push(text, is_last, matches);
  for (const WordMatch& match : matches) add(match.rule, match.begin, match.end);
  matches.clear();
  buffer_ += text;
  certain_ = std::min(words_.certain(), size());

  const size_t patterns_from = patterns_from_ - base_;
  const size_t patterns_certain =
      rules_->patterns().match(buffer_, patterns_from, is_last, patterns_next_, matches);
  for (const WordMatch& match : matches) add(match.rule, base_ + match.begin, base_ + match.end);
  patterns_from_ = std::max(patterns_from_, base_ + patterns_certain);
  certain_ = std::min(certain_, patterns_from_);

  if (rules_->has_detectors()) {
    std::vector<DetectorMatch> detected;
    detectors_from_ = base_ + detect(buffer_, detectors_from_ - base_, is_last, detected);
    for (const DetectorMatch& match : detected)
      for (const int rule : rules_->detector_rules(match.kind))
        add(rule, base_ + match.begin, base_ + match.end);
  } else {
    detectors_from_ = size();
  }
  certain_ = std::min(certain_, detectors_from_);
  if (is_last) certain_ = size();
}

std::vector<GuardFinding> RuleStream::take(size_t end) {
  std::ranges::sort(found_, [](const GuardFinding& a, const GuardFinding& b) {
    return std::tie(a.begin, a.end, a.rule) < std::tie(b.begin, b.end, b.rule);
  });
  const auto later =
      std::ranges::find_if(found_, [&](const GuardFinding& f) { return f.begin >= end; });
  std::vector<GuardFinding> taken(std::make_move_iterator(found_.begin()),
                                  std::make_move_iterator(later));
  found_.erase(found_.begin(), later);
  return taken;
}

std::string_view RuleStream::text(size_t begin, size_t end) const {
  CHECK(begin >= base_ && end <= size() && begin <= end);
  return std::string_view(buffer_).substr(begin - base_, end - begin);
}

void RuleStream::forget(size_t before) {
  before = std::min({before, patterns_from_, detectors_from_, size()});
  if (before < base_ + 2 * kContext) return;
  const size_t cut = before - kContext - base_;
  buffer_.erase(0, cut);
  base_ += cut;
  for (size_t& next : patterns_next_) next -= std::min(next, cut);
}

}  // namespace weir
