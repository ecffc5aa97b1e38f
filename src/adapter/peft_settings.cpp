// adapter_config.json: the scale of every module, and what this program has no place for.
#include <fmt/format.h>
#include <re2/re2.h>

#include <cmath>

#include "adapter/peft.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kPatternsMax = 10'000, kPatternMax = 4096;
constexpr int64_t kProgramBytes = int64_t(1) << 20;

// Python's re.match(rf"(.*\.)?({pattern})$", name).
bool names(const std::string& pattern, const std::string& module) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kProgramBytes);
  const re2::RE2 expression("(?:.*\\.)?(?:" + pattern + ")", options);
  return expression.ok() && re2::RE2::FullMatch(module, expression);
}

bool is_on(const Json& json, const char* key) {
  const Json* value = json.find(key);
  if (!value || value->is_null()) return false;
  if (value->kind() == Json::Kind::boolean) return *value->as_bool();
  return !(value->is_array() || value->is_object()) || value->size() > 0;
}

Error refused(const std::string& what, const std::string& remedy) {
  return Error{what + ", which is not supported; " + remedy};
}

// Methods that change more than a projection's low-rank part.
Result<void> check_method(const Json& json) {
  constexpr const char* kMerge = "merge it into its base with PEFT (merge_and_unload) first";
  if (const std::string& type = json.text_at("peft_type"); !type.empty() && type != "LORA")
    return refused(fmt::format("'peft_type' is '{}'", printable(type)), kMerge);
  if (const std::string& bias = json.text_at("bias"); !bias.empty() && bias != "none")
    return refused(fmt::format("'bias' is '{}'", printable(bias)), kMerge);
  for (const char* key : {"lora_bias", "modules_to_save", "trainable_token_indices",
                          "layer_replication", "fan_in_fan_out", "use_qalora", "use_bdlora"})
    if (is_on(json, key)) return refused(fmt::format("'{}' is set", key), kMerge);
  if (is_on(json, "alora_invocation_tokens"))
    return refused(
        "'alora_invocation_tokens' is set, so the adapter counts only behind these tokens",
        "it cannot be merged either: use it with PEFT");
  // These put something else in place of the base's weights when training begins.
  const std::string& begin = json.text_at("init_lora_weights");
  for (const char* word : {"pissa", "olora", "corda", "loftq", "lora_ga"})
    if (begin.find(word) != std::string::npos)
      return refused(fmt::format("'init_lora_weights' is '{}', so the adapter fits only a base "
                                 "that was changed when training began",
                                 printable(begin)),
                     "convert it with PEFT (save_pretrained with path_initial_model_for_weight_"
                     "conversion) first");
  return {};
}

}  // namespace

Result<PeftSettings> PeftSettings::parse(const Json& json) {
  if (!json.is_object()) return Error{"is no JSON object"};
  TRY(check_method(json));
  PeftSettings settings;
  settings.base_ = json.text_at("base_model_name_or_path");
  settings.rank_stabilized_ = is_on(json, "use_rslora");
  settings.has_magnitudes_ = is_on(json, "use_dora");
  if (json.find("lora_alpha")) settings.alpha_ = TRY(json.double_at("lora_alpha"));
  if (const Json* patterns = json.find("alpha_pattern"); patterns && !patterns->is_null()) {
    if (!patterns->is_object() || patterns->size() > kPatternsMax)
      return Error{"'alpha_pattern' must be an object of at most 10,000 patterns"};
    for (const auto& [pattern, alpha] : patterns->members()) {
      if (pattern.size() > kPatternMax) return Error{"'alpha_pattern' has a pattern over 4 KiB"};
      settings.alpha_patterns_.emplace_back(pattern, TRY_IN("alpha_pattern", alpha.as_double()));
    }
  }
  return settings;
}

Result<float> PeftSettings::scale_of(const std::string& module, int rank) const {
  double alpha = alpha_;
  for (const auto& [pattern, value] : alpha_patterns_)
    if (pattern == module || names(pattern, module)) {
      alpha = value;
      break;
    }
  const double scale = alpha / (rank_stabilized_ ? std::sqrt(double(rank)) : double(rank));
  if (!std::isfinite(scale) || std::fabs(scale) > 1e6)
    return Error{fmt::format("the scale of '{}' is {}, from alpha {} and rank {}",
                             printable(module), scale, alpha, rank)};
  return float(scale);
}

}  // namespace weir
