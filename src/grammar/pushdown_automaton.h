// A grammar made ready to recognise: one deterministic automaton per rule in one table of states,
// and counters for long repetitions. What is on the stacks is StackSets' business.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace weir {

class PushdownAutomaton {
 public:
  // Errors: a rule that begins with itself (named), a grammar that matches nothing, one that needs
  // more than 32 MiB of table. States that lead nowhere are left out, so that whatever next()
  // reaches can be completed.
  static Result<PushdownAutomaton> compile(const Grammar& grammar, Grammar::Rule root);

  struct Call {
    int begin;  // the first state of the rule that is called
    int target;
  };
  // A counter has no edges: it calls `body` from min to max times (max < 0: without limit).
  struct State {
    bool is_final = false;
    bool is_counter = false;
    bool has_edges = false;
    bool is_tail = false;  // final, and nothing else: needs no frame
    // Characters that JSON writes as they are (is_plain_character) lead back to this state ...
    bool is_plain_loop = false;
    // ... or, each of them alone, to the end of the rule.
    bool is_plain_item = false;
    int body = -1;
    int64_t min = 0, max = 0;
    std::vector<Call> calls = {};
  };

  int begin() const { return begin_; }
  const State& state(int s) const { return states_[size_t(s)]; }
  size_t states() const { return states_.size(); }
  // Bytes of one class are told apart by no state.
  int classes() const { return classes_; }
  int byte_class(uint8_t byte) const { return class_of_[byte]; }
  int next(int state, int byte_class) const {  // -1: none
    return next_[size_t(state) * size_t(classes_) + size_t(byte_class)];
  }

 private:
  Result<void> build(const Grammar& grammar, std::vector<ByteAutomaton>& rules,
                     const std::vector<bool>& is_productive, const std::vector<bool>& is_nullable,
                     Grammar::Rule root);
  void find_plain_states();

  int begin_ = 0, classes_ = 1;
  uint8_t class_of_[256] = {};
  std::vector<State> states_;
  std::vector<int> next_;
};

}  // namespace weir
