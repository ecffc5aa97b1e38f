// Whether two subschemas can match the same value, which a grammar of oneOf must know.
#include <algorithm>
#include <map>
#include <optional>

#include "grammar/json_language.h"
#include "grammar/schema_parts.h"
#include "grammar/schema_strings.h"

namespace weir {
namespace {

constexpr int kMemberDepthMax = 2;

// The type of a value as the keyword "type" understands it: 1.0 is an integer.
Result<unsigned> type_of(const Json& value) {
  switch (value.kind()) {
    case Json::Kind::null:
      return unsigned(schema_type::null);
    case Json::Kind::boolean:
      return unsigned(schema_type::boolean);
    case Json::Kind::integer:
    case Json::Kind::unsigned_integer:
      return unsigned(schema_type::integer);
    case Json::Kind::real: {
      const Decimal number = TRY(Decimal::parse(value.number_text()));
      return unsigned(number.fraction().empty() ? schema_type::integer : schema_type::number);
    }
    case Json::Kind::string:
      return unsigned(schema_type::string);
    case Json::Kind::array:
      return unsigned(schema_type::array);
    case Json::Kind::object:
      break;
  }
  return unsigned(schema_type::object);
}

// Equal values, and no others, have the same text.
Result<std::string> canonical(const Json& value) {
  if (value.is_number()) {
    const Decimal number = TRY(Decimal::parse(value.number_text()));
    return (number.is_negative ? "-" : "") + number.digits + "e" + std::to_string(number.point);
  }
  if (value.is_array()) {
    std::string all = "[";
    for (const Json& item : value.items()) all += TRY(canonical(item)) + ",";
    return all + "]";
  }
  if (value.is_object()) {
    std::map<std::string, std::string> members;
    for (const auto& [name, member] : value.members())
      members[Json(name).dump()] = TRY(canonical(member));
    std::string all = "{";
    for (const auto& [name, member] : members) all += name + ":" + member + ",";
    return all + "}";
  }
  return value.dump();
}

bool ends_before(const NumberRange& a, const NumberRange& b) {
  if (!a.high || !b.low) return false;
  const int order = compare(*a.high, *b.low);
  return order < 0 || (order == 0 && (a.excludes_high || b.excludes_low));
}
bool are_disjoint(const NumberRange& a, const NumberRange& b) {
  return ends_before(a, b) || ends_before(b, a);
}

constexpr unsigned kNumbers = schema_type::integer | schema_type::number;

// By canonical text, with their types.
using Values = std::map<std::string, unsigned>;

// The values of some types that const and enum allow, numbers only within `range`; nullopt: neither
// of them is there.
Result<std::optional<Values>> listed_values(const SchemaParts& parts, unsigned types,
                                            const NumberRange& range) {
  std::optional<Values> allowed;
  const auto restrict_to = [&](const Json* begin, size_t count) -> Result<void> {
    Values values;
    for (const Json* value = begin; value != begin + count; ++value) {
      const unsigned type = TRY(type_of(*value));
      if (!(type & types)) continue;
      if (type & kNumbers) {
        const Decimal number = TRY(Decimal::parse(value->number_text()));
        if (are_disjoint({number, number}, range)) continue;
      }
      values.emplace(TRY(canonical(*value)), type);
    }
    if (allowed) std::erase_if(values, [&](const auto& v) { return !allowed->contains(v.first); });
    allowed = std::move(values);
    return {};
  };
  for (const SchemaPart& part : parts.parts()) {
    if (const Json* constant = part.find("const")) TRY(restrict_to(constant, 1));
    if (const Json* list = part.find("enum"))
      TRY(restrict_to(list->items().data(), list->items().size()));
  }
  return allowed;
}

bool requires_member(const SchemaParts& parts, const std::string& name) {
  for (const SchemaPart& part : parts.parts()) {
    const Json* required = part.find("required");
    if (!required) continue;
    for (const Json& one : required->items())
      if (one.text() == name) return true;
  }
  return false;
}

// What `properties` says of one member.
Result<SchemaParts> member(const Json& document, const SchemaParts& parts,
                           const std::string& name) {
  std::vector<SchemaPart> found;
  for (const SchemaPart& part : parts.parts()) {
    const Json* properties = part.find("properties");
    const Json* schema = properties ? properties->find(name) : nullptr;
    if (schema) found.push_back({schema, part.path + "/properties/" + name});
  }
  return SchemaParts::gather(document, std::move(found));
}

Result<bool> exclude(const Json& document, const SchemaParts& first, const SchemaParts& second,
                     int depth) {
  if (first.matches_nothing() || second.matches_nothing()) return true;
  unsigned shared = first.types() & second.types();
  const NumberRange range = TRY(number_range(first)), other_range = TRY(number_range(second));
  if (are_disjoint(range, other_range)) shared &= ~kNumbers;
  const std::optional<Values> values = TRY(listed_values(first, shared, other_range));
  const std::optional<Values> others = TRY(listed_values(second, shared, range));
  if (values && others)
    return std::none_of(values->begin(), values->end(),
                        [&](const auto& v) { return others->contains(v.first); });
  if (const std::optional<Values>& listed = values ? values : others) {
    unsigned types = 0;
    for (const auto& [text, type] : *listed) types |= type;
    shared &= types;
  }
  if (shared == 0) return true;
  if (shared != schema_type::object || depth > kMemberDepthMax) return false;
  for (const SchemaPart& part : first.parts()) {  // a member that tells them apart
    const Json* properties = part.find("properties");
    if (!properties) continue;
    for (const auto& [name, schema] : properties->members()) {
      if (!requires_member(first, name) || !requires_member(second, name)) continue;
      const SchemaParts one = TRY(member(document, first, name));
      const SchemaParts other = TRY(member(document, second, name));
      if (TRY(exclude(document, one, other, depth + 1))) return true;
    }
  }
  return false;
}

}  // namespace

Result<bool> exclude_each_other(const Json& document, const SchemaParts& a, const SchemaParts& b) {
  return exclude(document, a, b, 0);
}

}  // namespace weir
