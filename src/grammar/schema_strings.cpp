#include "grammar/schema_strings.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "grammar/json_formats.h"

namespace weir {
namespace {

constexpr int kStepMax = 10'000;

Error unknown_format(const SchemaPart& part, const std::string& name) {
  std::string names;
  for (const std::string& known : format_names()) names += (names.empty() ? "" : ", ") + known;
  return Error{part.at("format") + ": '" + printable(name) +
               "' is not supported; use pattern, or one of " + names};
}

// All patterns and formats, each once.
Result<std::vector<Grammar::Expression>> patterns_of(SchemaRules& rules, const SchemaParts& all) {
  std::vector<Grammar::Expression> found;
  std::set<std::string> seen;
  for (const SchemaPart& part : all.parts()) {
    if (const Json* pattern = part.find("pattern"))
      if (seen.insert("p" + pattern->text()).second)
        found.push_back(TRY(schema_pattern(rules, pattern->text(), part.at("pattern"))));
    const Json* format = part.find("format");
    if (!format || is_ignored_format(format->text()) || !seen.insert("f" + format->text()).second)
      continue;
    const char* pattern = format_pattern(format->text());
    if (!pattern) return unknown_format(part, format->text());
    found.push_back(TRY_IN(part.at("format"),
                           parse_regular_expression(pattern, rules.grammar(), Matching::whole,
                                                    rules.json().spelling())));
  }
  return found;
}

void raise(std::optional<Decimal>& bound, bool& is_strict, const Decimal& by, bool strict) {
  const int order = bound ? compare(by, *bound) : 1;
  if (order > 0) is_strict = strict;
  if (order == 0) is_strict |= strict;
  if (order > 0) bound = by;
}

void lower(std::optional<Decimal>& bound, bool& is_strict, const Decimal& by, bool strict) {
  const int order = bound ? compare(by, *bound) : -1;
  if (order < 0) is_strict = strict;
  if (order == 0) is_strict |= strict;
  if (order < 0) bound = by;
}

// Numbers that are multiples of every multipleOf; nothing is added without any.
Result<void> add_multiples(SchemaRules& rules, const SchemaParts& all, bool is_integer,
                           std::vector<Grammar::Expression>& languages) {
  for (const SchemaPart& part : all.parts()) {
    const Json* value = part.find("multipleOf");
    if (!value) continue;
    const Decimal step = TRY_IN(part.at("multipleOf"), Decimal::parse(value->number_text()));
    const std::string whole = step.whole(), fraction = step.fraction();
    const Error refused{part.at("multipleOf") +
                        " must be a whole number from 1 to 10000 or 0.1, 0.01 ..., not " +
                        value->number_text()};
    if (step.is_negative || step.digits.empty()) return refused;
    if (fraction.empty() && whole.size() <= 5 && std::stoi(whole) <= kStepMax) {
      languages.push_back(rules.json().multiple_of(std::stoi(whole)));
    } else if (step.digits == "1" && step.point <= 0 && fraction.size() <= 100) {
      if (!is_integer) languages.push_back(rules.json().with_fraction_of(int(fraction.size())));
    } else {
      return refused;
    }
  }
  return {};
}

}  // namespace

Result<Grammar::Expression> schema_pattern(SchemaRules& rules, const std::string& pattern,
                                           const std::string& where) {
  return TRY_IN(where, parse_regular_expression(pattern, rules.grammar(), Matching::search,
                                                rules.json().spelling()));
}

Result<Grammar::Expression> schema_string(SchemaRules& rules, const SchemaParts& all) {
  const int64_t min = TRY(all.largest("minLength", 0));
  const int64_t max = TRY(all.smallest("maxLength", Grammar::kUnlimited));
  const std::vector<Grammar::Expression> patterns = TRY(patterns_of(rules, all));
  if (max >= 0 && max < min) return rules.grammar().nothing();
  if (patterns.empty()) return rules.json().string(min, max);
  Grammar::Expression characters = patterns[0];
  const std::string place = all.parts()[0].path.empty()
                                ? "the string at the root"
                                : "the string at " + printable(all.parts()[0].path);
  for (size_t i = 1; i < patterns.size(); ++i)
    characters = TRY_IN(place, rules.grammar().both(characters, patterns[i]));
  if (min > 0 || max >= 0)
    characters = TRY_IN(place, rules.grammar().both(characters, rules.json().characters(min, max)));
  return rules.json().quoted(characters);
}

Result<NumberRange> number_range(const SchemaParts& all) {
  NumberRange range;
  for (const SchemaPart& part : all.parts()) {
    for (const char* keyword : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
      const Json* value = part.find(keyword);
      if (!value) continue;
      const std::string_view name = keyword;
      const Decimal bound = TRY_IN(part.at(keyword), Decimal::parse(value->number_text()));
      if (name == "minimum" || name == "exclusiveMinimum")
        raise(range.low, range.excludes_low, bound, name == "exclusiveMinimum");
      else
        lower(range.high, range.excludes_high, bound, name == "exclusiveMaximum");
    }
  }
  return range;
}

Result<Grammar::Expression> schema_number(SchemaRules& rules, const SchemaParts& all,
                                          bool is_integer) {
  const NumberRange range = TRY(number_range(all));
  std::vector<Grammar::Expression> languages;
  if (range.low || range.high) languages.push_back(TRY(rules.json().number_in(range, is_integer)));
  TRY(add_multiples(rules, all, is_integer, languages));
  if (languages.empty()) return is_integer ? rules.json().integer() : rules.json().number();
  Grammar::Expression numbers = languages[0];
  for (size_t i = 1; i < languages.size(); ++i)
    numbers = TRY(rules.grammar().both(numbers, languages[i]));
  return numbers;
}

}  // namespace weir
