// Subschemas that must hold at once ($ref, allOf, and a property that several of them describe),
// with their keywords checked: what the builder of json_schema.cpp turns into rules.
#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

// One subschema of the document. Skipped keywords are taken care of elsewhere.
struct SchemaPart {
  const Json* schema = nullptr;
  std::string path = {};  // JSON pointer
  bool skips_any_of = false, skips_one_of = false, skips_values = false;

  const Json* find(const char* keyword) const { return schema->find(keyword); }
  std::string at(std::string_view keyword) const;  // "'minLength' at /properties/a" for errors
};

// All of them hold.
class SchemaParts {
 public:
  // Follows $ref and allOf from `parts`. Errors name a keyword that is not supported, or whose
  // value is wrong, and its path.
  static Result<SchemaParts> gather(const Json& document, std::vector<SchemaPart> parts);

  const std::vector<SchemaPart>& parts() const { return parts_; }
  bool matches_nothing() const { return matches_nothing_; }  // one is `false`
  bool has_constraints() const;
  // Bits of Type that all allow.
  unsigned types() const;

  // The largest (or smallest) whole number >= 0 that a keyword has; `otherwise` without any.
  Result<int64_t> largest(const char* keyword, int64_t otherwise) const;
  Result<int64_t> smallest(const char* keyword, int64_t otherwise) const;

 private:
  Result<int64_t> strictest(const char* keyword, int64_t otherwise,
                            const int64_t& (*choose)(const int64_t&, const int64_t&)) const;

  std::vector<SchemaPart> parts_;
  bool matches_nothing_ = false;
};

namespace schema_type {
enum : unsigned {
  null = 1,
  boolean = 2,
  integer = 4,
  number = 8,  // with a fraction; "number" in a schema is both
  string = 16,
  array = 32,
  object = 64,
  all = 127
};
}  // namespace schema_type

// Whether no value can match both, as far as types (of constants, too), constants, ranges of
// numbers and required members that exclude each other tell. Numbers are compared as numbers: 1
// and 1.0 are equal.
Result<bool> exclude_each_other(const Json& document, const SchemaParts& a, const SchemaParts& b);

}  // namespace weir
