#include "config/config_notes.h"

#include <fmt/format.h>

#include <cmath>

#include "config/rope_table.h"

namespace weir {
namespace {

double number_at(const Json& section, const char* key) {
  const Json* value = section.find(key);
  const auto number = value ? value->as_double() : Result<double>(0.0);
  return number ? *number : 0;
}

// The amplitude of cos and sin. DeepSeek's code takes 1 for an absent mscale and 0 for an absent
// mscale_all_dim and divides the two factors; transformers does so only when both are there and not
// 0, else it takes the factor of mscale 1 (modeling_rope_utils.py of 5.23).
std::vector<std::string> yarn_notes(const Json& section, const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  const double mscale = number_at(section, "mscale"), all = number_at(section, "mscale_all_dim");
  const double ours = rope_amplitude(rope);
  const double theirs = mscale > 0 && all > 0
                            ? yarn_mscale(rope.factor, mscale) / yarn_mscale(rope.factor, all)
                            : yarn_mscale(rope.factor, 1);
  if (rope.attention_factor > 0 || std::abs(ours - theirs) < 1e-6) return {};
  return {fmt::format(
      "yarn with 'mscale' {} and 'mscale_all_dim' {}: cos and sin are multiplied by "
      "{:.4f}, as in DeepSeek's own code; transformers multiplies them by {:.4f}, so "
      "its logits differ",
      section.find("mscale") ? fmt::format("{}", mscale) : "absent",
      section.find("mscale_all_dim") ? fmt::format("{}", all) : "absent", ours, theirs)};
}

}  // namespace

std::vector<std::string> config_notes(const Json& json, const ModelConfig& config) {
  if (config.rope.scaling != RopeScaling::yarn || config.attention != AttentionKind::mla) return {};
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (const Json* section = json.find(key); section && section->is_object())
      return yarn_notes(*section, config);
  return {};
}

}  // namespace weir
