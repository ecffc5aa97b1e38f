#include "grammar/pushdown_automaton.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kTableMax = size_t(8) << 20;  // entries of four bytes
constexpr size_t kStatesMax = 500'000;
// Each of them is tried in every step.
constexpr int64_t kEmptyRepetitionsMax = 200;

using Rules = std::vector<ByteAutomaton>;

// Whether the last state of a rule can be reached when only calls for which `may_call` holds count,
// and bytes only if `with_bytes`.
bool reaches_end(const ByteAutomaton& rule, const std::vector<bool>& may_call, bool with_bytes) {
  if (rule.states.empty()) return false;
  std::vector<bool> seen(rule.states.size());
  std::vector<int> open = {0};
  seen[0] = true;
  const auto visit = [&](int s) {
    if (!seen[size_t(s)]) seen[size_t(s)] = true, open.push_back(s);
  };
  while (!open.empty()) {
    const ByteAutomaton::State& state = rule.states[size_t(open.back())];
    open.pop_back();
    if (state.is_final) return true;
    for (const ByteAutomaton::Call& c : state.calls)
      if (may_call[size_t(c.rule)]) visit(c.target);
    if (!with_bytes) continue;
    for (const ByteAutomaton::Edge& e : state.edges) visit(e.target);
  }
  return false;
}

// Rules that can match something (`with_bytes`), or that can match the empty text. Rules wait for
// those that they call, so that a chain of rules costs its length.
std::vector<bool> matching_rules(const Grammar& grammar, const Rules& rules, bool with_bytes) {
  const size_t count = rules.size();
  std::vector<bool> holds(count), is_open(count, true);
  std::vector<std::vector<int>> callers(count);
  for (size_t r = 0; r < count; ++r)
    for (const ByteAutomaton::State& state : rules[r].states)
      for (const ByteAutomaton::Call& c : state.calls) callers[size_t(c.rule)].push_back(int(r));
  std::vector<int> open(count);
  for (size_t r = 0; r < count; ++r) open[r] = int(r);
  while (!open.empty()) {
    const size_t r = size_t(open.back());
    open.pop_back();
    is_open[r] = false;
    if (holds[r]) continue;
    const Grammar::RuleBody& rule = grammar.rule(int(r));
    if (!(rule.is_counter && rule.min == 0) && !reaches_end(rules[r], holds, with_bytes)) continue;
    holds[r] = true;
    for (const int caller : callers[r])
      if (!holds[size_t(caller)] && !is_open[size_t(caller)])
        is_open[size_t(caller)] = true, open.push_back(caller);
  }
  return holds;
}

// The rules that may be called before a byte of `rule` was read.
std::vector<int> first_calls(const ByteAutomaton& rule, const std::vector<bool>& is_nullable) {
  std::vector<int> called, open;
  std::vector<bool> seen(rule.states.size());
  if (!seen.empty()) seen[0] = true, open.push_back(0);
  while (!open.empty()) {
    const ByteAutomaton::State& state = rule.states[size_t(open.back())];
    open.pop_back();
    for (const ByteAutomaton::Call& c : state.calls) {
      called.push_back(c.rule);
      if (!is_nullable[size_t(c.rule)] || seen[size_t(c.target)]) continue;
      seen[size_t(c.target)] = true;
      open.push_back(c.target);
    }
  }
  std::sort(called.begin(), called.end());
  called.erase(std::unique(called.begin(), called.end()), called.end());
  return called;
}

// A rule that calls itself before it has read a byte would never end; -1: there is none.
int left_recursive_rule(const Rules& rules, const std::vector<bool>& is_nullable) {
  std::vector<std::vector<int>> calls;
  for (const ByteAutomaton& rule : rules) calls.push_back(first_calls(rule, is_nullable));
  std::vector<int> state(rules.size());  // 1: on the path, 2: done
  for (size_t root = 0; root < rules.size(); ++root) {
    if (state[root] != 0) continue;
    std::vector<std::pair<int, size_t>> path = {{int(root), 0}};
    state[root] = 1;
    while (!path.empty()) {
      auto& [rule, at] = path.back();
      if (at == calls[size_t(rule)].size()) {
        state[size_t(rule)] = 2;
        path.pop_back();
        continue;
      }
      const int called = calls[size_t(rule)][at++];
      if (state[size_t(called)] == 1) return called;
      if (state[size_t(called)] == 0) state[size_t(called)] = 1, path.push_back({called, 0});
    }
  }
  return -1;
}

