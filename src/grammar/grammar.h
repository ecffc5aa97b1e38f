// A context-free language over bytes: rules, each an expression of literals, byte sets, sequences,
// choices, repetitions and calls of rules. The front ends (gbnf.h, regular_expression.h,
// json_schema.h) build one; PushdownAutomaton recognises it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/byte_automaton.h"
#include "tokenizer/code_point_set.h"

namespace weir {

class Grammar {
 public:
  using Expression = int;  // an index into this grammar
  using Rule = int;
  static constexpr int64_t kUnlimited = -1;

  Expression nothing();  // matches no text at all
  Expression empty();    // matches the empty text
  Expression literal(std::string_view bytes);
  Expression one_of(const ByteSet& bytes);
  // The UTF-8 of one character of the set. Surrogates, which have none, are left out.
  Expression character(const CodePointSet& set);
  Expression sequence(std::vector<Expression> parts);
  Expression choice(std::vector<Expression> alternatives);
  // Between `min` and `max` times. Long bounded repetitions become counters of the automaton
  // instead of copies, so they cost no states.
  Expression repeat(Expression body, int64_t min, int64_t max);
  // The same, always as a counter.
  Expression count(Expression body, int64_t min, int64_t max);
  Expression optional(Expression body) { return repeat(body, 0, 1); }
  Expression call(Rule rule);
  Expression automaton(ByteAutomaton automaton);

  // Set operations on regular languages: calls are inlined. An error where an operand calls itself
  // or the result has too many states.
  Result<Expression> both(Expression a, Expression b);
  Result<Expression> without(Expression a, Expression b);

  Rule add_rule(std::string name);  // undefined: matches nothing
  void define(Rule rule, Expression body);
  bool is_defined(Rule rule) const { return rules_[size_t(rule)].body >= 0; }
  const std::string& name(Rule rule) const { return rules_[size_t(rule)].name; }

  struct Node {
    enum class Kind { nothing, empty, literal, bytes, sequence, choice, repeat, call, automaton };
    Kind kind = Kind::nothing;
    int value = 0;             // literal, byte set, rule, automaton: an index
    int64_t min = 0, max = 0;  // repeat
    std::vector<Expression> children = {};
    int64_t size = 0;  // states it takes, roughly
  };
  struct RuleBody {
    std::string name;
    Expression body = -1;
    // A counter: `body` between `min` and `max` times.
    bool is_counter = false;
    int64_t min = 0, max = 0;
  };
  const Node& node(Expression e) const { return nodes_[size_t(e)]; }
  const RuleBody& rule(Rule r) const { return rules_[size_t(r)]; }
  int rules() const { return int(rules_.size()); }
  int64_t nodes() const { return int64_t(nodes_.size()); }
  const std::string& literal_of(const Node& n) const { return literals_[size_t(n.value)]; }
  const ByteSet& bytes_of(const Node& n) const { return sets_[size_t(n.value)]; }
  const ByteAutomaton& automaton_of(const Node& n) const { return automata_[size_t(n.value)]; }

 private:
  Expression add(Node node);
  std::vector<Node> nodes_;
  std::vector<RuleBody> rules_;
  std::vector<std::string> literals_;
  std::vector<ByteSet> sets_;
  std::vector<ByteAutomaton> automata_;
};

// One rule's automaton. `inlines`: calls are replaced by what they match, as set operations need.
Result<ByteAutomaton> determinize(const Grammar& grammar, Grammar::Expression expression,
                                  bool inlines);

}  // namespace weir
