#include "grammar/call_grammar.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "grammar/json_schema.h"
#include "grammar/pushdown_automaton.h"

namespace weir {
namespace {

constexpr int64_t kCallsMax = 64, kBlanksMax = 4;

const Json& text_schema() {
  static const Json made = *parse_json(R"({"type": "string"})");
  return made;
}

const Json& other_schema() {
  static const Json made =
      *parse_json(R"({"type": ["null", "boolean", "number", "array", "object"]})");
  return made;
}

class CallGrammar {
 public:
  CallGrammar(const CallRules& rules, const TokenVocabulary* vocabulary, Grammar& grammar)
      : rules_(rules),
        spelling_(rules.spelling),
        vocabulary_(vocabulary),
        g_(grammar),
        json_(grammar),
        any_(grammar.character(CodePointSet({{0, kCodePointMax}}))) {}

  Result<Grammar::Rule> run(Grammar::Expression text) {
    const Grammar::Expression calls = TRY(all_calls());
    ByteSet blank;
    for (const char c : {' ', '\n'}) blank.set(uint8_t(c));
    const Grammar::Expression alone =
        g_.sequence({g_.repeat(g_.one_of(blank), 0, kBlanksMax), calls});
    const Grammar::Rule root = g_.add_rule("root");
    if (rules_.is_forced) {
      g_.define(root, alone);
    } else if (text >= 0) {
      g_.define(root, g_.choice({alone, text}));
    } else if (spelling_.begin.empty() && spelling_.call.starts_with('{')) {
      const Grammar::Expression other = g_.sequence({g_.literal(spelling_.opening()), any_text()});
      g_.define(root, g_.choice({calls, TRY(g_.without(any_text(), other))}));
    } else {
      g_.define(root, g_.sequence({TRY(text_without(spelling_.opening())), g_.optional(calls)}));
    }
    return root;
  }

 private:
  Grammar::Expression any_text() { return g_.repeat(any_, 0, Grammar::kUnlimited); }

  Result<Grammar::Expression> text_without(const std::string& mark) {
    return g_.without(any_text(), g_.sequence({any_text(), g_.literal(mark), any_text()}));
  }

  // Marks that are tokens of the vocabulary are these tokens.
  Grammar::Expression marked(std::string_view text) {
    std::vector<Grammar::Expression> parts;
    size_t from = 0;
    for (size_t at = 0; at < text.size();) {
      const int id = vocabulary_ ? vocabulary_->mark_at(text, at) : -1;
      if (id < 0) {
        ++at;
        continue;
      }
      if (at > from) parts.push_back(g_.literal(text.substr(from, at - from)));
      parts.push_back(g_.literal(TokenVocabulary::token_literal(id)));
      at += vocabulary_->mark_text(id).size();
      from = at;
    }
    if (from < text.size()) parts.push_back(g_.literal(text.substr(from)));
    return g_.sequence(std::move(parts));
  }

  Result<Grammar::Expression> all_calls() {
    std::vector<Grammar::Expression> ways;
    for (const CallRules::Function& function : rules_.functions)
      ways.push_back(TRY_IN("tool '" + printable(function.name) + "'", call(function)));
    const Grammar::Rule one = g_.add_rule("call");
    g_.define(one, g_.choice(std::move(ways)));
    std::vector<Grammar::Expression> parts = {marked(spelling_.begin), g_.call(one)};
    if (!rules_.is_single && !spelling_.is_single)
      parts.push_back(
          g_.repeat(g_.sequence({marked(spelling_.between), g_.call(one)}), 0, kCallsMax - 1));
    parts.push_back(marked(spelling_.end));
    return g_.sequence(std::move(parts));
  }

