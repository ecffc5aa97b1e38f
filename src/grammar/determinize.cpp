// An expression of a grammar as one deterministic automaton: Thompson's construction, then subsets.
#include <algorithm>
#include <map>

#include "grammar/grammar.h"

namespace weir {
namespace {

constexpr size_t kNodesMax = 400'000;    // of the automaton with choices
constexpr size_t kWorkMax = 20'000'000;  // members of all subsets
constexpr int kCallDepthMax = 200;

struct Node {
  std::vector<int> free = {};  // reached without a byte
  std::vector<std::pair<ByteSet, int>> edges = {};
  std::vector<ByteAutomaton::Call> calls = {};
};

class Construction {
 public:
  Construction(const Grammar& grammar, bool inlines) : grammar_(grammar), inlines_(inlines) {}

  Result<ByteAutomaton> run(Grammar::Expression expression) {
    const int begin = add(), end = add();
    TRY(build(expression, begin, end));
    return subsets(begin, end);
  }

 private:
  using Kind = Grammar::Node::Kind;

  int add() {
    nodes_.emplace_back();
    return int(nodes_.size()) - 1;
  }
  void link(int from, int to) { nodes_[size_t(from)].free.push_back(to); }

  Result<void> build(Grammar::Expression expression, int from, int to) {
    if (nodes_.size() > kNodesMax) return Error{"the grammar is too large"};
    const Grammar::Node& n = grammar_.node(expression);
    switch (n.kind) {
      case Kind::nothing:
        break;
      case Kind::empty:
        link(from, to);
        break;
      case Kind::literal: {
        const std::string& text = grammar_.literal_of(n);
        for (size_t i = 0; i < text.size(); ++i) {
          const int next = i + 1 == text.size() ? to : add();
          ByteSet one;
          one.set(uint8_t(text[i]));
          nodes_[size_t(from)].edges.push_back({one, next});
          from = next;
        }
        break;
      }
      case Kind::bytes:
        nodes_[size_t(from)].edges.push_back({grammar_.bytes_of(n), to});
        break;
      case Kind::sequence:
        for (size_t i = 0; i < n.children.size(); ++i) {
          const int next = i + 1 == n.children.size() ? to : add();
          TRY(build(n.children[i], from, next));
          from = next;
        }
        break;
      case Kind::choice:
        for (const Grammar::Expression child : n.children) {
          const int in = add();  // a loop at the beginning of one must not be entered by others
          link(from, in);
          TRY(build(child, in, to));
        }
        break;
      case Kind::repeat:
        return repeat(n.children[0], n.min, n.max, from, to);
      case Kind::call:
        return call(n.value, from, to);
      case Kind::automaton:
        copy(grammar_.automaton_of(n), from, to);
        break;
    }
    return {};
  }

  Result<void> repeat(Grammar::Expression body, int64_t min, int64_t max, int from, int to) {
    for (int64_t i = 0; i < min; ++i) {
      const int next = add();
      TRY(build(body, from, next));
      from = next;
    }
    if (max == Grammar::kUnlimited) {
      const int loop = add(), back = add();
      link(from, loop);
      TRY(build(body, loop, back));
      link(back, loop);
      link(loop, to);
      return {};
    }
    for (int64_t i = min; i < max; ++i) {
      const int in = add(), next = add();
      link(from, in);
      link(from, to);
      TRY(build(body, in, next));
      from = next;
    }
    link(from, to);
    return {};
  }

  Result<void> call(int rule, int from, int to) {
    const Grammar::RuleBody& body = grammar_.rule(rule);
    if (!inlines_) {
      nodes_[size_t(from)].calls.push_back({rule, to});
      return {};
    }
    if (depth_ >= kCallDepthMax) return Error{"a pattern calls itself"};
    if (body.body < 0) return {};
    ++depth_;
    auto built = body.is_counter ? repeat(body.body, body.min, body.max, from, to)
                                 : inlined(body.body, from, to);
    --depth_;
    return built;
  }

  Result<void> inlined(Grammar::Expression body, int from, int to) {
    const int in = add(), out = add();
    link(from, in);
    link(out, to);
    return build(body, in, out);
  }

