// Whether a policy lets a text pass, for those that only ask that: verifiers, rewards.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class Guard;

class TextCheck {
 public:
  // A policy's file or the name of a shipped one; errors are the policy's.
  static Result<TextCheck> open(const std::string& policy);
  // No rule finds something in the answer that ends a reply (refuse, hand_over, stop).
  bool passes(std::string_view answer) const;

 private:
  explicit TextCheck(std::shared_ptr<const Guard> guard) : guard_(std::move(guard)) {}
  std::shared_ptr<const Guard> guard_;
};

}  // namespace weir
