#include "guard/word_matcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "guard/normaliser.h"

namespace weir {
namespace {

constexpr uint16_t kOther = 0, kBoundary = 1;  // classes of symbols
constexpr size_t kTable = 0x10000, kClassesMax = 0x4000;
constexpr size_t kRing = 256;  // places of symbols; more than an entry has

struct FoldLookup {
  FoldedCharacter operator()(char32_t code) const { return fold(code); }
};

struct Collector {
  std::vector<char32_t> symbols = {};  // 0: a boundary
  void symbol(uint32_t code, size_t, size_t) { symbols.push_back(code); }
  void boundary(size_t) { symbols.push_back(0); }
  bool skips_letters() const { return false; }
  bool skips_word(uint8_t, uint8_t) const { return false; }
  bool skips_symbol(uint32_t) const { return false; }
  void skip() {}
};

}  // namespace

struct WordMatcher::Machine {
  struct ClassedCharacter {
    uint16_t code;  // its class
    CharacterKind kind;
  };
  // While words are added.
  struct Node {
    std::map<uint16_t, int> next;
    std::vector<int> outputs;  // of entries_of_
  };
  struct Output {
    int rule;
    int symbols;
    bool begins_with_boundary, ends_with_boundary;
  };
  std::deque<Node> nodes{1};
  std::unordered_map<char32_t, uint16_t> classes;
  std::vector<Output> outputs;
  bool skips_letters = true;  // every entry of letters begins at a boundary

  // Afterwards, flat: states in breadth-first order, 0 is the root.
  struct State {
    uint32_t edges = 0;  // the first one
    uint32_t fail = 0;
    uint32_t report = 0;  // the nearest state of its suffixes with outputs; 0: none
    uint16_t edge_count = 0, depth = 0;
    uint32_t outputs = 0;
    uint32_t next_report = 0;
    bool begins_with_boundary = false;
  };
  struct Edge {
    uint16_t code;
    uint32_t target;
  };
  std::vector<State> states;
  std::vector<Edge> edges;
  std::vector<uint32_t> from_root;    // by class
  std::vector<uint32_t> output_list;  // numbers of outputs, each state's end with ~0
  std::vector<ClassedCharacter> table;
  // The root's, or it alone: states in breadth-first order have the boundary's, class 1, first.
  uint32_t boundary_state = 0;
  std::array<std::array<bool, 128>, 128> begins_word = {};  // ASCII, of entries after a boundary

  ClassedCharacter operator()(char32_t code) const {
    if (code < kTable) return table[code];
    const FoldedCharacter folded = fold(code);
    const auto found = classes.find(folded.code);
    return {found == classes.end() ? kOther : found->second, folded.kind};
  }

  void add(const std::vector<uint16_t>& path, const Output& output) {
    int node = 0;
    for (const uint16_t code : path) {
      int& next = nodes[size_t(node)].next[code];
      if (next == 0) {
        next = int(nodes.size());
        nodes.emplace_back();
      }
      node = next;
    }
    nodes[size_t(node)].outputs.push_back(int(outputs.size()));
    outputs.push_back(output);
  }

  Result<std::vector<uint16_t>> path_of(const std::vector<char32_t>& symbols) {
    std::vector<uint16_t> path;
    for (const char32_t symbol : symbols) {
      if (symbol == 0) {
        path.push_back(kBoundary);
        continue;
      }
      const auto [at, is_new] = classes.try_emplace(symbol, uint16_t(classes.size() + 2));
      if (is_new && classes.size() + 2 > kClassesMax)
        return Error{"the words have more than 16,000 different characters"};
      path.push_back(at->second);
    }
    return path;
  }

  uint32_t step(uint32_t state, uint16_t code) const {
    if (code == kOther) return 0;
    while (state != 0) {
      const State& s = states[state];
      const Edge* begin = edges.data() + s.edges;
      if (s.edge_count < 8) {
        for (const Edge* edge = begin; edge != begin + s.edge_count; ++edge)
          if (edge->code == code) return edge->target;
      } else {
        const Edge* edge = std::lower_bound(begin, begin + s.edge_count, code,
                                            [](const Edge& e, uint16_t c) { return e.code < c; });
        if (edge != begin + s.edge_count && edge->code == code) return edge->target;
      }
      state = s.fail;
    }
    return from_root[code];
  }

