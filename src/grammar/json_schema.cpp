#include "grammar/json_schema.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "grammar/pushdown_automaton.h"
#include "grammar/schema_object.h"
#include "grammar/schema_parts.h"
#include "grammar/schema_strings.h"
#include "grammar/stack_sets.h"

namespace weir {
namespace {

constexpr size_t kRulesMax = 5000;
constexpr size_t kBranchesMax = 256;
constexpr int kValueDepthMax = 3;  // constants are checked by grammars of their own
constexpr size_t kPrefixMax = 10'000;

// One rule for each combination of subschemas, built from a list so that a chain of references
// takes no stack.
class SchemaBuilder : public SchemaRules {
 public:
  SchemaBuilder(const Json& document, Grammar& grammar, int depth,
                StringForm form = StringForm::quoted)
      : document_(document), grammar_(grammar), json_(grammar, form), depth_(depth) {}

  Result<Grammar::Rule> run(std::vector<SchemaPart> parts) {
    const Grammar::Rule root = TRY(rule_of(std::move(parts)));
    for (size_t i = 0; i < queue_.size(); ++i) {
      const auto [rule, wanted] = queue_[i];
      grammar_.define(rule, TRY(build(wanted)));
    }
    return root;
  }

  const Json& document() const override { return document_; }
  Grammar& grammar() override { return grammar_; }
  JsonLanguage& json() override { return json_; }
  Result<Grammar::Expression> value_of(std::vector<SchemaPart> parts) override {
    return grammar_.call(TRY(rule_of(std::move(parts))));
  }

 private:
  using Key = std::vector<std::pair<const Json*, int>>;

  Result<Grammar::Rule> rule_of(std::vector<SchemaPart> parts) {
    Key key;
    for (const SchemaPart& p : parts)
      key.push_back({p.schema, p.skips_any_of + 2 * p.skips_one_of + 4 * p.skips_values});
    std::sort(key.begin(), key.end());
    key.erase(std::unique(key.begin(), key.end()), key.end());
    const auto [at, is_new] = rules_.try_emplace(std::move(key), 0);
    if (is_new) {
      if (rules_.size() > kRulesMax)
        return Error{"the schema has more than 5000 combinations of subschemas; make it simpler"};
      at->second = grammar_.add_rule(parts.empty() ? "value" : "value " + parts[0].path);
      queue_.push_back({at->second, std::move(parts)});
    }
    return at->second;
  }

  Result<Grammar::Expression> build(const std::vector<SchemaPart>& wanted) {
    const SchemaParts all = TRY(SchemaParts::gather(document_, wanted));
    if (all.matches_nothing()) return grammar_.nothing();
    if (!all.has_constraints()) return json_.value();
    for (size_t i = 0; i < all.parts().size(); ++i) {
      const SchemaPart& part = all.parts()[i];
      if (!part.skips_any_of && part.find("anyOf")) return branches(all, i, "anyOf");
      if (!part.skips_one_of && part.find("oneOf")) return branches(all, i, "oneOf");
    }
    for (size_t i = 0; i < all.parts().size(); ++i) {
      const SchemaPart& part = all.parts()[i];
      if (!part.skips_values && (part.find("enum") || part.find("const"))) return values(all, i);
    }
    return kinds(all);
  }

  // Every branch together with what stands beside it. Branches of oneOf must exclude each other,
  // because a grammar can not count how many of them match.
  Result<Grammar::Expression> branches(const SchemaParts& all, size_t index, const char* keyword) {
    const SchemaPart& part = all.parts()[index];
    const bool is_one_of = std::string_view(keyword) == "oneOf";
    std::vector<SchemaPart> branch;
    for (const Json& schema : part.find(keyword)->items())
      branch.push_back({&schema, part.path + "/" + keyword + "/" + std::to_string(branch.size())});
    if (branch.size() > kBranchesMax)
      return Error{part.at(keyword) + " has more than 256 branches"};
    std::vector<std::vector<SchemaPart>> together;
    for (const SchemaPart& one : branch) {
      together.push_back(all.parts());
      SchemaPart& itself = together.back()[index];
      (is_one_of ? itself.skips_one_of : itself.skips_any_of) = true;
      together.back().push_back(one);
    }
    if (is_one_of) TRY(check_exclusion(part, together));
    std::vector<Grammar::Expression> ways;
    for (std::vector<SchemaPart>& parts : together) ways.push_back(TRY(value_of(std::move(parts))));
    return grammar_.choice(std::move(ways));
  }

  Result<void> check_exclusion(const SchemaPart& part,
                               const std::vector<std::vector<SchemaPart>>& branches) {
    std::vector<SchemaParts> gathered;
    for (const std::vector<SchemaPart>& branch : branches)
      gathered.push_back(TRY(SchemaParts::gather(document_, branch)));
    for (size_t a = 0; a < branches.size(); ++a)
      for (size_t b = 0; b < a; ++b)
        if (!TRY(exclude_each_other(document_, gathered[a], gathered[b])))
          return Error{part.at("oneOf") + ": branches " + std::to_string(b) + " and " +
                       std::to_string(a) +
                       " may match the same value; give them different types or a required "
                       "property with different constants, or write anyOf"};
    return {};
  }

