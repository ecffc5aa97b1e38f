#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

namespace weir {
namespace {

// Lower temperatures mean greedy sampling, which is written as 0.
constexpr double kTemperatureMin = 1e-3, kTemperatureMax = 1e3;
// exp() of this is 0 (kernels.h).
constexpr float kVanishing = -100;

Error out_of_range(const char* option, const char* range, double value) {
  return Error{std::string(option) + " must be " + range + ", not " + std::to_string(value)};
}

// A uniform number in [0, 1) with 53 bits: 24 would never draw the rare half of a large vocabulary.
double uniform(uint64_t seed, uint64_t stream, uint64_t step) {
  return double(Random(seed, stream, step).next() >> 11) * 0x1p-53;
}

}  // namespace

Result<void> validate(const SamplingOptions& o) {
  // Written so that NaN fails.
  if (!(o.temperature == 0 ||
        (o.temperature >= kTemperatureMin && o.temperature <= kTemperatureMax)))
    return out_of_range("temperature", "0 (greedy) or in [0.001, 1000]", o.temperature);
  if (o.top_k < 0) return out_of_range("top-k", "0 (off) or positive", o.top_k);
  if (!(o.top_p > 0 && o.top_p <= 1)) return out_of_range("top-p", "in (0, 1]", o.top_p);
  if (!(o.min_p >= 0 && o.min_p <= 1)) return out_of_range("min-p", "in [0, 1]", o.min_p);
  return {};
}

Result<SampledToken> Sampler::sample(std::span<const float> logits, const SamplingOptions& options,
                                     uint64_t stream, uint64_t step,
                                     std::span<const uint8_t> is_forbidden) {
  const int all = int(logits.size()), count = std::min(tokens_, all);
  CHECK(count > 0);
  CHECK(is_forbidden.empty() || int(is_forbidden.size()) >= count);
  int best = -1;
  for (int i = 0; i < all; ++i) {
    if (!std::isfinite(logits[size_t(i)]))
      return Error{"the logit of token " + std::to_string(i) +
                   " is not a finite number; the weights of the model are damaged or diverged"};
    if (i >= count || (!is_forbidden.empty() && is_forbidden[size_t(i)])) continue;
    if (best < 0 || logits[size_t(i)] > logits[size_t(best)]) best = i;
  }
  if (best < 0) return Error{"the token filter forbids every token"};
  SampledToken result{best};
  if (options.temperature > 0) {
    collect(logits.first(size_t(count)), options, is_forbidden, logits[size_t(best)]);
    if (options.top_k > 0) keep_top_k(options.top_k);
    if (options.top_p < 1) keep_top_p(options.top_p);
    if (options.min_p > 0) keep_min_p(options.min_p);
    result = draw(options.seed, stream, step);
  }
  result.model_log_probability = log_probability(logits, result.token, 1);
  const bool is_plain = options.temperature == 0 || options.temperature == 1;
  result.policy_log_probability =
      is_plain ? result.model_log_probability
               : log_probability(logits, result.token, float(1 / options.temperature));
  return result;
}

// The operations of token_loss in their order: scale, then log sum exp.
float Sampler::log_probability(std::span<const float> logits, int token,
                               float inverse_temperature) {
  const int n = int(logits.size());
  scratch_.resize(2 * size_t(n));
  const float* scaled = logits.data();
  if (inverse_temperature != 1) {
    kernels().scale(inverse_temperature, scaled, scratch_.data(), n);
    scaled = scratch_.data();
  }
  return scaled[token] - log_sum_exp(scaled, n, scratch_.data() + n);
}

// `top`: the highest logit that is not forbidden.
void Sampler::collect(std::span<const float> logits, const SamplingOptions& options,
                      std::span<const uint8_t> is_forbidden, float top) {
  const int n = int(logits.size());
  scratch_.resize(size_t(n));
  // Differences first: logits divided by a small temperature could overflow.
  const float factor = float(1 / options.temperature);
  for (int i = 0; i < n; ++i)
    scratch_[size_t(i)] = std::clamp((logits[size_t(i)] - top) * factor, kVanishing, 0.0f);
  kernels().exp_sum(scratch_.data(), 0, n);
  candidates_.resize(size_t(n));
  size_t kept = 0;
  for (int i = 0; i < n; ++i)
    if (is_forbidden.empty() || !is_forbidden[size_t(i)])
      candidates_[kept++] = {scratch_[size_t(i)], logits[size_t(i)], i};
  candidates_.resize(kept);
}

namespace {

// Most probable first. By logit rather than weight: weights of rare tokens underflow to equal
// zeros.
constexpr auto more_probable = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
};

template <class Candidates>
double total_weight(const Candidates& candidates) {
  double total = 0;
  for (const auto& c : candidates) total += double(c.weight);
  return total;
}

}  // namespace

void Sampler::keep_top_k(int k) {
  if (size_t(k) < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + k, candidates_.end(),
                     more_probable);
    candidates_.resize(size_t(k));
  }
  std::sort(candidates_.begin(), candidates_.end(), more_probable);
}

// Holtzman et al. 2020, eq. 2: the smallest set, most probable first, whose probability reaches p.
// Quickselect finds the end of the set; only the tokens before it are sorted.
void Sampler::keep_top_p(double p) {
  const double needed = p * total_weight(candidates_);
  auto begin = candidates_.begin(), low = begin, high = candidates_.end();
  double before = 0;  // weight of [begin, low)
  while (high - low > 32) {
    auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, more_probable);
    double half = 0;
    for (auto c = low; c != middle; ++c) half += double(c->weight);
    if (before + half >= needed) {
      high = middle;
    } else {
      before += half;
      low = middle;
    }
  }
  std::sort(begin, high, more_probable);
  double sum = 0;
  auto end = begin;
  while (end != high && sum < needed) sum += double((end++)->weight);
  candidates_.erase(std::max(end, begin + 1), candidates_.end());
}

// Nguyen et al. 2024: relative to the most probable token, so renormalising does not matter.
void Sampler::keep_min_p(double p) {
  float top = 0;
  for (const Candidate& c : candidates_) top = std::max(top, c.weight);
  std::erase_if(candidates_,
                [&](const Candidate& c) { return double(c.weight) < p * double(top); });
}

SampledToken Sampler::draw(uint64_t seed, uint64_t stream, uint64_t step) const {
  const double total = total_weight(candidates_);
  const double target = uniform(seed, stream, step) * total;
  double sum = 0;
  const Candidate* chosen = nullptr;
  for (const Candidate& c : candidates_) {
    if (c.weight == 0) continue;
    chosen = &c;
    sum += double(c.weight);
    if (sum > target) break;
  }
  CHECK(chosen);  // the most probable token has weight 1 and passes every filter
  return {chosen->token, float(std::log(double(chosen->weight) / total))};
}

}  // namespace weir