  Result<Grammar::Expression> call(const CallRules::Function& function) {
    const bool has_elements = !spelling_.dsml.empty();
    Result<Grammar::Expression> arguments =
        has_elements ? elements(function.parameters) : object(function.parameters);
    if (!arguments) {
      if (function.is_strict) return std::move(arguments).error();
      arguments = has_elements ? any_elements() : json_.object();
    }
    return g_.sequence({marked(spelling_.call), g_.literal(function.name),
                        marked(spelling_.arguments), *arguments, marked(spelling_.call_end)});
  }

  Result<Grammar::Expression> object(const Json& schema) {
    if (!schema.is_object()) return json_.object();
    // What can not be compiled must not fail all of the grammar, so it is tried alone first.
    Grammar trial;
    const Grammar::Rule rule = TRY(parse_json_schema(schema, trial));
    TRY(PushdownAutomaton::compile(trial, rule));
    return g_.call(TRY(parse_json_schema(schema, g_)));
  }

  // <｜DSML｜parameter name="NAME" string="true">VALUE</｜DSML｜parameter>
  Grammar::Expression element(Grammar::Expression name, bool is_string, Grammar::Expression value) {
    return g_.sequence({marked("<" + spelling_.dsml + "parameter name=\""), name,
                        g_.literal(is_string ? "\" string=\"true\">" : "\" string=\"false\">"),
                        value, marked("</" + spelling_.dsml + "parameter>\n")});
  }

  // Text that does not end the element; a closing tag with a token of its own can not be text.
  bool is_closed_by_token() const {
    const std::string closing = "</" + spelling_.dsml;
    bool is_token = false;
    for (size_t at = 0; vocabulary_ && at < closing.size(); ++at)
      is_token |= vocabulary_->mark_at(closing, at) >= 0;
    return is_token;
  }
  Result<Grammar::Expression> raw_text() {
    return is_closed_by_token() ? any_text() : text_without("</" + spelling_.dsml);
  }

  Result<Grammar::Expression> any_elements() {
    const CodePointSet quote({{'"', '"'}});
    const auto name = [&] { return g_.repeat(g_.character(quote.complement()), 1, 64); };
    const Grammar::Expression one =
        g_.choice({element(name(), true, TRY(raw_text())), element(name(), false, json_.value())});
    return g_.repeat(one, 0, Grammar::kUnlimited);
  }

  // The declared properties in their order; others are left out even where the schema allows them.
  Result<Grammar::Expression> elements(const Json& schema) {
    if (!schema.is_object()) return any_elements();
    const SchemaParts all = TRY(SchemaParts::gather(schema, {{&schema, ""}}));
    std::set<std::string> required;
    std::vector<std::string> names;
    std::map<std::string, std::vector<SchemaPart>> values;
    for (const SchemaPart& part : all.parts()) {
      for (const char* keyword : {"anyOf", "oneOf", "enum", "const", "patternProperties",
                                  "minProperties", "maxProperties"})
        if (part.find(keyword))
          return Error{part.at(keyword) + " is not supported for the arguments of this model"};
      if (const Json* list = part.find("required"))
        for (const Json& name : list->items()) required.insert(name.text());
      const Json* properties = part.find("properties");
      if (!properties) continue;
      for (const auto& [name, value] : properties->members()) {
        std::vector<SchemaPart>& parts = values[name];
        if (parts.empty()) names.push_back(name);
        parts.push_back({&value, part.path + "/properties/" + name});
      }
    }
    for (const std::string& name : required)
      if (!values.contains(name))
        return Error{"'required' names '" + printable(name) + "', which is no property"};
    if (names.empty()) return any_elements();
    std::vector<Grammar::Expression> list;
    for (const std::string& name : names) {
      if (name.find('"') != name.npos)
        return Error{"the property '" + printable(name) + "' can not be written by this model"};
      const Grammar::Expression one = TRY(property(schema, name, values[name]));
      list.push_back(required.contains(name) ? one : g_.optional(one));
    }
    return g_.sequence(std::move(list));
  }

