// A deterministic automaton over bytes whose edges may also call rules of a grammar: one rule of a
// PushdownAutomaton, or a regular language on its own.
#pragma once
#include <bitset>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace weir {

using ByteSet = std::bitset<256>;

struct ByteAutomaton {
  struct Edge {
    uint8_t first, last;  // both belong to it
    int target;
  };
  struct Call {
    int rule;
    int target;  // where to continue when the rule has matched
  };
  struct State {
    bool is_final = false;
    std::vector<Edge> edges = {};  // sorted, without overlap
    std::vector<Call> calls = {};  // sorted by rule
    int next(uint8_t byte) const;  // -1: none
  };
  std::vector<State> states = {};  // begins at 0; none: matches nothing
};

// Limits of one rule; more is an error that says so.
inline constexpr size_t kAutomatonStatesMax = 20'000;

// The texts of both, or (`is_difference`) those of `a` that are not of `b`. Without calls.
Result<ByteAutomaton> combine(const ByteAutomaton& a, const ByteAutomaton& b, bool is_difference);
// Joins states that no text tells apart; leaves out those that are not reached or lead nowhere.
ByteAutomaton minimize(const ByteAutomaton& automaton);

}  // namespace weir
