#include "grammar/byte_automaton.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace weir {
namespace {

// Joining takes the square of the states in the worst case.
constexpr size_t kJoinedStatesMax = 3000;

// States from which a final one can be reached.
std::vector<bool> alive(const ByteAutomaton& automaton) {
  const size_t count = automaton.states.size();
  std::vector<std::vector<int>> before(count);
  std::vector<int> open;
  std::vector<bool> is_alive(count);
  for (size_t s = 0; s < count; ++s) {
    for (const ByteAutomaton::Edge& e : automaton.states[s].edges)
      before[size_t(e.target)].push_back(int(s));
    for (const ByteAutomaton::Call& c : automaton.states[s].calls)
      before[size_t(c.target)].push_back(int(s));
    if (automaton.states[s].is_final) is_alive[s] = true, open.push_back(int(s));
  }
  while (!open.empty()) {
    const int s = open.back();
    open.pop_back();
    for (int b : before[size_t(s)])
      if (!is_alive[size_t(b)]) is_alive[size_t(b)] = true, open.push_back(b);
  }
  return is_alive;
}

// The states that are reached from the first, renumbered by `part` in order of discovery.
ByteAutomaton rebuilt(const ByteAutomaton& from, const std::vector<int>& part,
                      const std::vector<bool>& is_alive) {
  ByteAutomaton result;
  if (from.states.empty() || !is_alive[0]) return result;
  std::vector<int> number(from.states.size(), -1), order;
  const auto number_of = [&](int state) {
    int& n = number[size_t(part[size_t(state)])];
    if (n < 0) n = int(order.size()), order.push_back(state);
    return n;
  };
  number_of(0);
  for (size_t i = 0; i < order.size(); ++i) {
    const ByteAutomaton::State& state = from.states[size_t(order[i])];
    ByteAutomaton::State made{state.is_final, {}, {}};
    for (const ByteAutomaton::Edge& e : state.edges) {
      if (!is_alive[size_t(e.target)]) continue;
      const int target = number_of(e.target);
      if (!made.edges.empty() && made.edges.back().last + 1 == e.first &&
          made.edges.back().target == target)
        made.edges.back().last = e.last;
      else
        made.edges.push_back({e.first, e.last, target});
    }
    for (const ByteAutomaton::Call& c : state.calls)
      if (is_alive[size_t(c.target)]) made.calls.push_back({c.rule, number_of(c.target)});
    result.states.push_back(std::move(made));
  }
  return result;
}

// What tells states apart after the partition `part`.
std::vector<int> signature(const ByteAutomaton::State& state, const std::vector<int>& part,
                           const std::vector<bool>& is_alive) {
  std::vector<int> key;
  for (const ByteAutomaton::Edge& e : state.edges) {
    if (!is_alive[size_t(e.target)]) continue;
    const int target = part[size_t(e.target)];
    const size_t n = key.size();
    if (n >= 3 && key[n - 2] + 1 == e.first && key[n - 1] == target)
      key[n - 2] = e.last;
    else
      key.insert(key.end(), {e.first, e.last, target});
  }
  for (const ByteAutomaton::Call& c : state.calls)
    if (is_alive[size_t(c.target)]) key.insert(key.end(), {-1, c.rule, part[size_t(c.target)]});
  return key;
}

}  // namespace

int ByteAutomaton::State::next(uint8_t byte) const {
  for (const Edge& e : edges)
    if (byte <= e.last) return byte >= e.first ? e.target : -1;
  return -1;
}

ByteAutomaton minimize(const ByteAutomaton& automaton) {
  const size_t count = automaton.states.size();
  const std::vector<bool> is_alive = alive(automaton);
  std::vector<int> part(count);
  if (count > kJoinedStatesMax) {
    for (size_t s = 0; s < count; ++s) part[s] = int(s);
    return rebuilt(automaton, part, is_alive);
  }
  for (size_t s = 0; s < count; ++s) part[s] = automaton.states[s].is_final;
  for (size_t parts = 0;;) {  // Moore's refinement
    std::map<std::pair<int, std::vector<int>>, int> known;
    std::vector<int> finer(count);
    for (size_t s = 0; s < count; ++s)
      finer[s] = known
                     .try_emplace({part[s], signature(automaton.states[s], part, is_alive)},
                                  int(known.size()))
                     .first->second;
    part = std::move(finer);
    if (known.size() == parts) break;
    parts = known.size();
  }
  return rebuilt(automaton, part, is_alive);
}

Result<ByteAutomaton> combine(const ByteAutomaton& a, const ByteAutomaton& b, bool is_difference) {
  ByteAutomaton result;
  if (a.states.empty() || (b.states.empty() && !is_difference)) return result;
  std::map<std::pair<int, int>, int> known;
  std::vector<std::pair<int, int>> order;
  const auto number_of = [&](int x, int y) {
    const auto [at, is_new] = known.try_emplace({x, y}, int(order.size()));
    if (is_new) order.push_back({x, y});
    return at->second;
  };
  number_of(0, b.states.empty() ? -1 : 0);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i >= kAutomatonStatesMax)
      return Error{"the combination of two patterns or lengths needs more than " +
                   std::to_string(kAutomatonStatesMax) + " states; make one of them simpler"};
    const auto [x, y] = order[i];
    const ByteAutomaton::State& first = a.states[size_t(x)];
    const ByteAutomaton::State* second = y < 0 ? nullptr : &b.states[size_t(y)];
    const bool is_in_b = second && second->is_final;
    ByteAutomaton::State made{first.is_final && is_in_b != is_difference, {}, {}};
    for (const ByteAutomaton::Edge& e : first.edges) {
      for (int byte = e.first; byte <= e.last; ++byte) {
        const int to = second ? second->next(uint8_t(byte)) : -1;
        if (to < 0 && !is_difference) continue;
        const int target = number_of(e.target, to);
        if (!made.edges.empty() && made.edges.back().last + 1 == byte &&
            made.edges.back().target == target)
          made.edges.back().last = uint8_t(byte);
        else
          made.edges.push_back({uint8_t(byte), uint8_t(byte), target});
      }
    }
    result.states.push_back(std::move(made));
  }
  return minimize(result);
}

}  // namespace weir
