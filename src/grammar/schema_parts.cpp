#include "grammar/schema_parts.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kPartsMax = 200;
constexpr int64_t kCountMax = 1'000'000;

constexpr std::string_view kSupported[] = {"type",
                                           "enum",
                                           "const",
                                           "properties",
                                           "required",
                                           "additionalProperties",
                                           "items",
                                           "prefixItems",
                                           "minItems",
                                           "maxItems",
                                           "anyOf",
                                           "oneOf",
                                           "allOf",
                                           "$ref",
                                           "minLength",
                                           "maxLength",
                                           "pattern",
                                           "format",
                                           "minimum",
                                           "maximum",
                                           "exclusiveMinimum",
                                           "exclusiveMaximum",
                                           "multipleOf",
                                           "patternProperties",
                                           "minProperties",
                                           "maxProperties",
                                           "uniqueItems"};

constexpr std::string_view kAnnotations[] = {"$schema",
                                             "$id",
                                             "$comment",
                                             "$anchor",
                                             "$vocabulary",
                                             "$defs",
                                             "definitions",
                                             "title",
                                             "description",
                                             "default",
                                             "examples",
                                             "example",
                                             "deprecated",
                                             "readOnly",
                                             "writeOnly",
                                             "contentMediaType",
                                             "contentEncoding",
                                             "contentSchema",
                                             "discriminator",
                                             "externalDocs",
                                             "xml",
                                             "strict",
                                             "name",
                                             "propertyOrdering",
                                             "enumNames",
                                             "markdownDescription",
                                             "enumDescriptions",
                                             "errorMessage"};

template <size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::string escaped(std::string_view key) {
  std::string result;
  for (const char c : key) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result += c;
  }
  return result;
}

// "#/$defs/a~1b": the subschema and its path.
Result<SchemaPart> resolve(const Json& document, const SchemaPart& part, const Json& reference) {
  const std::string& text = reference.text();
  const Error wrong{part.at("$ref") + ": '" + printable(text) +
                    "' leads nowhere in this schema; only references such as #/$defs/name are "
                    "supported"};
  if (text != "#" && !text.starts_with("#/")) return wrong;
  SchemaPart target{&document, ""};
  for (size_t at = 1; at < text.size();) {
    const size_t end = std::min(text.find('/', at + 1), text.size());
    std::string key;
    for (size_t i = at + 1; i < end; ++i) {
      const char next = i + 1 < end ? text[i + 1] : 0;
      if (text[i] == '~' && (next == '0' || next == '1')) {
        key += next == '0' ? '~' : '/';
        ++i;
      } else if (text[i] == '%' && i + 2 < end && hex_digit(next) >= 0 &&
                 hex_digit(text[i + 2]) >= 0) {
        key += char(hex_digit(next) * 16 + hex_digit(text[i + 2]));
        i += 2;
      } else {
        key += text[i];
      }
    }
    const Json* inside = target.schema->find(key);
    if (target.schema->is_array()) {
      const Result<int64_t> index = parse_int(key);
      if (index && *index >= 0 && size_t(*index) < target.schema->size())
        inside = &target.schema->items()[size_t(*index)];
    }
    if (!inside) return wrong;
    target = {inside, target.path + "/" + escaped(key)};
    at = end;
  }
  return target;
}

unsigned type_named(std::string_view name) {
  using namespace schema_type;
  return name == "null"      ? unsigned(null)
         : name == "boolean" ? unsigned(boolean)
         : name == "integer" ? unsigned(integer)
         : name == "number"  ? unsigned(number | integer)
         : name == "string"  ? unsigned(string)
         : name == "array"   ? unsigned(array)
         : name == "object"  ? unsigned(object)
                             : 0u;
}

unsigned types_of(const Json& type) {
  if (type.is_string()) return type_named(type.text());
  unsigned all = 0;
  for (const Json& one : type.items()) all |= type_named(one.text());
  return all;
}

bool is_subschema(const Json& j) { return j.is_object() || j.kind() == Json::Kind::boolean; }

Result<void> check_type(const SchemaPart& part, const Json& type) {
  const auto is_known = [](const Json& name) { return type_named(name.text()) != 0; };
  if (type.is_string() ? is_known(type)
                       : type.is_array() && type.size() > 0 &&
                             std::all_of(type.items().begin(), type.items().end(), is_known))
    return {};
  return Error{part.at("type") +
               " must be null, boolean, integer, number, string, array, object or a list of them"};
}

