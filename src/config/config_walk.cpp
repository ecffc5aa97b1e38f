// Reading, checking and writing rows of the field table.
#include <limits>

#include "config/config_fields.h"
#include "config/config_reader.h"

namespace weir {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

int highest_of(const Field& field, const ModelConfig& config) {
  return field.bound ? field.bound(config) : int(field.highest);
}

void read_integer(const Field& field, ConfigReader& in, int& value) {
  if (field.null_is_zero && in.is_null(field.key)) value = 0;
  if (field.older_key) in.integer(field.older_key, value, int(field.lowest), int(field.highest));
  const bool is_required = value == 0 && field.lowest >= 1 && !field.otherwise;
  if (is_required && in.lacks(field.key)) in.fail(field.key, "is missing");
  in.integer(field.key, value, int(field.lowest), int(field.highest));
}

Result<void> in_range(const char* key, int value, int low, int high) {
  return require(value >= low && value <= high,
                 fmt::format("'{}' must be from {} to {}, not {}", key, low, high, value));
}

}  // namespace

bool has_part(const ModelConfig& config, Part part) {
  const ModelFamily* family = find_family(config.model_type);
  const ExpertKeys experts = family ? family->experts : ExpertKeys::none;
  const RopeScaling scaling = config.rope.scaling;
  switch (part) {
    case Part::every:
      return true;
    case Part::latent:
      return config.attention == AttentionKind::mla;
    case Part::indexer:
      return (config.attention == AttentionKind::mla && config.is_sparse()) ||
             config.is_compressed();
    case Part::dense:
      return !config.is_compressed();
    case Part::compressed:
      return config.is_compressed();
    case Part::two_pass:
      return config.is_compressed() && family && !family->traits.shares_entries;
    case Part::shared:
      return config.is_compressed() && family && family->traits.shares_entries;
    case Part::grouped:
      return config.attention == AttentionKind::gqa;
    case Part::deepseek_count:
    case Part::deepseek_experts:
      return experts == ExpertKeys::deepseek;
    case Part::qwen_count:
    case Part::qwen_experts:
      return experts == ExpertKeys::qwen;
    case Part::experts:
      return experts != ExpertKeys::none;
    case Part::mtp:
      return family && family->traits.has_mtp;
    case Part::factored:
      return scaling != RopeScaling::none && scaling != RopeScaling::longrope;
    case Part::stretched:
      return scaling == RopeScaling::yarn || scaling == RopeScaling::llama3 ||
             scaling == RopeScaling::longrope;
    case Part::yarn:
      return scaling == RopeScaling::yarn;
    case Part::llama3:
      return scaling == RopeScaling::llama3;
    case Part::longrope:
      return scaling == RopeScaling::longrope;
    case Part::minicpm:
      return family && family->defaults.scale_emb > 0;
  }
  return false;
}

bool uses_part(const ModelConfig& config, Part part) {
  const bool is_of_experts =
      part == Part::experts || part == Part::deepseek_experts || part == Part::qwen_experts;
  return has_part(config, part) && (!is_of_experts || config.n_routed_experts != 0);
}

void read_fields(std::span<const Field> fields, ConfigReader& in, ModelConfig& config) {
  for (const Field& field : fields) {
    if (!uses_part(config, field.part)) continue;
    const Overloaded read = {[&](const Custom& custom) {
                               if (custom.read) custom.read(in, config);
                             },
                             [&](TokenId token) { in.token_id(field.key, config.*token.id); },
                             [&](auto member) {
                               auto& value = member_of(config, member);
                               using T = std::remove_reference_t<decltype(value)>;
                               if constexpr (std::is_same_v<T, int>) {
                                 if (value == 0 && field.otherwise) value = field.otherwise(config);
                                 read_integer(field, in, value);
                               } else if constexpr (std::is_same_v<T, double>) {
                                 in.real(field.key, value, field.lowest, field.highest);
                               } else if constexpr (std::is_same_v<T, bool>) {
                                 in.boolean(field.key, value);
                               } else {
                                 in.integers(field.key, value, int(field.lowest),
                                             highest_of(field, config), size_t(field.highest));
                               }
                             }};
    std::visit(read, field.value);
  }
}

Result<void> check_fields(std::span<const Field> fields, const ModelConfig& config) {
  for (const Field& field : fields) {
    if (!uses_part(config, field.part)) continue;
    const int low = int(field.lowest), high = highest_of(field, config);
    const Overloaded check = {
        [](const Custom&) -> Result<void> { return {}; },
        [&](TokenId token) {
          return in_range(field.key, config.*token.id, -1, config.vocab_size - 1);
        },
        [&](auto member) -> Result<void> {
          const auto& value = member_of(config, member);
          using T = std::remove_cvref_t<decltype(value)>;
          if constexpr (std::is_same_v<T, int>) {
            return in_range(field.key, value, low, high);
          } else if constexpr (std::is_same_v<T, double>) {
            return require(value >= field.lowest && value <= field.highest,
                           fmt::format("'{}' must be from {} to {}, not {}", field.key,
                                       field.lowest, field.highest, value));
          } else if constexpr (std::is_same_v<T, std::vector<int>>) {
            for (int item : value) TRY(in_range(field.key, item, low, high));
          }
          return {};
        }};
    TRY(std::visit(check, field.value));
  }
  return {};
}

void write_fields(std::span<const Field> fields, const ModelConfig& config, Json& json) {
  for (const Field& field : fields) {
    if (!has_part(config, field.part)) continue;
    const Overloaded value_of = {
        [&](const Custom& custom) {
          return custom.write ? custom.write(config) : std::optional<Json>();
        },
        [&](TokenId token) -> std::optional<Json> {
          const int id = config.*token.id;
          return id < 0 ? Json() : Json(id);
        },
        [&](auto member) -> std::optional<Json> {
          const auto& value = member_of(config, member);
          if constexpr (std::is_same_v<decltype(value), const std::vector<int>&>) {
            Json list = Json::array();
            for (int item : value) list.push(item);
            return list;
          } else {
            return Json(value);
          }
        }};
    std::optional<Json> value =
        field.written ? field.written(config) : std::visit(value_of, field.value);
    if (value) json.set(field.key, std::move(*value));
  }
}

}  // namespace weir