std::vector<bool> reached_rules(const Rules& rules, int root) {
  std::vector<bool> seen(rules.size());
  std::vector<int> open = {root};
  seen[size_t(root)] = true;
  while (!open.empty()) {
    const ByteAutomaton& rule = rules[size_t(open.back())];
    open.pop_back();
    for (const ByteAutomaton::State& state : rule.states)
      for (const ByteAutomaton::Call& c : state.calls)
        if (!seen[size_t(c.rule)]) seen[size_t(c.rule)] = true, open.push_back(c.rule);
  }
  return seen;
}

}  // namespace

Result<PushdownAutomaton> PushdownAutomaton::compile(const Grammar& grammar, Grammar::Rule root) {
  Rules rules;
  size_t states = 0;
  for (int r = 0; r < grammar.rules(); ++r) {
    const Grammar::RuleBody& rule = grammar.rule(r);
    rules.emplace_back();
    if (rule.body < 0) continue;
    rules.back() =
        TRY_IN("rule '" + printable(rule.name) + "'", determinize(grammar, rule.body, false));
    states += rules.back().states.size();
    if (states > kStatesMax) return Error{"the grammar needs too many states; make it smaller"};
  }
  const std::vector<bool> is_productive = matching_rules(grammar, rules, true);
  if (!is_productive[size_t(root)]) return Error{"it can match nothing: every text breaks a rule"};
  for (ByteAutomaton& rule : rules) {  // calls that can not succeed lead nowhere
    for (ByteAutomaton::State& state : rule.states)
      std::erase_if(state.calls,
                    [&](const ByteAutomaton::Call& c) { return !is_productive[size_t(c.rule)]; });
    rule = minimize(rule);
  }
  const std::vector<bool> is_nullable = matching_rules(grammar, rules, false);
  const int recursive = left_recursive_rule(rules, is_nullable);
  if (recursive >= 0)
    return Error{"rule '" + printable(grammar.name(recursive)) +
                 "' begins with itself; write the repetition with * or at the end of the rule"};
  PushdownAutomaton automaton;
  TRY(automaton.build(grammar, rules, is_productive, is_nullable, root));
  automaton.find_plain_states();
  return automaton;
}

Result<void> PushdownAutomaton::build(const Grammar& grammar, Rules& rules,
                                      const std::vector<bool>& is_productive,
                                      const std::vector<bool>& is_nullable, Grammar::Rule root) {
  const std::vector<bool> is_reached = reached_rules(rules, root);
  std::vector<int> first(rules.size(), -1);
  int count = 0;
  for (size_t r = 0; r < rules.size(); ++r) {
    if (!is_reached[r] || !is_productive[r]) continue;
    first[r] = count;
    count += grammar.rule(int(r)).is_counter ? 1 : int(rules[r].states.size());
  }
  // Bytes fall into classes that no edge tells apart: where ranges begin cuts them, then bytes that
  // lead to the same states everywhere are found by comparing their columns.
  std::vector<const ByteAutomaton::State*> sources(static_cast<size_t>(count));
  std::vector<int> base(static_cast<size_t>(count));
  states_.resize(size_t(count));
  for (size_t r = 0; r < rules.size(); ++r) {
    if (first[r] < 0) continue;
    const Grammar::RuleBody& body = grammar.rule(int(r));
    if (body.is_counter) {
      State& counter = states_[size_t(first[r])];
      counter.is_counter = true;
      counter.min = body.min;
      counter.max = body.max;
      // Its automaton is one call, which is gone where the body matches nothing.
      const bool has_body = !rules[r].states.empty() && !rules[r].states[0].calls.empty();
      if (!has_body) {
        counter.max = 0;
        continue;
      }
      const int called = rules[r].states[0].calls[0].rule;
      counter.body = first[size_t(called)];
      if (!is_nullable[size_t(called)]) continue;
      counter.min = 0;  // as many of them as are missing may be empty
      if (counter.max > kEmptyRepetitionsMax)
        return Error{"a part that may be empty is repeated up to " + std::to_string(counter.max) +
                     " times; let it match at least one character, or repeat it at most " +
                     std::to_string(kEmptyRepetitionsMax) + " times"};
      continue;
    }
    for (size_t s = 0; s < rules[r].states.size(); ++s) {
      const ByteAutomaton::State& from = rules[r].states[s];
      State& to = states_[size_t(first[r]) + s];
      sources[size_t(first[r]) + s] = &from;
      base[size_t(first[r]) + s] = first[r];
      to.is_final = from.is_final;
      to.has_edges = !from.edges.empty();
      to.is_tail = from.is_final && from.edges.empty() && from.calls.empty();
      for (const ByteAutomaton::Call& c : from.calls)
        to.calls.push_back({first[size_t(c.rule)], first[r] + c.target});
    }
  }
  bool begins[257] = {};
  for (const ByteAutomaton::State* source : sources) {
    if (!source) continue;
    for (const ByteAutomaton::Edge& e : source->edges) begins[e.first] = begins[e.last + 1] = true;
  }
  int cuts = 0;
  uint8_t cut_of[256];
  std::vector<uint8_t> sample = {0};
  for (int b = 0; b < 256; ++b) {
    if (b > 0 && begins[b]) ++cuts, sample.push_back(uint8_t(b));
    cut_of[b] = uint8_t(cuts);
  }
  std::map<std::vector<int>, int> columns;
  std::vector<int> class_of_cut;
  if (sample.size() * size_t(count) > 4 * kTableMax)
    return Error{"the grammar needs too many states; make it smaller"};
  for (const uint8_t byte : sample) {
    std::vector<int> column(static_cast<size_t>(count), -1);
    for (size_t s = 0; s < size_t(count); ++s) {
      if (!sources[s]) continue;
      const int target = sources[s]->next(byte);
      if (target >= 0) column[s] = base[s] + target;
    }
    class_of_cut.push_back(
        columns.try_emplace(std::move(column), int(columns.size())).first->second);
  }
  classes_ = int(columns.size());
  for (int b = 0; b < 256; ++b) class_of_[b] = uint8_t(class_of_cut[cut_of[b]]);
  if (size_t(count) * size_t(classes_) > kTableMax)
    return Error{"the grammar needs too many states; make it smaller"};
  next_.resize(size_t(count) * size_t(classes_));
  for (const auto& [column, number] : columns)
    for (size_t s = 0; s < size_t(count); ++s)
      next_[s * size_t(classes_) + size_t(number)] = column[s];
  begin_ = first[size_t(root)];
  return {};
}

