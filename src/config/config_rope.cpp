// Rotary positions in config.json: rope_scaling (the older name, beside rope_theta) or
// rope_parameters (the newer one, around it).
#include <cmath>

#include "config/config_fields.h"
#include "config/config_reader.h"
#include "config/rope_table.h"

namespace weir {
namespace {

using R = RopeConfig;

struct ScalingName {
  const char* name;
  RopeScaling scaling;
};
constexpr ScalingName kScalings[] = {{"default", RopeScaling::none},
                                     {"linear", RopeScaling::linear},
                                     {"yarn", RopeScaling::yarn},
                                     {"llama3", RopeScaling::llama3}};

void read_factor(ConfigReader& in, ModelConfig& config) {
  if (in.lacks("factor")) in.fail("factor", "is missing");
  in.real("factor", config.rope.factor, 1, kFactorMax);
}

void read_truncation(ConfigReader& in, ModelConfig&) {
  bool truncate = true;
  in.boolean("truncate", truncate);
  if (!truncate) in.fail("truncate", "is not supported: only true is");
}

// The amplitude of cos and sin; 0 where it is the one that follows from the other keys.
void read_amplitude(ConfigReader& in, ModelConfig& config) {
  const double derived = rope_amplitude(config.rope);
  double given = derived;
  in.real("attention_factor", given, 1e-3, 100);
  if (std::abs(given - derived) > 1e-9) config.rope.attention_factor = given;
}

bool read_type(ConfigReader& in, RopeConfig& rope) {
  std::string type = "default";
  for (const char* key : {"type", "rope_type"}) in.word(key, type);
  for (const ScalingName& entry : kScalings)
    if (type == entry.name) {
      rope.scaling = entry.scaling;
      return true;
    }
  in.fail("rope_type", fmt::format("'{}' is not supported: only default, linear, yarn and llama3 "
                                   "are",
                                   type));
  return false;
}

}  // namespace

const std::vector<Field>& rope_fields() {
  static const std::vector<Field> kFields = {
      Field{"factor", Part::scaled,
            Custom{read_factor,
                   [](const ModelConfig& c) -> std::optional<Json> { return c.rope.factor; }}},
      Field{"original_max_position_embeddings", Part::stretched, &R::original_positions, 1,
            kPositionsMax},
      Field{"low_freq_factor", Part::llama3, &R::low_frequency_factor, 1e-3, kFactorMax},
      Field{"high_freq_factor", Part::llama3, &R::high_frequency_factor, 1e-3, kFactorMax},
      Field{"beta_fast", Part::yarn, &R::beta_fast, 1e-3, kFactorMax},
      Field{"beta_slow", Part::yarn, &R::beta_slow, 1e-3, kFactorMax},
      Field{"mscale", Part::yarn, &R::mscale, 0, 100},
      Field{"mscale_all_dim", Part::yarn, &R::mscale_all_dim, 0, 100},
      Field{"truncate", Part::yarn, Custom{read_truncation}},
      Field{"attention_factor", Part::yarn,
            Custom{read_amplitude,
                   [](const ModelConfig& c) -> std::optional<Json> {
                     if (c.rope.attention_factor > 0) return c.rope.attention_factor;
                     return std::nullopt;
                   }}},
  };
  return kFields;
}

void read_rope_section(ConfigReader& inner, ModelConfig& config, bool is_partial) {
  inner.real("rope_theta", config.rope.theta, 1, kThetaMax);
  double rotated = 1;
  inner.real("partial_rotary_factor", rotated, 0, 1);
  if (rotated != 1 && !is_partial)
    inner.fail("partial_rotary_factor", "is not supported: only 1 is");
  if (!read_type(inner, config.rope)) return;
  if (has_part(config, Part::stretched))
    config.rope.original_positions = config.max_position_embeddings;
  read_fields(rope_fields(), inner, config);
}

void read_rope(ConfigReader& in, ModelConfig& config) {
  const char* key = in.lacks("rope_scaling") ? "rope_parameters" : "rope_scaling";
  const Json* section = in.find(key);
  if (!section) return;
  if (!section->is_object()) return in.fail(key, "must be an object");
  for (const auto& [name, value] : section->members())
    if (value.is_object())
      return in.fail(key, fmt::format("differs between kinds of layers ('{}'), which is not "
                                      "supported",
                                      name));
  ConfigReader inner(*section, fmt::format("{}: {}", in.path(), key));
  read_rope_section(inner, config, false);
  in.adopt(inner);
}

Json rope_scaling_json(const ModelConfig& config) {
  if (config.rope.scaling == RopeScaling::none) return {};
  Json json = Json::object();
  for (const ScalingName& entry : kScalings)
    if (config.rope.scaling == entry.scaling)
      for (const char* key : {"type", "rope_type"}) json.set(key, entry.name);
  write_fields(rope_fields(), config, json);
  return json;
}

Result<void> validate_rope(const RopeConfig& rope) {
  TRY(require(rope.factor >= 1, "'factor' must be at least 1"));
  if (rope.scaling == RopeScaling::yarn) {
    TRY(require(rope.theta > 1, "'rope_theta' must be above 1 with yarn"));
    TRY(require(rope.attention_factor >= 0, "'attention_factor' must be above 0"));
    return require(rope.beta_slow > 0 && rope.beta_fast >= rope.beta_slow,
                   "'beta_fast' must not be below 'beta_slow'");
  }
  if (rope.scaling != RopeScaling::llama3) return {};
  return require(
      rope.low_frequency_factor > 0 && rope.high_frequency_factor > rope.low_frequency_factor,
      "'high_freq_factor' must be above 'low_freq_factor'");
}

}  // namespace weir