// The form of a keyword's value, as far as later steps rely on it.
Result<void> check_value(const SchemaPart& part, const std::string& keyword, const Json& value) {
  const auto all = [&](bool (*holds)(const Json&)) {
    return std::all_of(value.items().begin(), value.items().end(), holds) &&
           std::all_of(value.members().begin(), value.members().end(),
                       [&](const Json::Member& m) { return holds(m.second); });
  };
  const auto is_text = [](const Json& j) { return j.is_string(); };
  if (keyword == "type") return check_type(part, value);
  if (keyword == "items" || keyword == "additionalProperties") {
    if (value.is_array())
      return Error{part.at(keyword) + " is a list, as in older drafts; write prefixItems"};
    if (!is_subschema(value)) return Error{part.at(keyword) + " must be a schema"};
  } else if (keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf" ||
             keyword == "prefixItems") {
    if (!value.is_array() || value.size() == 0 || !all(is_subschema))
      return Error{part.at(keyword) + " must be a list of schemas"};
  } else if (keyword == "properties" || keyword == "patternProperties") {
    if (!value.is_object() || !all(is_subschema))
      return Error{part.at(keyword) + " must be an object of schemas"};
  } else if (keyword == "required") {
    if (!value.is_array() || !all(is_text))
      return Error{part.at(keyword) + " must be a list of names"};
  } else if (keyword == "enum") {
    if (!value.is_array() || value.size() == 0)
      return Error{part.at(keyword) + " must be a list of at least one value"};
  } else if (keyword == "pattern" || keyword == "format" || keyword == "$ref") {
    if (!value.is_string()) return Error{part.at(keyword) + " must be a string"};
  } else if (keyword == "minimum" || keyword == "maximum" || keyword == "exclusiveMinimum" ||
             keyword == "exclusiveMaximum" || keyword == "multipleOf") {
    if (!value.is_number()) return Error{part.at(keyword) + " must be a number"};
  } else if (keyword == "uniqueItems") {
    if (value.kind() != Json::Kind::boolean)
      return Error{part.at(keyword) + " must be true or false"};
  }
  return {};
}

Result<void> check_keywords(const SchemaPart& part) {
  for (const auto& [keyword, value] : part.schema->members()) {
    if (is_one_of(keyword, kSupported)) {
      TRY(check_value(part, keyword, value));
      continue;
    }
    if (is_one_of(keyword, kAnnotations) || keyword.starts_with("x-")) continue;
    return Error{part.at(keyword) + " is not supported; leave it out, or express it otherwise"};
  }
  return {};
}

}  // namespace

std::string SchemaPart::at(std::string_view keyword) const {
  return "'" + printable(keyword) + "' at " + (path.empty() ? "the root" : printable(path));
}

Result<SchemaParts> SchemaParts::gather(const Json& document, std::vector<SchemaPart> parts) {
  SchemaParts all;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts.size() > kPartsMax)
      return Error{"the schema combines more than 200 subschemas at " + printable(parts[0].path)};
    const SchemaPart part = parts[i];
    const auto is_same = [&](const SchemaPart& known) { return known.schema == part.schema; };
    const auto known = std::find_if(all.parts_.begin(), all.parts_.end(), is_same);
    if (known != all.parts_.end()) {
      known->skips_any_of |= part.skips_any_of;
      known->skips_one_of |= part.skips_one_of;
      known->skips_values |= part.skips_values;
      continue;
    }
    if (part.schema->kind() == Json::Kind::boolean) {
      all.matches_nothing_ |= !*part.schema->as_bool();
      continue;
    }
    if (!part.schema->is_object())
      return Error{"the schema at " + (part.path.empty() ? "the root" : printable(part.path)) +
                   " must be an object, true or false"};
    TRY(check_keywords(part));
    all.parts_.push_back(part);
    if (const Json* reference = part.find("$ref"))
      parts.push_back(TRY(resolve(document, part, *reference)));
    if (const Json* list = part.find("allOf"))
      for (size_t k = 0; k < list->size(); ++k)
        parts.push_back({&list->items()[k], part.path + "/allOf/" + std::to_string(k)});
  }
  return all;
}

bool SchemaParts::has_constraints() const {
  for (const SchemaPart& part : parts_)
    for (const auto& [keyword, value] : part.schema->members()) {
      const bool is_skipped = ((keyword == "enum" || keyword == "const") && part.skips_values) ||
                              (keyword == "anyOf" && part.skips_any_of) ||
                              (keyword == "oneOf" && part.skips_one_of) || keyword == "$ref" ||
                              keyword == "allOf";
      if (!is_skipped && is_one_of(keyword, kSupported)) return true;
    }
  return matches_nothing_;
}

unsigned SchemaParts::types() const {
  unsigned types = schema_type::all;
  for (const SchemaPart& part : parts_)
    if (const Json* type = part.find("type")) types &= types_of(*type);
  return types;
}

Result<int64_t> SchemaParts::strictest(const char* keyword, int64_t otherwise,
                                       const int64_t& (*choose)(const int64_t&,
                                                                const int64_t&)) const {
  int64_t best = otherwise;
  for (const SchemaPart& part : parts_) {
    const Json* value = part.find(keyword);
    if (!value) continue;
    const Result<int64_t> count = value->as_int();
    if (!count || *count < 0 || *count > kCountMax)
      return Error{part.at(keyword) + " must be a whole number from 0 to 1000000"};
    best = best < 0 ? *count : choose(best, *count);
  }
  return best;
}

Result<int64_t> SchemaParts::largest(const char* keyword, int64_t otherwise) const {
  return strictest(keyword, otherwise, std::max);
}

Result<int64_t> SchemaParts::smallest(const char* keyword, int64_t otherwise) const {
  return strictest(keyword, otherwise, std::min);
}

}  // namespace weir
