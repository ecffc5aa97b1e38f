#include "grammar/schema_object.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kPatternsMax = 4;
constexpr size_t kPropertiesMax = 2000;

struct Property {
  std::string name;
  bool is_required = false;
  Grammar::Expression member = 0;  // key, colon, value
};

class ObjectBuilder {
 public:
  ObjectBuilder(SchemaRules& rules, const SchemaParts& all)
      : rules_(rules), g_(rules.grammar()), json_(rules.json()), all_(all) {}

  Result<Grammar::Expression> run() {
    TRY(find_patterns());
    TRY(find_properties());
    TRY(find_additional());
    TRY(find_counts());
    if (is_impossible_) return g_.nothing();
    return members();
  }

 private:
  struct Pattern {
    std::string text;
    Grammar::Expression characters;
  };

  Result<void> find_patterns() {
    std::set<std::string> seen;
    for (const SchemaPart& part : all_.parts()) {
      const Json* patterns = part.find("patternProperties");
      for (const auto& [text, schema] : patterns ? patterns->members() : kNone) {
        if (!seen.insert(text).second) continue;
        patterns_.push_back(
            {text, TRY(schema_pattern(rules_, text, part.at("patternProperties")))});
      }
      if (patterns_.size() > kPatternsMax)
        return Error{part.at("patternProperties") +
                     ": more than 4 patterns for one object are not supported"};
    }
    return {};
  }

  // What holds for the value of a key that matches the patterns of `matched`. `name`: of a declared
  // property, else nullptr.
  std::vector<SchemaPart> value_parts(const std::string* name, unsigned matched) const {
    std::vector<SchemaPart> parts;
    for (const SchemaPart& part : all_.parts()) {
      bool is_known = false;
      const Json* properties = part.find("properties");
      const Json* declared = name && properties ? properties->find(*name) : nullptr;
      if (declared) {
        is_known = true;
        parts.push_back({declared, part.path + "/properties/" + *name});
      }
      const Json* of_patterns = part.find("patternProperties");
      for (size_t i = 0; of_patterns && i < patterns_.size(); ++i) {
        const Json* schema = of_patterns->find(patterns_[i].text);
        if (!schema || !(matched >> i & 1)) continue;
        is_known = true;
        parts.push_back({schema, part.path + "/patternProperties/" + patterns_[i].text});
      }
      const Json* additional = part.find("additionalProperties");
      if (!is_known && additional)
        parts.push_back({additional, part.path + "/additionalProperties"});
    }
    return parts;
  }

  Result<Grammar::Expression> member(Grammar::Expression key, std::vector<SchemaPart> value) {
    return g_.sequence({key, json_.colon(), TRY(rules_.value_of(std::move(value)))});
  }

