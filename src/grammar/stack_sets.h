// Where a text can be in a grammar: the set of stacks of a PushdownAutomaton after some bytes. Sets
// are numbered, equal ones share a number, and every step is computed once.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "grammar/pushdown_automaton.h"

namespace weir {

// Limits, beyond which further readings of the same text are dropped; what remains still matches
// the grammar: 4,000 stacks in a set, 100,000 frames on a stack.
class StackSets {
 public:
  using Set = int;
  static constexpr Set kDead = 0;  // no continuation matches

  explicit StackSets(const PushdownAutomaton& automaton);

  Set begin() const { return begin_; }
  Set next(Set set, uint8_t byte) {
    const int known = sets_[size_t(set)].next[size_t(automaton_.byte_class(byte))];
    return known >= 0 ? known : step(set, automaton_.byte_class(byte));
  }
  Set next(Set set, std::string_view bytes);
  // The bytes so far are a whole text of the grammar.
  bool is_complete(Set set) const { return sets_[size_t(set)].is_complete; }

  // Plain characters (is_plain_character) that may follow, whatever they are: as many as returned,
  // kNoLimit for any number. `others`: the stacks of the set for which this does not hold.
  static constexpr int64_t kNoLimit = INT64_MAX;
  int64_t plain_characters(Set set, Set& others);
  // Whether any number of them may follow.
  bool is_plain(Set set) const { return sets_[size_t(set)].is_plain; }

  size_t bytes() const;                    // of memory, roughly
  uint64_t work() const { return work_; }  // stacks visited so far

 private:
  static constexpr int kBottom = 0;  // the node below all stacks
  struct Node {
    int state, parent, depth;
    int64_t count;  // of a counter: matches so far
  };
  struct NodeKey {
    int state, parent;
    int64_t count;
    bool operator==(const NodeKey&) const = default;
  };
  struct Hash {
    size_t operator()(const NodeKey& key) const;
    size_t operator()(const std::vector<int>& tops) const;
  };
  struct StackSet {
    std::vector<int> tops;  // nodes, sorted
    bool is_complete, is_plain;
    std::vector<Set> next;  // by class of byte; -1: not computed
  };

  Set step(Set set, int byte_class);
  int node(int state, int64_t count, int parent);  // -1: too deep
  void push(int node);
  Set close();  // of open_
  Set number_of(std::vector<int> tops, bool is_complete);

  const PushdownAutomaton& automaton_;
  std::vector<Node> nodes_;
  std::unordered_map<NodeKey, int, Hash> node_numbers_;
  std::vector<StackSet> sets_;
  std::unordered_map<std::vector<int>, Set, Hash> set_numbers_;
  std::vector<int> open_;
  std::vector<unsigned> mark_;
  unsigned epoch_ = 0;
  size_t tops_ = 0;
  uint64_t work_ = 0;
  Set begin_ = kDead;
};

}  // namespace weir
