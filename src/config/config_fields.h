// The table of configuration fields: one row per key of config.json with the member it fills, its
// range and the GGUF key that holds the same value. Reading, checking and writing walk the rows.
// Private to the configuration's source files.
#pragma once
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/config_families.h"

namespace weir {

class ConfigReader;

// Which configurations have a field. `deepseek_experts` and `qwen_experts` are the two spellings of
// a mixture of experts; a count of 0 ends the mixture, so the other expert fields do not apply.
enum class Part : uint8_t {
  every,
  latent,
  indexer,
  grouped,
  dense,       // all but compressed, which has experts in every layer
  compressed,  // DeepSeek-V4 and V4.1
  two_pass,    // V4 alone
  shared,      // V4.1 alone
  deepseek_count,
  qwen_count,
  deepseek_experts,
  qwen_experts,
  experts,
  mtp,
  factored,   // rotary positions with one factor
  stretched,  // yarn, llama3 or longrope
  yarn,
  llama3,
  longrope,
  minicpm,
};
// By family: what config.json lists.
bool has_part(const ModelConfig& config, Part part);
// By values too: what is read and checked.
bool uses_part(const ModelConfig& config, Part part);

struct TokenId {
  int ModelConfig::*id;  // -1: none; a list in a file counts by its first
};
// A key that fills no single member. Null functions: the key is not read, or not written.
struct Custom {
  void (*read)(ConfigReader& in, ModelConfig& config) = nullptr;
  std::optional<Json> (*write)(const ModelConfig& config) = nullptr;
};
using FieldValue = std::variant<int ModelConfig::*, double ModelConfig::*, bool ModelConfig::*,
                                int RopeConfig::*, double RopeConfig::*, bool RopeConfig::*,
                                std::vector<int> ModelConfig::*, TokenId, Custom>;

// The key of GGUF metadata below the architecture's name.
struct GgufKey {
  const char* name = nullptr;
  enum class Absent : uint8_t { family, error, number } absent = Absent::family;
  double number = 0;  // what absence means under Absent::number
  enum class Use : uint8_t { both, read, write } use = Use::both;
};

struct Field {
  const char* key;
  Part part;
  FieldValue value;
  double lowest = 0, highest = 0;
  GgufKey gguf = {};
  const char* older_key = nullptr;  // another spelling, which `key` overrides
  bool null_is_zero = false;        // else null counts as absent
  // The value of an absent key where the family has none. A whole number that must be at least 1
  // and has neither is required.
  int (*otherwise)(const ModelConfig& config) = nullptr;
  // The highest value once the other fields are known.
  int (*bound)(const ModelConfig& config) = nullptr;
  std::optional<Json> (*written)(const ModelConfig& config) = nullptr;  // if not the value

  Field in_gguf(GgufKey k) const { return with(&Field::gguf, k); }
  Field also_called(const char* k) const { return with(&Field::older_key, k); }
  Field zero_if_null() const { return with(&Field::null_is_zero, true); }
  template <class F>
  Field else_from(F f) const {
    return with(&Field::otherwise, +f);
  }
  template <class F>
  Field at_most(F f) const {
    return with(&Field::bound, +f);
  }
  template <class F>
  Field written_as(F f) const {
    return with(&Field::written, +f);
  }

 private:
  template <class T, class V>
  Field with(T Field::*member, V v) const {
    Field copy = *this;
    copy.*member = v;
    return copy;
  }
};

// In the order in which config.json is read and written.
const std::vector<Field>& config_fields();
const std::vector<Field>& rope_fields();  // inside rope_scaling

void read_fields(std::span<const Field> fields, ConfigReader& in, ModelConfig& config);
Result<void> check_fields(std::span<const Field> fields, const ModelConfig& config);
void write_fields(std::span<const Field> fields, const ModelConfig& config, Json& json);

// Rotary positions (config_rope.cpp): the section rope_scaling or rope_parameters; writing gives
// null without a scaling.
void read_rope(ConfigReader& in, ModelConfig& config);
// Of compressed attention, whose layers differ (config_compressed.cpp): `rope` is plain, and the
// section is that of `compress_rope`, or has both, named main and compress.
void read_compressed_rope(ConfigReader& in, ModelConfig& config);
// The body of read_rope, for a section whose place in the file is `inner`'s.
void read_rope_section(ConfigReader& inner, ModelConfig& config, bool is_partial);
// The rows of compressed attention, and its rules.
const std::vector<Field>& compressed_fields();
Result<void> validate_compressed(const ModelConfig& config);
// Those of Engram (config_engram.cpp).
const std::vector<Field>& engram_fields();
Result<void> validate_engram(const ModelConfig& config);
Json rope_scaling_json(const ModelConfig& config);
Result<void> validate_rope(const RopeConfig& rope);

// One rule of validate.
Result<void> require(bool holds, const std::string& message);

template <class T>
T& member_of(ModelConfig& c, T ModelConfig::*m) {
  return c.*m;
}
template <class T>
T& member_of(ModelConfig& c, T RopeConfig::*m) {
  return c.rope.*m;
}
template <class T>
const T& member_of(const ModelConfig& c, T ModelConfig::*m) {
  return c.*m;
}
template <class T>
const T& member_of(const ModelConfig& c, T RopeConfig::*m) {
  return c.rope.*m;
}

}  // namespace weir
