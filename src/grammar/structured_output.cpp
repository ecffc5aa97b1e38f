#include "grammar/structured_output.h"

#include <algorithm>

#include "base/json.h"
#include "grammar/gbnf.h"
#include "grammar/json_language.h"
#include "grammar/json_schema.h"
#include "grammar/regular_expression.h"

namespace weir {
namespace {

constexpr size_t kSchemaBytesMax = size_t(4) << 20;

Result<Grammar::Rule> parse(const OutputForm& form, const TokenVocabulary* vocabulary,
                            Grammar& grammar) {
  switch (form.kind) {
    case OutputKind::calls: {
      const std::optional<OutputForm>& other = form.calls->other;
      const Grammar::Expression text =
          other ? grammar.call(TRY(parse(*other, vocabulary, grammar))) : -1;
      return build_call_grammar(form.calls->rules, text, vocabulary, grammar);
    }
    case OutputKind::gbnf:
      return parse_gbnf(form.text, grammar);
    case OutputKind::json_schema: {
      const Json schema = TRY(parse_json(
          form.text, {.depth = 64, .bytes = kSchemaBytesMax, .values = size_t(1) << 17}));
      return parse_json_schema(schema, grammar);
    }
    case OutputKind::json_object: {
      JsonLanguage json(grammar);
      const Grammar::Rule root = grammar.add_rule("root");
      grammar.define(root, json.object());
      return root;
    }
    case OutputKind::regular_expression:
      break;
  }
  const Grammar::Rule root = grammar.add_rule("root");
  grammar.define(root, TRY(parse_regular_expression(form.text, grammar, Matching::whole)));
  return root;
}

const char* name_of(OutputKind kind) {
  return kind == OutputKind::calls         ? "the calls"
         : kind == OutputKind::gbnf        ? "the grammar"
         : kind == OutputKind::json_schema ? "the JSON Schema"
         : kind == OutputKind::json_object ? "the JSON object"
                                           : "the regular expression";
}

}  // namespace

OutputForm form_of_calls(CallOutput calls) {
  Json key = Json::object(), functions = Json::array();
  for (const CallRules::Function& function : calls.rules.functions) {
    Json one = Json::object();
    one.set("name", function.name);
    one.set("parameters", function.parameters);
    one.set("strict", function.is_strict);
    functions.push(std::move(one));
  }
  key.set("functions", std::move(functions));
  key.set("begin", calls.rules.spelling.begin);
  key.set("call", calls.rules.spelling.call + calls.rules.spelling.arguments);
  key.set("forced", calls.rules.is_forced);
  key.set("single", calls.rules.is_single);
  if (calls.other) {
    key.set("other", calls.other->text);
    key.set("kind", int(calls.other->kind));
  }
  return {OutputKind::calls, key.dump(), std::make_shared<const CallOutput>(std::move(calls))};
}

Result<PushdownAutomaton> compile(const OutputForm& form, const TokenVocabulary* vocabulary) {
  Grammar grammar;
  const Grammar::Rule root = TRY_IN(name_of(form.kind), parse(form, vocabulary, grammar));
  return TRY_IN(name_of(form.kind), PushdownAutomaton::compile(grammar, root));
}

Result<std::shared_ptr<TokenGrammar>> compile(const OutputForm& form,
                                              std::shared_ptr<const TokenVocabulary> vocabulary) {
  PushdownAutomaton automaton = TRY(compile(form, vocabulary.get()));
  return std::make_shared<TokenGrammar>(std::move(automaton), std::move(vocabulary));
}

Result<std::shared_ptr<TokenGrammar>> OutputGrammars::get(const OutputForm& form) {
  {
    const std::lock_guard lock(mutex_);
    for (auto at = grammars_.begin(); at != grammars_.end(); ++at) {
      if (!(at->first == form)) continue;
      grammars_.splice(grammars_.begin(), grammars_, at);
      return at->second;
    }
  }
  std::shared_ptr<TokenGrammar> made = TRY(compile(form, vocabulary_));
  const std::lock_guard lock(mutex_);
  grammars_.push_front({form, made});
  if (grammars_.size() > kept_) grammars_.pop_back();
  return made;
}

}  // namespace weir
