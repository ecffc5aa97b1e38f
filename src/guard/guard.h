// The guard: a policy with its rules compiled, which judges whole texts and begins streams.
// Read-only after create(), so many threads may use one.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/finding.h"
#include "guard/head.h"
#include "guard/policy.h"

namespace weir {

class RuleSet;

// Whose request it is.
struct GuardSubject {
  std::string key = {};    // id of the API key; "": none
  std::string model = {};  // the name in the request
};

class Guard {
 public:
  static Result<std::shared_ptr<const Guard>> create(Policy policy);
  ~Guard();
  const Policy& policy() const { return policy_; }
  const RuleSet& rules() const { return *rules_; }

  // Every finding of the rules in a whole text, and the strictest action.
  GuardVerdict check(std::string_view text, Direction direction, const GuardSubject& subject) const;
  // The text with the matches of redact and rewrite replaced.
  static std::string replaced(std::string_view text, const GuardVerdict& verdict);
  // A verdict for scores of a head (Head::categories()); findings of [begin, end).
  GuardVerdict check_scores(std::span<const float> scores, const Head& head, const PolicyHead& how,
                            Direction direction, const GuardSubject& subject, size_t begin,
                            size_t end) const;

 private:
  explicit Guard(Policy policy);
  Policy policy_;
  std::unique_ptr<RuleSet> rules_;
};

// Adds a finding, and its action where that is stricter than the verdict's.
void add_finding(GuardVerdict& verdict, GuardFinding finding, const PolicyAction& action,
                 const Policy& policy);

}  // namespace weir
