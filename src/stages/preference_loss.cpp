#include "stages/preference_loss.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// log(sigmoid(x)) without overflow.
double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

}  // namespace

PreferenceValue preference_loss(const PreferenceShape& shape, const ReplyScore& chosen,
                                const ReplyScore& rejected) {
  const double good = chosen.log_probability - chosen.reference;
  const double bad = rejected.log_probability - rejected.reference;
  const double beta = shape.beta, e = shape.label_smoothing;
  PreferenceValue value;
  value.chosen_reward = beta * good;
  value.rejected_reward = beta * bad;
  if (shape.loss == PreferenceLoss::ipo) {
    const double of_good = double(std::max<int64_t>(chosen.tokens, 1));
    const double of_bad = double(std::max<int64_t>(rejected.tokens, 1));
    const double excess = good / of_good - bad / of_bad - 1 / (2 * beta);
    value.loss = excess * excess;
    value.chosen_slope = 2 * excess / of_good;
    value.rejected_slope = -2 * excess / of_bad;
    return value;
  }
  const double margin = beta * (good - bad), right = log_sigmoid(margin);
  const double wrong = log_sigmoid(-margin), sigmoid = std::exp(right);
  const bool is_robust = shape.loss == PreferenceLoss::robust;
  const double sign = is_robust ? -1 : 1, divisor = is_robust ? 1 - 2 * e : 1;
  value.loss = (-(1 - e) * right - sign * e * wrong) / divisor;
  // d log sigmoid(m) / d m = 1 - sigmoid(m); of -m it is -sigmoid(m).
  const double slope = (-(1 - e) * (1 - sigmoid) + sign * e * sigmoid) / divisor;
  value.chosen_slope = beta * slope;
  value.rejected_slope = -beta * slope;
  return value;
}

}  // namespace weir
