#include "grammar/stack_sets.h"

#include <algorithm>

#include "base/random.h"

namespace weir {
namespace {

constexpr size_t kStacksMax = 4000;     // above the properties of an object
constexpr size_t kVisitedMax = 20'000;  // nodes visited in one step
constexpr int kStackDepthMax = 100'000;

}  // namespace

size_t StackSets::Hash::operator()(const NodeKey& key) const {
  return mix64(mix64(uint64_t(uint32_t(key.state)) << 32 | uint32_t(key.parent)) ^
               uint64_t(key.count));
}

size_t StackSets::Hash::operator()(const std::vector<int>& tops) const {
  uint64_t hash = tops.size();
  for (const int top : tops) hash = mix64(hash * 0x9e3779b97f4a7c15u + uint64_t(uint32_t(top)));
  return hash;
}

StackSets::StackSets(const PushdownAutomaton& automaton) : automaton_(automaton) {
  nodes_.push_back({-1, -1, 0, 0});  // kBottom
  mark_.push_back(0);
  number_of({}, false);  // kDead
  ++epoch_;
  push(node(automaton_.begin(), 0, kBottom));
  begin_ = close();
}

StackSets::Set StackSets::next(Set set, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size() && set != kDead; ++i) set = next(set, uint8_t(bytes[i]));
  return set;
}

StackSets::Set StackSets::step(Set set, int byte_class) {
  ++epoch_;
  open_.clear();
  for (const int top : sets_[size_t(set)].tops) {
    const Node& from = nodes_[size_t(top)];
    const int state = automaton_.next(from.state, byte_class);
    if (state >= 0) push(node(state, 0, from.parent));
  }
  const Set result = close();
  sets_[size_t(set)].next[size_t(byte_class)] = result;
  return result;
}

int StackSets::node(int state, int64_t count, int parent) {
  const auto [at, is_new] = node_numbers_.try_emplace({state, parent, count}, int(nodes_.size()));
  if (!is_new) return at->second;
  const int depth = nodes_[size_t(parent)].depth + 1;
  if (depth > kStackDepthMax) {
    node_numbers_.erase(at);
    return -1;
  }
  nodes_.push_back({state, parent, depth, count});
  mark_.push_back(0);
  return int(nodes_.size()) - 1;
}

void StackSets::push(int node) {
  if (node < 0 || mark_[size_t(node)] == epoch_ || open_.size() >= kVisitedMax) return;
  mark_[size_t(node)] = epoch_;
  open_.push_back(node);
}

// Calls and returns until every stack waits for a byte.
StackSets::Set StackSets::close() {
  std::vector<int> tops;
  bool is_complete = false;
  for (size_t i = 0; i < open_.size(); ++i) {
    const int top = open_[i];
    if (top == kBottom) {
      is_complete = true;
      continue;
    }
    const Node at = nodes_[size_t(top)];
    const PushdownAutomaton::State& state = automaton_.state(at.state);
    if (state.is_counter) {
      if (at.count >= state.min) push(at.parent);
      if (state.max >= 0 && at.count >= state.max) continue;
      const int64_t cap = state.max < 0 ? state.min : state.max;
      const int64_t count = std::min(at.count + 1, cap);
      const bool is_last = state.max >= 0 && count == state.max;
      const int frame = is_last ? at.parent : node(at.state, count, at.parent);
      if (frame >= 0) push(node(state.body, 0, frame));
      continue;
    }
    if (state.has_edges && tops.size() < kStacksMax) tops.push_back(top);
    if (state.is_final) push(at.parent);
    for (const PushdownAutomaton::Call& call : state.calls) {
      const bool is_tail = automaton_.state(call.target).is_tail;
      const int frame = is_tail ? at.parent : node(call.target, 0, at.parent);
      if (frame >= 0) push(node(call.begin, 0, frame));
    }
  }
  work_ += open_.size() + 1;
  open_.clear();
  std::sort(tops.begin(), tops.end());
  return number_of(std::move(tops), is_complete);
}

StackSets::Set StackSets::number_of(std::vector<int> tops, bool is_complete) {
  std::vector<int> key = tops;
  key.push_back(is_complete ? -1 : -2);
  const auto [at, is_new] = set_numbers_.try_emplace(std::move(key), int(sets_.size()));
  if (is_new) {
    tops_ += tops.size();
    const bool is_plain = std::any_of(tops.begin(), tops.end(), [&](int top) {
      return automaton_.state(nodes_[size_t(top)].state).is_plain_loop;
    });
    sets_.push_back({std::move(tops), is_complete, is_plain,
                     std::vector<Set>(size_t(automaton_.classes()), Set(-1))});
  }
  return at->second;
}

int64_t StackSets::plain_characters(Set set, Set& others) {
  int64_t most = 0;
  std::vector<int> rest;
  for (const int top : sets_[size_t(set)].tops) {
    const Node& at = nodes_[size_t(top)];
    const PushdownAutomaton::State& state = automaton_.state(at.state);
    if (state.is_plain_loop) {
      most = kNoLimit;
      continue;
    }
    // An item of a counter, which has `count` of them when this one is over.
    const int parent = nodes_[size_t(at.parent)].state;
    if (!state.is_plain_item || parent < 0 || !automaton_.state(parent).is_counter ||
        automaton_.state(parent).body != at.state) {
      rest.push_back(top);
      continue;
    }
    const int64_t max = automaton_.state(parent).max;
    most = std::max(most, max < 0 ? kNoLimit : max - nodes_[size_t(at.parent)].count + 1);
  }
  others = most == 0 ? set : number_of(std::move(rest), false);
  return most;
}

size_t StackSets::bytes() const {
  return nodes_.size() * 80 + tops_ * 16 + sets_.size() * (200 + size_t(automaton_.classes()) * 4);
}

}  // namespace weir