  // As a text where it is one, else as JSON. Tried alone first, as in object().
  Result<Grammar::Expression> property(const Json& document, const std::string& name,
                                       const std::vector<SchemaPart>& parts) {
    std::vector<Grammar::Expression> ways;
    for (const bool is_string : {true, false}) {
      std::vector<SchemaPart> wanted = parts;
      wanted.push_back({is_string ? &text_schema() : &other_schema(), parts[0].path});
      const auto build = [&](Grammar& grammar) {
        return parse_json_schema(document, wanted, grammar,
                                 is_string ? StringForm::bare : StringForm::quoted);
      };
      Grammar trial;
      const Grammar::Rule rule = TRY(build(trial));
      if (!PushdownAutomaton::compile(trial, rule)) continue;  // it is never of this kind
      const bool is_any = is_string && TRY(matches_any_text(document, wanted));
      Grammar::Expression value = is_any ? TRY(raw_text()) : g_.call(TRY(build(g_)));
      if (is_string && !is_any && !is_closed_by_token()) {
        // Where this takes too many states, the model is trusted to close the element once.
        const Result<Grammar::Expression> open = g_.both(value, TRY(raw_text()));
        if (open) value = *open;
      }
      ways.push_back(element(g_.literal(name), is_string, value));
    }
    if (ways.empty()) return Error{"the property '" + printable(name) + "' can match nothing"};
    return g_.choice(std::move(ways));
  }

  static Result<bool> matches_any_text(const Json& document, const std::vector<SchemaPart>& parts) {
    const SchemaParts all = TRY(SchemaParts::gather(document, parts));
    for (const SchemaPart& part : all.parts())
      for (const char* keyword :
           {"enum", "const", "anyOf", "oneOf", "pattern", "format", "minLength", "maxLength"})
        if (part.find(keyword)) return false;
    return true;
  }

  const CallRules& rules_;
  const CallSpelling& spelling_;
  const TokenVocabulary* vocabulary_;
  Grammar& g_;
  JsonLanguage json_;
  const Grammar::Expression any_;
};

}  // namespace

CallSpelling CallSpelling::hermes() {
  return {.call = "<tool_call>\n{\"name\": \"",
          .arguments = "\", \"arguments\": ",
          .call_end = "}\n</tool_call>",
          .between = "\n"};
}

CallSpelling CallSpelling::deepseek_fenced() {
  return {.begin = "<｜tool▁calls▁begin｜>",
          .call = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
          .arguments = "\n```json\n",
          .call_end = "\n```<｜tool▁call▁end｜>",
          .between = "\n",
          .end = "<｜tool▁calls▁end｜>"};
}

CallSpelling CallSpelling::deepseek() {
  return {.begin = "<｜tool▁calls▁begin｜>",
          .call = "<｜tool▁call▁begin｜>",
          .arguments = "<｜tool▁sep｜>",
          .call_end = "<｜tool▁call▁end｜>",
          .end = "<｜tool▁calls▁end｜>"};
}

CallSpelling CallSpelling::llama() {
  return {.call = "{\"name\": \"",
          .arguments = "\", \"parameters\": ",
          .call_end = "}",
          .is_single = true};
}

CallSpelling CallSpelling::deepseek_elements(const std::string& block) {
  const std::string dsml = block == "calls" ? "｜DSML｜ " : "｜DSML｜";
  return {.begin = "<" + dsml + block + ">\n",
          .call = "<" + dsml + "invoke name=\"",
          .arguments = "\">\n",
          .call_end = "</" + dsml + "invoke>\n",
          .end = "</" + dsml + block + ">",
          .dsml = dsml};
}

std::string CallSpelling::opening() const {
  const std::string& all = begin.empty() ? call : begin;
  return all.substr(0, all.find('\n'));
}

Result<Grammar::Rule> build_call_grammar(const CallRules& rules, Grammar::Expression text,
                                         const TokenVocabulary* vocabulary, Grammar& grammar) {
  return CallGrammar(rules, vocabulary, grammar).run(text);
}

}  // namespace weir
