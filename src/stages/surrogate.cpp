#include "stages/surrogate.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

SurrogateValue clip(const SurrogateShape& shape, double ratio, double advantage) {
  const bool is_bounded = shape.clip_delta > 0 && ratio > shape.clip_delta;
  const double bounded = is_bounded ? shape.clip_delta : ratio;
  const double clipped = std::clamp(ratio, 1 - shape.clip_low, 1 + shape.clip_high);
  const bool takes_clipped = clipped * advantage < bounded * advantage;
  const double taken = takes_clipped ? clipped : bounded;
  // Neither bound has a slope; between the bounds both are the ratio itself.
  const bool is_constant = takes_clipped ? clipped != ratio : is_bounded;
  return {-taken * advantage, is_constant ? 0 : -ratio * advantage, 0, is_constant};
}

SurrogateValue cispo(const SurrogateShape& shape, double ratio, double advantage, double log_p) {
  const double weight = std::min(ratio, shape.cispo_cap);
  return {-weight * advantage * log_p, 0, -weight * advantage, ratio > shape.cispo_cap};
}

// d/dr of 4 / t sigmoid(t (r - 1)) = 4 s (1 - s).
SurrogateValue sapo(const SurrogateShape& shape, double ratio, double advantage) {
  const double t = advantage > 0 ? shape.sapo_positive : shape.sapo_negative;
  const double s = 1 / (1 + std::exp(-t * (ratio - 1)));
  return {-4 / t * s * advantage, -4 * s * (1 - s) * ratio * advantage, 0, false};
}

}  // namespace

SurrogateValue surrogate(const SurrogateShape& shape, double ratio, double advantage,
                         double log_probability) {
  switch (shape.form) {
    case Surrogate::clip:
      return clip(shape, ratio, advantage);
    case Surrogate::cispo:
      return cispo(shape, ratio, advantage, log_probability);
    case Surrogate::sapo:
      return sapo(shape, ratio, advantage);
  }
  return {};
}

}  // namespace weir