  void copy(const ByteAutomaton& automaton, int from, int to) {
    const int first = int(nodes_.size());
    nodes_.resize(nodes_.size() + automaton.states.size());
    if (!automaton.states.empty()) link(from, first);
    for (size_t s = 0; s < automaton.states.size(); ++s) {
      Node& node = nodes_[size_t(first) + s];
      for (const ByteAutomaton::Edge& e : automaton.states[s].edges) {
        ByteSet bytes;
        for (int b = e.first; b <= e.last; ++b) bytes.set(size_t(b));
        node.edges.push_back({bytes, first + e.target});
      }
      for (const ByteAutomaton::Call& c : automaton.states[s].calls)
        node.calls.push_back({c.rule, first + c.target});
      if (automaton.states[s].is_final) node.free.push_back(to);
    }
  }

  void close(std::vector<int>& members) {
    mark_.resize(nodes_.size());
    ++epoch_;
    for (const int m : members) mark_[size_t(m)] = epoch_;
    for (size_t i = 0; i < members.size(); ++i)
      for (const int next : nodes_[size_t(members[i])].free)
        if (mark_[size_t(next)] != epoch_) mark_[size_t(next)] = epoch_, members.push_back(next);
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
  }

  // Only nodes that something leaves, and the end, tell subsets apart.
  int number_of(std::vector<int> members, int end) {
    close(members);
    work_ += members.size();
    std::erase_if(members, [&](int m) {
      return m != end && nodes_[size_t(m)].edges.empty() && nodes_[size_t(m)].calls.empty();
    });
    const auto [at, is_new] = known_.try_emplace(std::move(members), int(order_.size()));
    if (is_new) order_.push_back(&at->first);
    return at->second;
  }

  Result<ByteAutomaton> subsets(int begin, int end) {
    ByteAutomaton result;
    number_of({begin}, end);
    for (size_t i = 0; i < order_.size(); ++i) {
      if (order_.size() > kAutomatonStatesMax || work_ > kWorkMax)
        return Error{"a rule or pattern needs more than " + std::to_string(kAutomatonStatesMax) +
                     " states; make its repetitions or choices smaller"};
      const std::vector<int>& members = *order_[i];
      ByteAutomaton::State state;
      state.is_final = std::binary_search(members.begin(), members.end(), end);
      add_edges(members, end, state);
      std::map<int, std::vector<int>> calls;
      for (const int m : members)
        for (const ByteAutomaton::Call& c : nodes_[size_t(m)].calls)
          calls[c.rule].push_back(c.target);
      for (auto& [rule, targets] : calls)
        state.calls.push_back({rule, number_of(std::move(targets), end)});
      result.states.push_back(std::move(state));
    }
    return minimize(result);
  }

  // Bytes fall into classes that the edges of all members do not tell apart.
  void add_edges(const std::vector<int>& members, int end, ByteAutomaton::State& state) {
    std::vector<const std::pair<ByteSet, int>*> edges;
    for (const int m : members)
      for (const auto& edge : nodes_[size_t(m)].edges) edges.push_back(&edge);
    uint8_t classes[256] = {};
    int count = 1;
    for (const auto* edge : edges) {
      int split[256];
      std::fill(split, split + 256, -1);
      bool is_whole[256];  // no byte of the class is outside the edge
      std::fill(is_whole, is_whole + 256, true);
      for (int b = 0; b < 256; ++b)
        if (!edge->first[size_t(b)]) is_whole[classes[b]] = false;
      for (int b = 0; b < 256; ++b) {
        if (!edge->first[size_t(b)] || is_whole[classes[b]]) continue;
        int& to = split[classes[b]];
        if (to < 0) to = count++;
        classes[b] = uint8_t(to);
      }
    }
    std::vector<int> targets(size_t(count), -2);
    for (int b = 0; b < 256; ++b) {
      int& target = targets[classes[b]];
      if (target == -2) {
        std::vector<int> next;
        for (const auto* edge : edges)
          if (edge->first[size_t(b)]) next.push_back(edge->second);
        target = next.empty() ? -1 : number_of(std::move(next), end);
      }
      if (target < 0) continue;
      if (!state.edges.empty() && state.edges.back().last + 1 == b &&
          state.edges.back().target == target)
        state.edges.back().last = uint8_t(b);
      else
        state.edges.push_back({uint8_t(b), uint8_t(b), target});
    }
  }

  const Grammar& grammar_;
  const bool inlines_;
  int depth_ = 0;
  std::vector<Node> nodes_;
  std::vector<unsigned> mark_;
  unsigned epoch_ = 0;
  size_t work_ = 0;
  std::map<std::vector<int>, int> known_;
  std::vector<const std::vector<int>*> order_;
};

}  // namespace

Result<ByteAutomaton> determinize(const Grammar& grammar, Grammar::Expression expression,
                                  bool inlines) {
  return Construction(grammar, inlines).run(expression);
}

}  // namespace weir
