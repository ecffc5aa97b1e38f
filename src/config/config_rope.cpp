// Rotary positions in config.json: rope_scaling (the older name, beside rope_theta) or
// rope_parameters (the newer one, around it).
#include <algorithm>
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
                                     {"llama3", RopeScaling::llama3},
                                     {"longrope", RopeScaling::longrope}};

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

std::optional<Json> written_beta(const ModelConfig& c) {
  if (c.rope.query_beta == 0) return std::nullopt;
  return c.rope.query_beta;
}

std::vector<double> read_reals(ConfigReader& in, const char* key, size_t count) {
  std::vector<double> values;
  const Json* list = in.find(key);
  if (!list || !list->is_array() || list->size() != count) {
    in.fail(key, fmt::format("must be a list of {} numbers, one of each pair that turns", count));
    return values;
  }
  for (const Json& item : list->items()) {
    const auto value = item.as_double();
    if (!value || !(*value >= 1e-3 && *value <= kFactorMax)) {
      in.fail(key, fmt::format("must hold numbers from 0.001 to {}", kFactorMax));
      break;
    }
    values.push_back(*value);
  }
  return values;
}

// LongRoPE (Ding et al. 2024): factors for texts within the original positions and for longer ones.
// Keys stay in the cache as they were turned, so a model has one set for all lengths: the short one
// where its positions end with the original ones, else both must be equal.
void read_factors(ConfigReader& in, ModelConfig& c) {
  const size_t pairs = size_t(c.rotated_width()) / 2;
  const std::vector<double> near = read_reals(in, "short_factor", pairs);
  const std::vector<double> far = read_reals(in, "long_factor", pairs);
  RopeConfig& rope = c.rope;
  const bool is_longer = c.max_position_embeddings > rope.original_positions;
  if (is_longer && near != far)
    return in.fail("long_factor",
                   fmt::format("differs from 'short_factor', which is supported only when "
                               "'max_position_embeddings' is at most {}; lower it",
                               rope.original_positions));
  rope.factors = near;
  double amplitude = 1;
  if (is_longer)
    amplitude =
        std::sqrt(1 + std::log(double(c.max_position_embeddings) / rope.original_positions) /
                          std::log(double(rope.original_positions)));
  in.real("attention_factor", amplitude, 1e-3, 100);
  rope.attention_factor = amplitude == 1 ? 0 : amplitude;
}

std::optional<Json> written_factors(const ModelConfig& c) {
  Json list = Json::array();
  for (double factor : c.rope.factors) list.push(factor);
  return list;
}

bool read_type(ConfigReader& in, RopeConfig& rope) {
  std::string type = "default";
  for (const char* key : {"type", "rope_type"}) in.word(key, type);
  for (const ScalingName& entry : kScalings)
    if (type == entry.name) {
      rope.scaling = entry.scaling;
      return true;
    }
  in.fail("rope_type", fmt::format("'{}' is not supported: only default, linear, yarn, llama3 and "
                                   "longrope are",
                                   type));
  return false;
}

}  // namespace

const std::vector<Field>& rope_fields() {
  static const std::vector<Field> kFields = {
      Field{"factor", Part::factored,
            Custom{read_factor,
                   [](const ModelConfig& c) -> std::optional<Json> { return c.rope.factor; }}},
      Field{"original_max_position_embeddings", Part::stretched, &R::original_positions, 1,
            kPositionsMax},
      Field{"short_factor", Part::longrope, Custom{read_factors, written_factors}},
      Field{"long_factor", Part::longrope, Custom{nullptr, written_factors}},
      Field{"attention_factor", Part::longrope,
            Custom{nullptr,
                   [](const ModelConfig& c) -> std::optional<Json> {
                     if (c.rope.attention_factor > 0) return c.rope.attention_factor;
                     return std::nullopt;
                   }}},
      Field{"llama_4_scaling_beta", Part::yarn,
            Custom{[](ConfigReader& in, ModelConfig& c) {
                     if (c.attention == AttentionKind::mla)
                       in.real("llama_4_scaling_beta", c.rope.query_beta, 0, 100);
                   },
                   written_beta}},
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
  // Mistral 4 counts the columns of a head that latent attention does not turn.
  const double share = double(config.qk_rope_head_dim) / std::max(1, config.key_head_width());
  const bool is_latent = config.attention == AttentionKind::mla;
  if (rotated != 1 && !is_partial && !(is_latent && std::abs(rotated - share) < 1e-6))
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
  if (rope.scaling == RopeScaling::longrope)
    return require(!rope.factors.empty(), "'short_factor' is missing");
  if (rope.scaling != RopeScaling::llama3) return {};
  return require(
      rope.low_frequency_factor > 0 && rope.high_frequency_factor > rope.low_frequency_factor,
      "'high_freq_factor' must be above 'low_freq_factor'");
}

}  // namespace weir
