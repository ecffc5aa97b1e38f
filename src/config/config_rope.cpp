// Rotary positions in config.json: rope_scaling (the older name, beside rope_theta) or
// rope_parameters (the newer one, around it).
#include <cmath>

#include "config/config_reader.h"
#include "config/rope_table.h"

namespace weir {
namespace {

struct ScalingName {
  const char* name;
  RopeScaling scaling;
};
constexpr ScalingName kScalings[] = {{"default", RopeScaling::none},
                                     {"linear", RopeScaling::linear},
                                     {"yarn", RopeScaling::yarn},
                                     {"llama3", RopeScaling::llama3}};

void read_yarn(ConfigReader& in, RopeConfig& rope) {
  in.real("beta_fast", rope.beta_fast, 1e-3, 1e6);
  in.real("beta_slow", rope.beta_slow, 1e-3, 1e6);
  in.real("mscale", rope.mscale, 0, 100);
  in.real("mscale_all_dim", rope.mscale_all_dim, 0, 100);
  bool truncate = true;
  in.boolean("truncate", truncate);
  if (!truncate) in.fail("truncate", "is not supported: only true is");
  const double derived = rope_amplitude(rope);
  double given = derived;
  in.real("attention_factor", given, 1e-3, 100);
  if (std::abs(given - derived) > 1e-9) rope.attention_factor = given;
}

void read_scaling(ConfigReader& in, const std::string& type, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  const ScalingName* found = nullptr;
  for (const ScalingName& entry : kScalings)
    if (type == entry.name) found = &entry;
  if (!found)
    return in.fail("rope_type", fmt::format("'{}' is not supported: only default, linear, yarn and "
                                            "llama3 are",
                                            type));
  rope.scaling = found->scaling;
  if (rope.scaling == RopeScaling::none) return;
  if (in.lacks("factor")) in.fail("factor", "is missing");
  in.real("factor", rope.factor, 1, 1e6);
  if (rope.scaling == RopeScaling::linear) return;
  rope.original_positions = config.max_position_embeddings;
  in.integer("original_max_position_embeddings", rope.original_positions, 1, kPositionsMax);
  if (rope.scaling == RopeScaling::yarn) return read_yarn(in, rope);
  in.real("low_freq_factor", rope.low_frequency_factor, 1e-3, 1e6);
  in.real("high_freq_factor", rope.high_frequency_factor, 1e-3, 1e6);
}

}  // namespace

void read_rope(ConfigReader& in, ModelConfig& config) {
  in.real("rope_theta", config.rope.theta, 1, 1e12);
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
  inner.real("rope_theta", config.rope.theta, 1, 1e12);
  double rotated = 1;
  inner.real("partial_rotary_factor", rotated, 0, 1);
  if (rotated != 1) inner.fail("partial_rotary_factor", "is not supported: only 1 is");
  std::string type = "default";
  inner.word("type", type);
  inner.word("rope_type", type);
  read_scaling(inner, type, config);
  in.adopt(inner);
}

// Under both names that readers look for.
Json rope_scaling_json(const RopeConfig& rope) {
  if (rope.scaling == RopeScaling::none) return {};
  Json json = Json::object();
  for (const ScalingName& entry : kScalings)
    if (rope.scaling == entry.scaling)
      for (const char* key : {"type", "rope_type"}) json.set(key, entry.name);
  json.set("factor", rope.factor);
  if (rope.scaling == RopeScaling::linear) return json;
  json.set("original_max_position_embeddings", rope.original_positions);
  if (rope.scaling == RopeScaling::llama3) {
    json.set("low_freq_factor", rope.low_frequency_factor);
    json.set("high_freq_factor", rope.high_frequency_factor);
    return json;
  }
  json.set("beta_fast", rope.beta_fast);
  json.set("beta_slow", rope.beta_slow);
  json.set("mscale", rope.mscale);
  json.set("mscale_all_dim", rope.mscale_all_dim);
  if (rope.attention_factor > 0) json.set("attention_factor", rope.attention_factor);
  return json;
}

Result<void> validate_rope(const RopeConfig& rope) {
  TRY(require(rope.theta >= 1 && rope.factor >= 1, "'rope_theta' and 'factor' must be at least 1"));
  if (rope.scaling == RopeScaling::none || rope.scaling == RopeScaling::linear) return {};
  TRY(in_range("original_max_position_embeddings", rope.original_positions, 1, kPositionsMax));
  if (rope.scaling == RopeScaling::yarn) {
    TRY(require(rope.theta > 1, "'rope_theta' must be above 1 with yarn"));
    TRY(require(rope.attention_factor >= 0, "'attention_factor' must be above 0"));
    return require(rope.beta_slow > 0 && rope.beta_fast >= rope.beta_slow,
                   "'beta_fast' must not be below 'beta_slow'");
  }
  return require(
      rope.low_frequency_factor > 0 && rope.high_frequency_factor > rope.low_frequency_factor,
      "'high_freq_factor' must be above 'low_freq_factor'");
}

}  // namespace weir
