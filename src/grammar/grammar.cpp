#include "grammar/grammar.h"

#include <algorithm>

namespace weir {
namespace {

// Repetitions that need more copies than this are counted by the automaton.
constexpr int64_t kCopiedStatesMax = 48;
constexpr int64_t kSizeMax = int64_t(1) << 40;

struct Utf8Range {
  uint8_t first[4], last[4];
  int bytes;
};

int utf8_length(char32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

void write_utf8(char32_t code, int bytes, uint8_t* to) {
  static constexpr uint8_t kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (int i = bytes - 1; i > 0; --i, code >>= 6) to[i] = uint8_t(0x80 | (code & 0x3F));
  to[0] = uint8_t(kLead[bytes] | code);
}

// Cuts [first, last] so that in every part each byte runs through one range, whatever the others
// are: at lengths, then where trailing bytes do not run through all 64 values.
void cut(char32_t first, char32_t last, std::vector<Utf8Range>& parts) {
  for (char32_t limit : {char32_t(0x7F), char32_t(0x7FF), char32_t(0xFFFF)}) {
    if (first > limit || last <= limit) continue;
    cut(first, limit, parts);
    cut(limit + 1, last, parts);
    return;
  }
  const int bytes = utf8_length(first);
  for (int i = 1; i < bytes; ++i) {
    const char32_t low = (char32_t(1) << (6 * i)) - 1;
    if ((first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) {
      cut(first, first | low, parts);
      cut((first | low) + 1, last, parts);
      return;
    }
    if ((last & low) != low) {
      cut(first, (last & ~low) - 1, parts);
      cut(last & ~low, last, parts);
      return;
    }
  }
  Utf8Range range{};
  range.bytes = bytes;
  write_utf8(first, bytes, range.first);
  write_utf8(last, bytes, range.last);
  parts.push_back(range);
}

}  // namespace

Grammar::Expression Grammar::add(Node node) {
  if (node.size == 0) {
    node.size = 1;
    for (Expression child : node.children)
      node.size = std::min(kSizeMax, node.size + nodes_[size_t(child)].size);
  }
  nodes_.push_back(std::move(node));
  return int(nodes_.size()) - 1;
}

Grammar::Expression Grammar::nothing() { return add({.kind = Node::Kind::nothing}); }
Grammar::Expression Grammar::empty() { return add({.kind = Node::Kind::empty}); }

Grammar::Expression Grammar::literal(std::string_view bytes) {
  if (bytes.empty()) return empty();
  literals_.emplace_back(bytes);
  return add({.kind = Node::Kind::literal,
              .value = int(literals_.size()) - 1,
              .size = int64_t(bytes.size())});
}

Grammar::Expression Grammar::one_of(const ByteSet& bytes) {
  sets_.push_back(bytes);
  return add({.kind = Node::Kind::bytes, .value = int(sets_.size()) - 1});
}

Grammar::Expression Grammar::character(const CodePointSet& set) {
  static const CodePointSet kSurrogates({{0xD800, 0xDFFF}});
  std::vector<Expression> alternatives;
  ByteSet ascii;
  const CodePointSet characters = set.intersected(kSurrogates.complement());
  for (const CodePointRange& range : characters.ranges()) {
    std::vector<Utf8Range> parts;
    cut(range.first, range.last, parts);
    for (const Utf8Range& part : parts) {
      std::vector<Expression> bytes;
      for (int i = 0; i < part.bytes; ++i) {
        ByteSet one;
        for (int b = part.first[i]; b <= part.last[i]; ++b) one.set(size_t(b));
        if (part.bytes == 1)
          ascii |= one;
        else
          bytes.push_back(one_of(one));
      }
      if (part.bytes > 1) alternatives.push_back(sequence(std::move(bytes)));
    }
  }
  if (ascii.any()) alternatives.push_back(one_of(ascii));
  return choice(std::move(alternatives));
}

Grammar::Expression Grammar::sequence(std::vector<Expression> parts) {
  if (parts.empty()) return empty();
  if (parts.size() == 1) return parts[0];
  return add({.kind = Node::Kind::sequence, .children = std::move(parts)});
}

Grammar::Expression Grammar::choice(std::vector<Expression> alternatives) {
  if (alternatives.empty()) return nothing();
  if (alternatives.size() == 1) return alternatives[0];
  return add({.kind = Node::Kind::choice, .children = std::move(alternatives)});
}

Grammar::Expression Grammar::repeat(Expression body, int64_t min, int64_t max) {
  if (max == 0) return empty();
  if (max != kUnlimited && max < min) return nothing();
  if (min == 1 && max == 1) return body;
  const int64_t copies = std::max(min, max == kUnlimited ? 1 : max);
  const bool is_counted = copies > 1 && copies > kCopiedStatesMax / nodes_[size_t(body)].size;
  if (!is_counted)
    return add({.kind = Node::Kind::repeat,
                .min = min,
                .max = max,
                .children = {body},
                .size = std::max<int64_t>(1, copies * nodes_[size_t(body)].size)});
  return count(body, min, max);
}

Grammar::Expression Grammar::count(Expression body, int64_t min, int64_t max) {
  const Rule item = add_rule("repeated part");
  define(item, body);
  rules_.push_back({"repetition", call(item), true, min, max});
  return call(int(rules_.size()) - 1);
}

Grammar::Expression Grammar::call(Rule rule) {
  return add({.kind = Node::Kind::call, .value = rule});
}

Grammar::Expression Grammar::automaton(ByteAutomaton automaton) {
  const int64_t size = std::max<int64_t>(1, int64_t(automaton.states.size()));
  automata_.push_back(std::move(automaton));
  return add({.kind = Node::Kind::automaton, .value = int(automata_.size()) - 1, .size = size});
}

Result<Grammar::Expression> Grammar::both(Expression a, Expression b) {
  const ByteAutomaton first = TRY(determinize(*this, a, true));
  const ByteAutomaton second = TRY(determinize(*this, b, true));
  return automaton(TRY(combine(first, second, false)));
}

Result<Grammar::Expression> Grammar::without(Expression a, Expression b) {
  const ByteAutomaton first = TRY(determinize(*this, a, true));
  const ByteAutomaton second = TRY(determinize(*this, b, true));
  return automaton(TRY(combine(first, second, true)));
}

Grammar::Rule Grammar::add_rule(std::string name) {
  rules_.push_back({std::move(name)});
  return int(rules_.size()) - 1;
}

void Grammar::define(Rule rule, Expression body) { rules_[size_t(rule)].body = body; }

}  // namespace weir