  Result<void> find_properties() {
    std::set<std::string> required, seen;
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (seen.insert(name).second) names.push_back(name);
    };
    for (const SchemaPart& part : all_.parts())
      if (const Json* properties = part.find("properties"))
        for (const Json::Member& p : properties->members()) add(p.first);
    for (const SchemaPart& part : all_.parts())
      if (const Json* list = part.find("required"))
        for (const Json& name : list->items()) {
          add(name.text());
          required.insert(name.text());
        }
    if (names.size() > kPropertiesMax)
      return Error{"an object has more than 2000 properties at " + printable(all_.parts()[0].path)};
    for (const std::string& name : names) {
      const Grammar::Expression spelled = json_.spelled(name);
      unsigned matched = 0;
      for (size_t i = 0; i < patterns_.size(); ++i) {
        const Grammar::Expression both = TRY(g_.both(spelled, patterns_[i].characters));
        if (!g_.automaton_of(g_.node(both)).states.empty()) matched |= 1u << i;
      }
      properties_.push_back({name, required.contains(name),
                             TRY(member(json_.quoted(spelled), value_parts(&name, matched)))});
      names_.push_back(spelled);
    }
    required_ = int64_t(required.size());
    return {};
  }

  // One kind of further member for each set of patterns that a key may match.
  Result<void> find_additional() {
    std::vector<Grammar::Expression> ways;
    for (unsigned matched = 0; matched < 1u << patterns_.size(); ++matched) {
      std::vector<SchemaPart> value = value_parts(nullptr, matched);
      if (TRY(SchemaParts::gather(rules_.document(), value)).matches_nothing()) continue;
      if (patterns_.empty() && names_.empty()) {
        ways.push_back(TRY(member(json_.string(), std::move(value))));
        continue;
      }
      Grammar::Expression key = json_.characters(0, Grammar::kUnlimited);
      for (size_t i = 0; i < patterns_.size(); ++i)
        key = matched >> i & 1 ? TRY(g_.both(key, patterns_[i].characters))
                               : TRY(g_.without(key, patterns_[i].characters));
      if (!names_.empty()) key = TRY(g_.without(key, g_.choice(names_)));
      if (g_.node(key).kind == Grammar::Node::Kind::automaton &&
          g_.automaton_of(g_.node(key)).states.empty())
        continue;
      ways.push_back(TRY(member(json_.quoted(key), std::move(value))));
    }
    has_additional_ = !ways.empty();
    const Grammar::Rule rule = g_.add_rule("additional member");
    g_.define(rule, g_.choice(std::move(ways)));
    additional_ = g_.call(rule);
    return {};
  }

  // A grammar does not know whether additional keys repeat, so it counts them only from above.
  Result<void> find_counts() {
    const int64_t min = TRY(all_.largest("minProperties", 0));
    max_ = TRY(all_.smallest("maxProperties", Grammar::kUnlimited));
    const int64_t declared = int64_t(properties_.size());
    is_filled_ = min > 0;
    if (max_ >= 0 && (max_ < min || max_ < required_)) is_impossible_ = true;
    if (min > std::max<int64_t>(1, required_) && !is_impossible_) return refused("minProperties");
    if (max_ < 0 || (!has_additional_ && declared <= max_)) {
      max_ = Grammar::kUnlimited;
    } else if (declared > required_ && max_ > 0) {
      return refused("maxProperties");
    } else {
      max_ -= required_;  // of additional members
    }
    return {};
  }

  Error refused(const char* keyword) const {
    for (const SchemaPart& part : all_.parts())
      if (part.find(keyword))
        return Error{part.at(keyword) +
                     " is not supported beside optional properties or above 1; leave it out"};
    return Error{keyword};
  }

  // list: property i, a later or an additional one, then what follows. All keys that may come next
  // share the comma before them, and with it one stack. A rule each, so that the grammar grows with
  // the number of properties and not with its square.
  Grammar::Expression members() {
    const bool may_add = has_additional_ && max_ != 0;
    const Grammar::Expression more = g_.sequence({json_.comma(), additional_});
    Grammar::Expression list =
        may_add ? g_.sequence({additional_, g_.repeat(more, 0, max_ < 0 ? max_ : max_ - 1)})
                : g_.nothing();
    const bool are_left_out = max_ == 0 && required_ == 0;
    bool must_follow = false;  // a later one is required
    for (size_t i = are_left_out ? 0 : properties_.size(); i-- > 0;) {
      const Property& property = properties_[i];
      const Grammar::Rule later = g_.add_rule("members");
      g_.define(later, list);
      const Grammar::Expression rest = g_.sequence({json_.comma(), g_.call(later)});
      const Grammar::Expression with =
          g_.sequence({property.member, must_follow ? rest : g_.optional(rest)});
      list = property.is_required ? with : g_.choice({with, g_.call(later)});
      must_follow |= property.is_required;
    }
    return json_.bracketed("{", list, required_ == 0 && !is_filled_, "}");
  }

  static inline const std::vector<Json::Member> kNone = {};
  SchemaRules& rules_;
  Grammar& g_;
  JsonLanguage& json_;
  const SchemaParts& all_;
  std::vector<Pattern> patterns_;
  std::vector<Property> properties_;
  std::vector<Grammar::Expression> names_;  // spelled
  Grammar::Expression additional_ = 0;
  bool has_additional_ = false, is_filled_ = false, is_impossible_ = false;
  int64_t required_ = 0, max_ = Grammar::kUnlimited;
};

}  // namespace

Result<Grammar::Expression> schema_object(SchemaRules& rules, const SchemaParts& all) {
  return ObjectBuilder(rules, all).run();
}

}  // namespace weir
