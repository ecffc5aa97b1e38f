#include "config/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weir {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

// The pair that turns `rotations` times over the original context.
double correction_dimension(const RopeConfig& rope, int width, double rotations) {
  return width * std::log(rope.original_positions / (rotations * kTwoPi)) /
         (2 * std::log(rope.theta));
}

void apply_yarn(const RopeConfig& rope, int width, std::vector<double>& frequency) {
  double low = std::max(std::floor(correction_dimension(rope, width, rope.beta_fast)), 0.0);
  double high = std::min(std::ceil(correction_dimension(rope, width, rope.beta_slow)), width - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequency.size(); ++i) {
    double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequency[i] *= (1 - ramp) + ramp / rope.factor;
  }
}

void apply_llama3(const RopeConfig& rope, std::vector<double>& frequency) {
  double low = rope.low_frequency_factor, high = rope.high_frequency_factor;
  for (double& f : frequency) {
    double turns = rope.original_positions * f / kTwoPi;
    if (turns > high) continue;
    double kept = turns < low ? 0 : (turns - low) / (high - low);
    f = (1 - kept) * f / rope.factor + kept * f;
  }
}

}  // namespace

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

std::vector<double> rope_frequencies(const RopeConfig& rope, int width) {
  std::vector<double> frequency(size_t(width / 2));
  for (size_t i = 0; i < frequency.size(); ++i)
    frequency[i] = std::pow(rope.theta, -2.0 * double(i) / width);
  if (rope.scaling == RopeScaling::linear)
    for (double& f : frequency) f /= rope.factor;
  if (rope.scaling == RopeScaling::longrope)
    for (size_t i = 0; i < frequency.size(); ++i) frequency[i] /= rope.factors[i];
  if (rope.scaling == RopeScaling::yarn) apply_yarn(rope, width, frequency);
  if (rope.scaling == RopeScaling::llama3) apply_llama3(rope, frequency);
  return frequency;
}

double rope_amplitude(const RopeConfig& rope) {
  if (rope.scaling == RopeScaling::longrope)
    return rope.attention_factor > 0 ? rope.attention_factor : 1;
  if (rope.scaling != RopeScaling::yarn) return 1;
  if (rope.attention_factor > 0) return rope.attention_factor;
  return yarn_mscale(rope.factor, rope.mscale) / yarn_mscale(rope.factor, rope.mscale_all_dim);
}

void fill_rope_table(const std::vector<double>& frequencies, double amplitude, int begin, int end,
                     float* cos, float* sin) {
  for (int p = begin; p < end; ++p)
    for (size_t i = 0; i < frequencies.size(); ++i) {
      size_t at = size_t(p) * frequencies.size() + i;
      cos[at] = float(amplitude * std::cos(p * frequencies[i]));
      sin[at] = float(amplitude * std::sin(p * frequencies[i]));
    }
}

void fill_rope_table(const RopeConfig& rope, int width, int positions, float* cos, float* sin) {
  fill_rope_table(rope_frequencies(rope, width), rope_amplitude(rope), 0, positions, cos, sin);
}

}  // namespace weir
