// How often draft tokens equal the tokens that are drawn, by classes: lengths of a match, or how
// sure a draft model is. Recent ones count more.
#pragma once
#include <array>
#include <cstddef>

namespace weir {

class Acceptance {
 public:
  static constexpr int kClasses = 8;

  // Between 2^i and 2^(i + 1) equal tokens and so on: the class of a match of `length` >= 2.
  static int class_of_match(int length);
  // Of a token to which the draft model gives this probability.
  static int class_of_chance(float probability);

  void observe(int kind, bool is_accepted);
  // The share of a class; `prior` is worth a few observations, so it is the share of none.
  double share(int kind, double prior) const;
  double observations(int kind) const { return tried_[size_t(kind)]; }

 private:
  std::array<double, kClasses> accepted_ = {}, tried_ = {};
};

}  // namespace weir
