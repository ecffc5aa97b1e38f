#include "engine/penalties.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir {
namespace {

// The last `n` of them; -1: all.
std::span<const int> last(std::span<const int> tokens, int n) {
  return n < 0 || size_t(n) >= tokens.size() ? tokens : tokens.last(size_t(n));
}

float finite(double logit) {
  constexpr double kMax = double(std::numeric_limits<float>::max());
  return float(std::clamp(logit, -kMax, kMax));
}

// z[k]: how many tokens before the end of `tokens` equal those before its end - k, for k in [1, n)
// (Gusfield 1997, the Z algorithm, of the reversed text).
void match_ends(std::span<const int> tokens, std::vector<int>& z) {
  const int n = int(tokens.size());
  auto at = [&](int i) { return tokens[size_t(n - 1 - i)]; };
  z.assign(size_t(n), 0);
  for (int k = 1, begin = 0, end = 0; k < n; ++k) {
    int length = k < end ? std::min(end - k, z[size_t(k - begin)]) : 0;
    while (k + length < n && at(length) == at(k + length)) ++length;
    if (k + length > end) begin = k, end = k + length;
    z[size_t(k)] = length;
  }
}

}  // namespace

bool adjusts_logits(const SamplingOptions& o) {
  return !o.logit_bias.empty() || (o.repeat_penalty != 1 && o.repeat_last_n != 0) ||
         o.presence_penalty != 0 || o.frequency_penalty != 0 ||
         (o.dry_multiplier > 0 && o.dry_last_n != 0);
}

void Penalties::adjust_logits(std::span<float> logits, const SamplingOptions& options,
                              const SamplingHistory& history) {
  for (const LogitBias& entry : options.logit_bias)
    if (size_t(entry.token) < logits.size())
      logits[size_t(entry.token)] =
          finite(double(logits[size_t(entry.token)]) + double(entry.bias));
  if (options.repeat_penalty != 1)
    penalize_repetition(logits, options, last(history.tokens, options.repeat_last_n));
  if (options.presence_penalty != 0 || options.frequency_penalty != 0)
    penalize_counts(logits, options, history.drawn());
  if (options.dry_multiplier > 0)
    penalize_dry(logits, options, last(history.tokens, options.dry_last_n));
}

void Penalties::penalize_repetition(std::span<float> logits, const SamplingOptions& options,
                                    std::span<const int> tokens) {
  sorted_.assign(tokens.begin(), tokens.end());
  std::sort(sorted_.begin(), sorted_.end());
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
  const double penalty = options.repeat_penalty;
  for (int token : sorted_) {
    if (size_t(token) >= logits.size()) break;
    float& logit = logits[size_t(token)];
    logit = finite(logit > 0 ? double(logit) / penalty : double(logit) * penalty);
  }
}

void Penalties::penalize_counts(std::span<float> logits, const SamplingOptions& options,
                                std::span<const int> drawn) {
  sorted_.assign(drawn.begin(), drawn.end());
  std::sort(sorted_.begin(), sorted_.end());
  for (size_t i = 0, next; i < sorted_.size(); i = next) {
    const int token = sorted_[i];
    for (next = i; next < sorted_.size() && sorted_[next] == token;) ++next;
    if (size_t(token) >= logits.size()) break;
    float& logit = logits[size_t(token)];
    logit = finite(double(logit) - options.presence_penalty -
                   options.frequency_penalty * double(next - i));
  }
}

void Penalties::penalize_dry(std::span<float> logits, const SamplingOptions& options,
                             std::span<const int> tokens) {
  const int n = int(tokens.size());
  auto is_breaker = [&](int token) {
    return std::binary_search(options.dry_breakers.begin(), options.dry_breakers.end(), token);
  };
  int longest = 0;  // a match ends before the last breaker
  while (longest < n && !is_breaker(tokens[size_t(n - 1 - longest)])) ++longest;
  if (longest < options.dry_allowed_length) return;
  match_ends(tokens, matches_);
  // Pairs of the token that continued and the length, the longest of each token last.
  std::vector<std::pair<int, int>> repeated;
  for (int k = 1; k < n; ++k) {
    const int length = std::min(matches_[size_t(k)], longest), next = tokens[size_t(n - k)];
    if (length >= options.dry_allowed_length && !is_breaker(next))
      repeated.push_back({next, length});
  }
  std::sort(repeated.begin(), repeated.end());
  for (size_t i = 0; i < repeated.size(); ++i) {
    const auto [token, length] = repeated[i];
    if (i + 1 < repeated.size() && repeated[i + 1].first == token) continue;
    if (size_t(token) >= logits.size()) break;
    float& logit = logits[size_t(token)];
    logit = finite(double(logit) -
                   options.dry_multiplier *
                       std::pow(options.dry_base, double(length - options.dry_allowed_length)));
  }
}

}  // namespace weir
