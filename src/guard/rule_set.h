// All rules of a policy, compiled, and one text under way through them.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/detectors.h"
#include "guard/finding.h"
#include "guard/pattern_matcher.h"
#include "guard/policy.h"
#include "guard/word_matcher.h"

namespace weir {

class RuleSet {
 public:
  // The policy outlives the set. Errors name the rule's line.
  static Result<std::unique_ptr<RuleSet>> create(const Policy& policy);

  const Policy& policy() const { return *policy_; }
  const WordMatcher& words() const { return words_; }
  const PatternMatcher& patterns() const { return patterns_; }
  bool has_detectors() const { return has_detectors_; }
  // Rules that ask for a detector.
  const std::vector<int>& detector_rules(Detector kind) const { return by_detector_[size_t(kind)]; }
  size_t words_count() const { return words_.entries(); }

 private:
  explicit RuleSet(const Policy& policy) : policy_(&policy) {}
  const Policy* policy_;
  WordMatcher words_;
  PatternMatcher patterns_;
  std::vector<int> by_detector_[kDetectors];
  bool has_detectors_ = false;
};

// Findings without actions, of one text in one direction. Places are bytes of the whole text.
class RuleStream {
 public:
  RuleStream(const RuleSet& rules, Direction direction);

  // The next part; `is_last`: none follows.
  void push(std::string_view text, bool is_last);
  // Nothing that is found later begins before this byte.
  size_t certain() const { return certain_; }
  size_t size() const { return base_ + buffer_.size(); }  // bytes that came
  // Findings that begin before `end`, in order of begin, end and rule; each is returned once.
  std::vector<GuardFinding> take(size_t end);
  // Bytes of the text, not forgotten ones.
  std::string_view text(size_t begin, size_t end) const;
  // Bytes before this one are not asked for any more.
  void forget(size_t before);

 private:
  void add(int rule, size_t begin, size_t end);

  const RuleSet* rules_;
  Direction direction_;
  WordMatcher::Stream words_;
  std::string buffer_;  // some context and what is not certain
  size_t base_ = 0;     // place of buffer_[0]
  size_t certain_ = 0, patterns_from_ = 0, detectors_from_ = 0;
  std::vector<size_t> patterns_next_;  // in buffer_
  std::vector<GuardFinding> found_;
};

}  // namespace weir