  void flatten() {
    std::vector<uint32_t> order = {0}, number(nodes.size());
    for (size_t i = 0; i < order.size(); ++i)
      for (const auto& [code, next] : nodes[order[i]].next) {
        number[size_t(next)] = uint32_t(order.size());
        order.push_back(uint32_t(next));
      }
    states.resize(order.size());
    from_root.assign(classes.size() + 2, 0);
    output_list.push_back(~0u);  // of states without outputs
    for (size_t i = 0; i < order.size(); ++i) {
      const Node& node = nodes[order[i]];
      State& state = states[i];
      state.edges = uint32_t(edges.size());
      state.edge_count = uint16_t(node.next.size());
      for (const auto& [code, next] : node.next) {
        const uint32_t target = number[size_t(next)];
        edges.push_back({code, target});
        states[target].depth = uint16_t(state.depth + 1);
        states[target].begins_with_boundary =
            i == 0 ? code == kBoundary : state.begins_with_boundary;
        if (i == 0) from_root[code] = target;
        // Its parent's suffixes are of lower depth, so they are linked already.
        else
          states[target].fail = step(state.fail, code);
      }
      if (!node.outputs.empty()) {
        state.outputs = uint32_t(output_list.size());
        for (const int output : node.outputs) output_list.push_back(uint32_t(output));
        output_list.push_back(~0u);
      }
      state.next_report = states[state.fail].report;
      state.report = node.outputs.empty() ? state.next_report : uint32_t(i);
    }
    boundary_state = from_root[kBoundary];
    nodes.clear();
    table.resize(kTable);
    for (char32_t code = 0; code < kTable; ++code) {
      const FoldedCharacter folded = fold(code);
      const auto found = classes.find(folded.code);
      table[code] = {found == classes.end() ? kOther : found->second, folded.kind};
    }
    for (size_t first = 0; first < 128; ++first) {
      const uint32_t begun = step(boundary_state, table[first].code);
      if (boundary_state == 0 || begun == 0) continue;
      for (size_t second = 0; second < 128; ++second)
        begins_word[first][second] = step(begun, table[second].code) != 0;
    }
  }
};

WordMatcher::WordMatcher() : machine_(std::make_unique<Machine>()) {}
WordMatcher::WordMatcher(WordMatcher&&) noexcept = default;
WordMatcher::~WordMatcher() = default;

Result<void> WordMatcher::add(std::string_view word, const Entry& entry) {
  Collector collector;
  const FoldLookup lookup;
  Normaliser<FoldLookup, Collector> normaliser(lookup, collector);
  normaliser.push(word, 0, true);
  std::vector<char32_t> symbols = std::move(collector.symbols);
  const auto count = size_t(std::ranges::count_if(symbols, [](char32_t s) { return s != 0; }));
  if (count < 2)
    return Error{fmt::format("'{}' is {} after normalisation; a word has two characters or more",
                             printable(word), count == 0 ? "nothing" : "one character")};
  if (symbols.size() > kSymbolsMax)
    return Error{fmt::format("'{}' has more than {} characters", printable(word), kSymbolsMax)};
  if (++entries_ > kEntriesMax) return Error{"there are more than 100,000 words"};
  const bool begins = symbols.front() == 0, ends = symbols.back() == 0;
  if (!entry.is_whole && begins) symbols.erase(symbols.begin());
  if (!entry.is_whole && ends) symbols.pop_back();
  machine_->skips_letters = machine_->skips_letters && (entry.is_whole || !begins);
  const auto path = TRY(machine_->path_of(symbols));
  machine_->add(
      path, {entry.rule, int(path.size()), path.front() == kBoundary, path.back() == kBoundary});
  if (!entry.has_readings) return {};
  std::vector<char32_t> initials = {0};
  for (const char32_t symbol : symbols) {
    const char letter = reading_initial(symbol);
    if (!letter) return {};
    initials.push_back(char32_t(letter));
  }
  if (initials.size() < 4) return {};
  initials.push_back(0);
  const auto spelled = TRY(machine_->path_of(initials));
  machine_->add(spelled, {entry.rule, int(spelled.size()), true, true});
  return {};
}

void WordMatcher::finish() { machine_->flatten(); }

struct WordMatcher::Stream::State {
  const Machine& machine;
  Normaliser<Machine, State> normaliser;
  uint32_t state = 0;
  size_t symbols = 0;  // so far
  std::array<size_t, kRing> begins = {}, ends = {};
  std::vector<WordMatch>* matches = nullptr;
  std::string unfinished = {};  // a character whose rest may come
  size_t taken = 0;             // bytes

  explicit State(const Machine& m) : machine(m), normaliser(m, *this) {}

  bool skips_letters() const { return state == 0 && machine.skips_letters; }
  bool skips_word(uint8_t first, uint8_t second) const {
    return machine.skips_letters && state <= machine.boundary_state &&
           !machine.begins_word[first][second];
  }
  bool skips_symbol(uint32_t code) const { return state == 0 && machine.from_root[code] == 0; }
  void skip() { state = 0; }
  // Places of a boundary that an entry begins with are not asked for.
  void boundary(size_t at) {
    if (state == 0)
      state = machine.boundary_state;
    else
      take(kBoundary, at, at);
  }
  void symbol(uint32_t code, size_t begin, size_t end) { take(uint16_t(code), begin, end); }

  void take(uint16_t code, size_t begin, size_t end) {
    begins[symbols % kRing] = begin;
    ends[symbols % kRing] = end;
    ++symbols;
    state = machine.step(state, code);
    for (uint32_t at = machine.states[state].report; at != 0; at = machine.states[at].next_report)
      for (uint32_t i = machine.states[at].outputs; machine.output_list[i] != ~0u; ++i)
        report(machine.outputs[machine.output_list[i]]);
  }

  void report(const Machine::Output& output) {
    const size_t first = symbols - size_t(output.symbols) + (output.begins_with_boundary ? 1 : 0);
    const size_t last = symbols - (output.ends_with_boundary ? 2 : 1);
    matches->push_back({output.rule, begins[first % kRing], ends[last % kRing]});
  }
};

WordMatcher::Stream::Stream(const WordMatcher& matcher)
    : state_(std::make_unique<State>(*matcher.machine_)) {}
WordMatcher::Stream::~Stream() = default;

void WordMatcher::Stream::push(std::string_view text, bool is_last,
                               std::vector<WordMatch>& matches) {
  State& s = *state_;
  s.matches = &matches;
  std::string joined;
  if (!s.unfinished.empty()) {
    joined = s.unfinished + std::string(text);
    text = joined;
  }
  const size_t taken = s.normaliser.push(text, s.taken, is_last);
  s.taken += taken;
  s.unfinished = text.substr(taken);
}

size_t WordMatcher::Stream::certain() const {
  const State& s = *state_;
  size_t certain = s.normaliser.pending(s.taken);
  const Machine::State& at = s.machine.states[s.state];
  const size_t depth = size_t(at.depth) - (at.begins_with_boundary ? 1 : 0);
  if (depth > 0) certain = std::min(certain, s.begins[(s.symbols - depth) % kRing]);
  return certain;
}

}  // namespace weir