  // Constants that everything else allows, which a grammar of the rest tells.
  Result<Grammar::Expression> values(const SchemaParts& all, size_t index) {
    const SchemaPart& part = all.parts()[index];
    const Json *constant = part.find("const"), *list = part.find("enum");
    std::vector<const Json*> values;
    if (constant)
      values.push_back(constant);
    else
      for (const Json& value : list->items()) values.push_back(&value);
    if (constant && list) {
      const auto is_it = [&](const Json& v) { return v.dump() == constant->dump(); };
      if (std::none_of(list->items().begin(), list->items().end(), is_it)) values.clear();
    }
    std::vector<SchemaPart> rest = all.parts();
    rest[index].skips_values = true;
    if (TRY(SchemaParts::gather(document_, rest)).has_constraints())
      TRY(keep_matching(values, std::move(rest)));
    std::vector<Grammar::Expression> ways;
    for (const Json* value : values) ways.push_back(json_.constant(*value));
    return grammar_.choice(std::move(ways));
  }

  Result<void> keep_matching(std::vector<const Json*>& values, std::vector<SchemaPart> rest) {
    if (depth_ >= kValueDepthMax)
      return Error{"more than three lists of constants meet at " + printable(rest[0].path)};
    Grammar grammar;
    const Grammar::Rule root = TRY(SchemaBuilder(document_, grammar, depth_ + 1).run(rest));
    const Result<PushdownAutomaton> automaton = PushdownAutomaton::compile(grammar, root);
    if (!automaton) {
      if (automaton.error().message.find("match nothing") == std::string::npos)
        return Error{automaton.error()};
      values.clear();
      return {};
    }
    StackSets stacks(*automaton);
    std::erase_if(values, [&](const Json* value) {
      return !stacks.is_complete(stacks.next(stacks.begin(), value->dump()));
    });
    return {};
  }

  Result<Grammar::Expression> kinds(const SchemaParts& all) {
    const unsigned types = all.types();
    Grammar& g = grammar_;
    std::vector<Grammar::Expression> ways;
    if (types & schema_type::null) ways.push_back(g.literal("null"));
    if (types & schema_type::boolean)
      ways.push_back(g.choice({g.literal("true"), g.literal("false")}));
    if (types & (schema_type::integer | schema_type::number))
      ways.push_back(TRY(schema_number(*this, all, !(types & schema_type::number))));
    if (types & schema_type::string) ways.push_back(TRY(schema_string(*this, all)));
    if (types & schema_type::array) ways.push_back(TRY(array(all)));
    if (types & schema_type::object) ways.push_back(TRY(schema_object(*this, all)));
    return g.choice(std::move(ways));
  }

  Result<Grammar::Expression> item(const SchemaParts& all, size_t index) {
    std::vector<SchemaPart> parts;
    for (const SchemaPart& part : all.parts()) {
      const Json *prefix = part.find("prefixItems"), *items = part.find("items");
      if (prefix && index < prefix->size())
        parts.push_back(
            {&prefix->items()[index], part.path + "/prefixItems/" + std::to_string(index)});
      else if (items)
        parts.push_back({items, part.path + "/items"});
    }
    return value_of(std::move(parts));
  }

  // From the last item of the prefix to the first; the rest repeats.
  Result<Grammar::Expression> array(const SchemaParts& all) {
    Grammar& g = grammar_;
    const int64_t min = TRY(all.largest("minItems", 0));
    int64_t max = TRY(all.smallest("maxItems", Grammar::kUnlimited));
    int64_t prefix = 0;
    for (const SchemaPart& part : all.parts()) {
      if (const Json* list = part.find("prefixItems"))
        prefix = std::max(prefix, int64_t(list->size()));
      const Json* unique = part.find("uniqueItems");
      if (unique && *unique->as_bool() && (max < 0 || max > 1))
        return Error{part.at("uniqueItems") +
                     " is not supported: a grammar can not compare items; leave it out"};
    }
    if (prefix > int64_t(kPrefixMax)) return Error{"prefixItems has more than 10000 schemas"};
    if (max >= 0 && max < min) return g.nothing();
    const auto limited = [&](int64_t before) { return max < 0 ? max : max - before; };
    const int64_t fixed = max < 0 ? prefix : std::min(prefix, max);
    const Grammar::Expression rest_item = TRY(item(all, size_t(prefix)));
    const auto more = [&](Grammar::Expression one) { return g.sequence({json_.comma(), one}); };
    const int64_t first_of_rest = std::max<int64_t>(fixed, 1);
    Grammar::Expression rest =
        max >= 0 && max <= first_of_rest
            ? g.empty()
            : g.repeat(more(rest_item), std::max<int64_t>(0, min - first_of_rest),
                       limited(first_of_rest));
    for (int64_t i = fixed - 1; i > 0; --i) {
      rest = g.sequence({more(TRY(item(all, size_t(i)))), rest});
      if (i >= min) rest = g.optional(rest);
    }
    const Grammar::Expression first = fixed > 0 ? TRY(item(all, 0)) : rest_item;
    return json_.bracketed("[", max == 0 ? g.nothing() : g.sequence({first, rest}), min == 0, "]");
  }

  const Json& document_;
  Grammar& grammar_;
  JsonLanguage json_;
  const int depth_;
  std::map<Key, Grammar::Rule> rules_;
  std::vector<std::pair<Grammar::Rule, std::vector<SchemaPart>>> queue_;
};

}  // namespace

Result<Grammar::Rule> parse_json_schema(const Json& schema, Grammar& grammar) {
  return SchemaBuilder(schema, grammar, 0).run({{&schema, ""}});
}

Result<Grammar::Rule> parse_json_schema(const Json& document, std::vector<SchemaPart> parts,
                                        Grammar& grammar, StringForm form) {
  return SchemaBuilder(document, grammar, 0, form).run(std::move(parts));
}

}  // namespace weir
