// Releases a text that comes in parts: what no rule that is still matching could refuse or change.
// The released text does not depend on how the text is cut.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guard/guard.h"
#include "guard/rule_set.h"

namespace weir {

class StreamingGate {
 public:
  // The guard outlives the gate.
  StreamingGate(const Guard& guard, Direction direction, const GuardSubject& subject);

  // Scores of a head for everything that has come and for the text of the next push(). They hold
  // for what has not been released: a score at its threshold releases nothing more.
  void score(std::span<const float> scores, const Head& head, const PolicyHead& how);
  // The next part; `is_last`: none follows. Returns what may leave now, replaced where the policy
  // has it so. After an action that ends the reply: what came before the finding, once, then "".
  std::string push(std::string_view text, bool is_last);
  // From the outside (a call of a tool that is not allowed, a budget).
  void end(const GuardVerdict& verdict);

  bool is_ended() const { return ends_reply(verdict_.action); }
  // All findings so far. With refuse and hand_over its `text` takes the place of the rest.
  const GuardVerdict& verdict() const { return verdict_; }
  size_t held_back() const;  // bytes that came and did not leave

 private:
  const Guard* guard_;
  const ActionTable* table_;
  Direction direction_;
  GuardSubject subject_;
  RuleStream stream_;
  GuardVerdict verdict_;
  size_t released_ = 0;  // bytes of the text as it came that have left, or were replaced
};

}  // namespace weir