// Follows every plain character (of one to four bytes) from every state.
void PushdownAutomaton::find_plain_states() {
  struct Part {
    uint8_t first, last;
    int rest;  // continuation bytes that follow
  };
  static constexpr Part kFirst[] = {{0x20, 0x21, 0}, {0x23, 0x5B, 0}, {0x5D, 0x7F, 0},
                                    {0xC2, 0xDF, 1}, {0xE1, 0xEC, 2}, {0xEE, 0xEF, 2},
                                    {0xF1, 0xF3, 3}};
  static constexpr struct {
    uint8_t lead, first, last;
    int rest;
  } kSecond[] = {
      {0xE0, 0xA0, 0xBF, 1}, {0xED, 0x80, 0x9F, 1}, {0xF0, 0x90, 0xBF, 2}, {0xF4, 0x80, 0x8F, 2}};
  // Where all of it leads: -1: some byte leads nowhere, -2: to several states.
  std::vector<int> ends;
  const auto range = [&](std::vector<int> from, int first, int last) {
    std::vector<int> to;
    for (const int s : from)
      for (int b = first; b <= last; ++b) to.push_back(s < 0 ? -1 : next(s, class_of_[b]));
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
    return to;
  };
  for (size_t s = 0; s < states_.size(); ++s) {
    if (!states_[s].has_edges || next(int(s), class_of_[uint8_t('a')]) < 0) continue;
    ends.clear();
    const auto follow = [&](std::vector<int> from, int rest) {
      for (; rest > 0 && from.size() < 8; --rest) from = range(std::move(from), 0x80, 0xBF);
      ends.insert(ends.end(), from.begin(), from.end());
      if (rest > 0) ends.push_back(-1);
    };
    for (const Part& part : kFirst) follow(range({int(s)}, part.first, part.last), part.rest);
    for (const auto& part : kSecond)
      follow(range(range({int(s)}, part.lead, part.lead), part.first, part.last), part.rest);
    states_[s].is_plain_loop =
        std::all_of(ends.begin(), ends.end(), [&](int e) { return e == int(s); });
    states_[s].is_plain_item = std::all_of(
        ends.begin(), ends.end(), [&](int e) { return e >= 0 && states_[size_t(e)].is_final; });
  }
}

}  // namespace weir
