#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

namespace weir {
namespace {

// exp() of this is 0 (kernels.h).
constexpr float kVanishing = -100;

// Sets the draws of XTC apart from those of tokens.
constexpr uint64_t kXtcSeed = 0x5c7a3d1e90b2f486;

// A uniform number in [0, 1) with 53 bits: 24 would never draw the rare half of a large vocabulary.
double uniform(uint64_t seed, uint64_t stream, uint64_t step) {
  return double(Random(seed, stream, step).next() >> 11) * 0x1p-53;
}

// Loops over integers, without a branch: a whole vocabulary is read for every token.
bool are_finite(std::span<const float> logits) {
  uint32_t largest = 0;
  for (float logit : logits)
    largest = std::max(largest, std::bit_cast<uint32_t>(logit) & 0x7fffffffu);
  return largest < 0x7f800000u;
}

float highest(std::span<const float> logits) {
  int32_t most = std::numeric_limits<int32_t>::min();
  for (float logit : logits) {
    const auto bits = std::bit_cast<int32_t>(logit);
    most = std::max(most, bits ^ ((bits >> 31) & 0x7fffffff));  // in the order of the numbers
  }
  return std::bit_cast<float>(most ^ ((most >> 31) & 0x7fffffff));
}

// The id of the highest logit that is not forbidden, the lowest of equal ones; -1: all are.
int best_of(std::span<const float> logits, std::span<const uint8_t> is_forbidden) {
  if (is_forbidden.empty())
    return int(std::find(logits.begin(), logits.end(), highest(logits)) - logits.begin());
  int best = -1;
  for (int i = 0; i < int(logits.size()); ++i)
    if (!is_forbidden[size_t(i)] && (best < 0 || logits[size_t(i)] > logits[size_t(best)]))
      best = i;
  return best;
}

}  // namespace

Result<SampledToken> Sampler::sample(std::span<const float> logits, const SamplingOptions& options,
                                     uint64_t stream, uint64_t step,
                                     std::span<const uint8_t> is_forbidden,
                                     const SamplingHistory& history) {
  const int all = int(logits.size()), count = std::min(tokens_, all);
  CHECK(count > 0);
  CHECK(is_forbidden.empty() || int(is_forbidden.size()) >= count);
  if (!are_finite(logits))
    for (int i = 0; i < all; ++i)
      if (!std::isfinite(logits[size_t(i)]))
        return Error{"the logit of token " + std::to_string(i) +
                     " is not a finite number; the weights of the model are damaged or diverged"};
  std::span<const float> chosen_from = logits.first(size_t(count));
  if (adjusts_logits(options)) {
    adjusted_.assign(chosen_from.begin(), chosen_from.end());
    penalties_.adjust_logits(adjusted_, options, history);
    chosen_from = adjusted_;
  }
  const int best = best_of(chosen_from, is_forbidden);
  if (best < 0) return Error{"the token filter forbids every token"};
  SampledToken result{best};
  if (options.temperature > 0) {
    const float top = chosen_from[size_t(best)];
    collect(chosen_from, options, is_forbidden, top);
    narrow(options, top, stream, step);
    result = draw(options.seed, stream, step);
  }
  result.model_log_probability = log_probability(logits, result.token, 1);
  if (options.top_log_probabilities > 0)
    result.top = top_of(logits.first(size_t(count)), options.top_log_probabilities);
  const bool is_plain = options.temperature == 0 || options.temperature == 1;
  result.policy_log_probability =
      is_plain ? result.model_log_probability
               : log_probability(logits, result.token, float(1 / options.temperature));
  return result;
}

void Sampler::narrow(const SamplingOptions& options, float top, uint64_t stream, uint64_t step) {
  if (options.top_k > 0) keep_top_k(options.top_k);
  if (options.typical_p < 1) keep_typical(options.typical_p, top, options.temperature);
  if (options.top_p < 1) keep_top_p(options.top_p);
  if (options.min_p > 0) keep_min_p(options.min_p);
  if (options.xtc_probability > 0 &&
      uniform(options.seed ^ kXtcSeed, stream, step) < options.xtc_probability)
    exclude_top_choices(options.xtc_threshold);
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
  log_sum_ = log_sum_exp(scaled, n, scratch_.data() + n);
  return scaled[token] - log_sum_;
}

// The log-probabilities of model_log_probability, whose logarithm of the sum they share.
std::vector<TokenLogProbability> Sampler::top_of(std::span<const float> logits, int count) const {
  std::vector<int> ids;  // of the highest logits so far, the highest first
  for (int i = 0; i < int(logits.size()); ++i) {
    const float logit = logits[size_t(i)];
    if (int(ids.size()) == count) {
      if (!(logit > logits[size_t(ids.back())])) continue;
      ids.pop_back();
    }
    const auto higher = [&](float value, int id) { return value > logits[size_t(id)]; };
    ids.insert(std::upper_bound(ids.begin(), ids.end(), logit, higher), i);
  }
  std::vector<TokenLogProbability> top;
  for (int id : ids) top.push_back({id, logits[size_t(id)] - log_sum_});
  return top;
}

TokenScore Sampler::score(std::span<const float> logits, int token, int top) {
  TokenScore score{token, log_probability(logits, token, 1)};
  const size_t count = std::min(size_t(tokens_), logits.size());
  if (top > 0) score.top = top_of(logits.first(count), top);
  return score;
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

// The smallest set, in the order of `before`, whose probability reaches p. Quickselect finds the
// end of the set; only the tokens before it are sorted.
template <class Order>
void Sampler::keep_first(double p, Order before) {
  const double needed = p * total_weight(candidates_);
  auto begin = candidates_.begin(), low = begin, high = candidates_.end();
  double earlier = 0;  // weight of [begin, low)
  while (high - low > 32) {
    auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, before);
    double half = 0;
    for (auto c = low; c != middle; ++c) half += double(c->weight);
    if (earlier + half >= needed) {
      high = middle;
    } else {
      earlier += half;
      low = middle;
    }
  }
  std::sort(begin, high, before);
  double sum = 0;
  auto end = begin;
  while (end != high && sum < needed) sum += double((end++)->weight);
  candidates_.erase(std::max(end, begin + 1), candidates_.end());
}

void Sampler::keep_top_p(double p) { keep_first(p, more_probable); }

// -log p = log(total) - exponent, and the entropy is its mean.
void Sampler::keep_typical(double p, float top, double temperature) {
  const double total = total_weight(candidates_);
  auto exponent = [&](const Candidate& c) { return (double(c.logit) - double(top)) / temperature; };
  double mean = 0;
  for (const Candidate& c : candidates_)
    if (c.weight > 0) mean += double(c.weight) * exponent(c);
  mean /= total;
  keep_first(p, [&](const Candidate& a, const Candidate& b) {
    const double x = std::abs(exponent(a) - mean), y = std::abs(exponent(b) - mean);
    return x != y ? x < y : more_probable(a, b);
  });
}

// Nguyen et al. 2024: relative to the most probable token, so renormalising does not matter.
void Sampler::keep_min_p(double p) {
  float top = 0;
  for (const Candidate& c : candidates_) top = std::max(top, c.weight);
  std::erase_if(candidates_,
                [&](const Candidate& c) { return double(c.weight) < p * double(top); });
}

// The most probable tokens are those that the threshold admits, so the last of them stays.
void Sampler::exclude_top_choices(double threshold) {
  const double needed = threshold * total_weight(candidates_);
  const auto is_top = [&](const Candidate& c) { return double(c.weight) >= needed; };
  const Candidate* last = nullptr;
  for (const Candidate& c : candidates_)
    if (is_top(c) && (!last || more_probable(*last, c))) last = &c;
  if (!last) return;
  const int kept = last->token;
  std::erase_if(candidates_, [&](const Candidate& c) { return is_top(c) && c.token != kept; });
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
  CHECK(chosen);  // every filter leaves a token whose weight is not 0
  return {chosen->token, float(std::log(double(chosen->weight) / total))};
}

}  // namespace weir
