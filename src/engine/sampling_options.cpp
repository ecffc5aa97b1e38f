#include "engine/sampling_options.h"

#include <string>

namespace weir {
namespace {

// Lower temperatures mean greedy sampling, which is written as 0.
constexpr double kTemperatureMin = 1e-3, kTemperatureMax = 1e3;

Error out_of_range(const char* option, const char* range, double value) {
  return Error{std::string(option) + " must be " + range + ", not " + std::to_string(value)};
}

// Written so that NaN fails.
bool is_in(double value, double low, double high) { return value >= low && value <= high; }

Result<void> validate_filters(const SamplingOptions& o) {
  if (!(o.temperature == 0 || is_in(o.temperature, kTemperatureMin, kTemperatureMax)))
    return out_of_range("temperature", "0 (greedy) or in [0.001, 1000]", o.temperature);
  if (o.top_k < 0) return out_of_range("top-k", "0 (off) or positive", o.top_k);
  if (!(o.top_p > 0 && o.top_p <= 1)) return out_of_range("top-p", "in (0, 1]", o.top_p);
  if (!is_in(o.min_p, 0, 1)) return out_of_range("min-p", "in [0, 1]", o.min_p);
  if (!(o.typical_p > 0 && o.typical_p <= 1))
    return out_of_range("typical-p", "in (0, 1]", o.typical_p);
  if (!is_in(o.xtc_probability, 0, 1))
    return out_of_range("xtc-probability", "in [0, 1]", o.xtc_probability);
  if (!is_in(o.xtc_threshold, 0, 1))
    return out_of_range("xtc-threshold", "in [0, 1]", o.xtc_threshold);
  if (o.top_log_probabilities < 0 || o.top_log_probabilities > 20)
    return out_of_range("top-logprobs", "in [0, 20]", o.top_log_probabilities);
  return {};
}

Result<void> validate_penalties(const SamplingOptions& o) {
  if (!(o.repeat_penalty > 0 && o.repeat_penalty <= 10))
    return out_of_range("repeat-penalty", "in (0, 10], where 1 is off", o.repeat_penalty);
  if (o.repeat_last_n < -1)
    return out_of_range("repeat-last-n", "-1 (all), 0 (off) or positive", o.repeat_last_n);
  if (!is_in(o.presence_penalty, -2, 2))
    return out_of_range("presence-penalty", "in [-2, 2]", o.presence_penalty);
  if (!is_in(o.frequency_penalty, -2, 2))
    return out_of_range("frequency-penalty", "in [-2, 2]", o.frequency_penalty);
  if (!is_in(o.dry_multiplier, 0, 100))
    return out_of_range("dry-multiplier", "in [0, 100]", o.dry_multiplier);
  if (!is_in(o.dry_base, 1, 10)) return out_of_range("dry-base", "in [1, 10]", o.dry_base);
  if (o.dry_allowed_length < 1)
    return out_of_range("dry-allowed-length", "at least 1", o.dry_allowed_length);
  if (o.dry_last_n < -1)
    return out_of_range("dry-penalty-last-n", "-1 (all), 0 (off) or positive", o.dry_last_n);
  for (const LogitBias& entry : o.logit_bias)
    if (!is_in(double(entry.bias), -100, 100))
      return out_of_range("logit-bias", "in [-100, 100]", double(entry.bias));
  return {};
}

}  // namespace

Result<void> validate(const SamplingOptions& o) {
  TRY(validate_filters(o));
  return validate_penalties(o);
}

Result<void> validate(const SamplingOptions& o, int vocabulary) {
  TRY(validate(o));
  auto check = [&](const char* option, int token) -> Result<void> {
    if (token >= 0 && token < vocabulary) return {};
    return Error{std::string(option) + ": token " + std::to_string(token) +
                 " is outside the model's " + std::to_string(vocabulary) + " tokens"};
  };
  for (const LogitBias& entry : o.logit_bias) TRY(check("logit-bias", entry.token));
  for (int token : o.dry_breakers) TRY(check("dry-sequence-breaker", token));
  return {};
}

}  // namespace weir
